"""A flow that runs: its stages, materialised from the plan, and their common end."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from flowlike.connectors import Drain
from flowlike.flow.calling import Caller
from flowlike.flow.collectors import Collector, Ignore
from flowlike.flow.planner import LayerPlan, Plan, SourcePlan, cpus
from flowlike.flow.pools import Pools
from flowlike.flow.replica import Replica
from flowlike.flow.report import RunReport, report_stage
from flowlike.flow.routing import Routing, Shuffle
from flowlike.flow.run_options import RunOptions
from flowlike.observe import ProgressBar
from flowlike.operators import compile_program
from flowlike.options import check_choice
from flowlike.stages import Dispatcher, Producer, StageGroup, StageRef, Subscribe
from flowlike.stages.running import GRACE

__all__ = ["RunningFlow"]

_MOST_THREADS = 512

_log = logging.getLogger("flowlike")


class RunningFlow:
    """A running flow: ``async with flow.start() as running``.

    Leaving the block drains the flow and stops it: the sources are read no further, what was
    read is processed, windows fire. A callback that waits for 5 s while nothing else in the flow
    moves is taken for stuck and cancelled, with a warning. Leaving the block by an exception
    stops everything at once.
    When a function of the flow raises, the block is cancelled and raises that exception.
    """

    def __init__(
        self,
        plan: Plan,
        collector: Collector[Any],
        options: RunOptions,
        *,
        demand: str = "forward",
    ) -> None:
        self._plan = plan
        self._collector = collector
        self._timeout = options.seconds
        self._demand = check_choice("demand", demand, ("forward", "accumulate"))
        threads = sum(
            layer.stages * getattr(operator, "concurrency", 1)
            for layer in plan.layers
            for operator in layer.layer.operators
        )
        self._pools = Pools(min(max(cpus(), threads), _MOST_THREADS), cpus())
        # Without a runner the stages live here, as with LocalRunner.
        self._opening = StageGroup() if options.runner is None else options.runner.open()
        self._group: StageGroup | None = None
        self._stages: dict[SourcePlan | LayerPlan, list[StageRef]] = {}
        self._started = 0.0
        self._stopped: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._bar: ProgressBar | None = None
        if options.progress:
            self._bar = ProgressBar(lambda: self.stats().events_in, plan.size_hint)

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("a started flow can be entered once; call start() again")
        self._started = perf_counter()
        group = self._group = await self._opening.__aenter__()
        try:
            self._materialise(group)
            if self._timeout is not None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._timeout, self._time_out)
            await group.settled()
        except BaseException as error:
            if not await self.__aexit__(type(error), error, error.__traceback__):
                raise
        if self._demand == "forward":
            self.demand("forward")
        if self._bar is not None:
            self._bar.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            if error is None:
                try:
                    await self._drain()
                except BaseException as stopped:
                    kind, error, traceback = type(stopped), stopped, stopped.__traceback__
                    await self._opening.__aexit__(kind, error, traceback)
                    raise
            return bool(await self._opening.__aexit__(kind, error, traceback))
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._bar is not None:
                self._bar.stop()
            await self._pools.close()
            self._stopped = perf_counter()

    async def wait(self) -> RunReport:
        """Wait until the flow has ended by itself, and return its report."""
        await self._running_group().wait()
        return self.stats()

    async def stop(self, drain: bool = True) -> None:
        """End the flow, and wait for its end.

        Args:
            drain: read the sources no further, process what was read, let the windows fire;
                otherwise stop everything at once.
        """
        if drain:
            self._stop_reading()
        else:
            self.end()
        await self._running_group().wait()

    def end(self) -> None:
        """Begin to end everything at once, without waiting for it."""
        self._running_group().end("shutdown")

    def demand(self, mode: str) -> None:
        """Let the sources be read ("forward") or hold them ("accumulate").

        Raises:
            ValueError: another mode.
        """
        check_choice("mode", mode, ("forward", "accumulate"))
        for plan in self._plan.sources:
            for source in self._stages[plan]:
                source.set_demand(mode)

    def stats(self) -> RunReport:
        """A report so far; after the end the final one."""
        wall_time = (self._stopped or perf_counter()) - self._started
        stages = tuple(
            report_stage(plan.name, replica, ref, wall_time)
            for plan, refs in self._stages.items()
            for replica, ref in enumerate(refs)
        )
        sources = {plan.name for plan in self._plan.sources}
        outputs = {plan.name for plan in self._plan.outputs}
        return RunReport(
            wall_time=wall_time,
            events_in=sum(stage.events_in for stage in stages if stage.name in sources),
            events_out=sum(stage.events_out for stage in stages if stage.name in outputs),
            late=sum(stage.late for stage in stages),
            discarded=sum(stage.discarded for stage in stages),
            peak_buffer=max(
                (ref.counts().peak_buffer for refs in self._stages.values() for ref in refs),
                default=0,
            ),
            stages=stages,
        )

    def _stop_reading(self) -> None:
        for plan in self._plan.sources:
            for source in self._stages.get(plan, ()):
                source.cast(Drain())

    async def _drain(self) -> None:
        """Stop as :meth:`stop` does, but wait only as long as something moves."""
        self._stop_reading()
        group = self._running_group()
        moved: list[tuple[int, int]] = []
        while not group.has_ended:
            before, moved = moved, [(s.events_in, s.events_out) for s in self.stats().stages]
            if moved == before:
                _log.warning("a callback has waited for %s s; it is cancelled", GRACE)
                self.end()
                await group.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await group.wait()

    def _running_group(self) -> StageGroup:
        if self._group is None:
            raise RuntimeError("use a started flow inside `async with flow.start() as running`")
        return self._group

    def _time_out(self) -> None:
        group = self._running_group()
        if not group.has_ended:  # it may have, a moment ago
            group.fail(TimeoutError(f"the flow did not end within {self._timeout} s"))

    # From the plan to stages.

    def _materialise(self, group: StageGroup) -> None:
        """Start all stages, upstream first; the sources wait until everybody has subscribed."""
        downstream: dict[SourcePlan | LayerPlan, tuple[Routing, int]] = {
            node: (layer.routing, layer.stages)
            for layer in self._plan.layers
            for node in layer.upstream
        }
        for plan in self._plan.sources:
            plan.source.check()  # all of them, before any is used up
        producers: dict[SourcePlan, Producer[Any]] = {
            plan: plan.source.open() for plan in self._plan.sources
        }
        for node in self._plan.nodes:
            routing, partitions = downstream.get(node, (Shuffle(), 1))
            dispatcher = routing.dispatcher(partitions)
            if isinstance(node, SourcePlan):
                producer = producers[node]
                producer.dispatcher = dispatcher
                producer.demand = "accumulate"
                self._stages[node] = [group.spawn(producer, name=node.name)]
            else:
                self._stages[node] = [
                    self._start_replica(group, node, replica, dispatcher)
                    for replica in range(node.stages)
                ]
        group.spawn(
            self._collector,
            name="collector",
            subscribe_to=[
                Subscribe(ref, max_demand=self._collector.demand(self._plan.caller_limit))
                for output in self._plan.outputs
                for ref in self._stages[output]
            ],
        )

    def _start_replica(
        self, group: StageGroup, plan: LayerPlan, replica: int, dispatcher: Dispatcher
    ) -> StageRef:
        options = plan.options
        on_init: Callable[[], Any] | None = None
        if options.on_init is not None:
            on_init = functools.partial(options.on_init, replica, plan.stages)
        hands_on = plan not in self._plan.outputs or not isinstance(self._collector, Ignore)
        stage = Replica(
            compile_program(
                plan.layer,
                partition=replica,
                partitions=plan.stages,
                emits=hands_on or not plan.layer.has_reduce,
            ),
            producers=plan.upstream_stages,
            caller=Caller(self._pools),
            dispatcher=dispatcher,
            on_init=on_init,
        )
        if options.buffer_size is not None:
            stage.buffer_size = options.buffer_size
        stage.buffer_keep = options.buffer_keep
        return group.spawn(
            stage,
            name=f"{plan.name}, replica {replica}",
            subscribe_to=[
                Subscribe(
                    producer,
                    max_demand=plan.max_demand,
                    min_demand=options.min_demand,
                    partition=plan.routing.partition(replica, plan.stages),
                )
                for node in plan.upstream
                for producer in self._stages[node]
            ],
        )
