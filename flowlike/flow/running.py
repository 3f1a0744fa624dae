"""A flow that runs: its stages, materialised from the plan, and their common end."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flowlike.connectors import Drain
from flowlike.flow.collectors import Collector, Ignore
from flowlike.flow.failure_feed import Feeds
from flowlike.flow.placement import Here, Started
from flowlike.flow.plan import LayerPlan, Node, Plan, ReorderPlan, SourcePlan, StagePlan
from flowlike.flow.recipe import recipes_of
from flowlike.flow.reorder import Reorder
from flowlike.flow.replica import ReplicaCounts
from flowlike.flow.report import RunReport
from flowlike.flow.reporting import report_run
from flowlike.flow.run_options import RunOptions
from flowlike.flow.staged import Into
from flowlike.options import check_choice
from flowlike.stages import (
    StageGroup,
    StageRef,
    Subscribe,
    Subscription,
)
from flowlike.stages.running import GRACE

if TYPE_CHECKING:
    from flowlike.observe import ProgressBar

__all__ = ["RunningFlow"]

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
        into: tuple[Into, ...] = (),
    ) -> None:
        self._plan = plan
        self._collector = collector
        self._into = into
        self._feeds = Feeds(plan)
        hands_on = bool(into) or not isinstance(collector, Ignore)
        self._recipes = recipes_of(plan, self._feeds.number, hands_on=hands_on)
        self._sinks: list[StageRef] = []  # those that take the events of `into`, and failures
        self._foreign: list[asyncio.Task[Subscription]] = []  # subscriptions of stages not ours
        self._readers_gone: list[asyncio.Future[Any]] = []
        self._timeout = options.seconds
        self._demand = check_choice("demand", demand, ("forward", "accumulate"))
        # Without a runner the stages live here, as with LocalRunner.
        self._placement = Here(plan) if options.runner is None else options.runner.place(plan)
        self._opening = StageGroup()
        self._group: StageGroup | None = None
        self._stages: dict[Node, list[Started]] = {}
        self._replicas: dict[Started, Callable[[], ReplicaCounts]] = {}
        self._started = 0.0
        self._stopped: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._bar: ProgressBar | None = None
        if options.progress:
            from flowlike.observe import ProgressBar  # noqa: PLC0415 - few flows need it

            self._bar = ProgressBar(lambda: self.stats().events_in, plan.size_hint)

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("a started flow can be entered once; call start() again")
        self._started = perf_counter()
        group = self._group = await self._opening.__aenter__()
        try:
            self._placement.open(group, self._feeds, list(self._recipes.values()))
            self._materialise(group)
            if self._timeout is not None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._timeout, self._time_out)
            await group.settled()
            if self._foreign:
                await asyncio.gather(*self._foreign)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
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
    ) -> None:
        try:
            if error is None:
                try:
                    await self._drain()
                except BaseException as stopped:
                    kind, error, traceback = type(stopped), stopped, stopped.__traceback__
                    await self._opening.__aexit__(kind, error, traceback)
                    raise
            await self._opening.__aexit__(kind, error, traceback)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for gone in self._readers_gone:
                gone.cancel()
            if self._bar is not None:
                self._bar.stop()
            for task in self._foreign:
                task.cancel()
            try:
                await asyncio.gather(*self._foreign, return_exceptions=True)
            finally:
                await self._placement.close()
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
        for stages in self._plan.stages:
            if not stages.upstream:
                for own in self._own(stages):
                    own.set_demand(mode)

    def stats(self) -> RunReport:
        """A report so far; after the end the final one."""
        wall_time = (self._stopped or perf_counter()) - self._started
        own = {plan: self._own(plan) for plan in self._stages}
        return report_run(self._plan, own, self._replicas, wall_time)

    def _stop_reading(self) -> None:
        for plan in self._plan.sources:
            for source in self._stages.get(plan, ()):
                source.cast(Drain())
        for stages in self._plan.stages:
            if not stages.upstream:
                self._stop_reading_from(stages)

    async def _drain(self) -> None:
        """Stop as :meth:`stop` does, but wait only as long as something moves."""
        self._stop_reading()
        group = self._running_group()
        moved: list[tuple[int, int]] = []
        while not group.has_ended:
            before, moved = moved, self._moved()
            if moved == before:
                _log.warning("a callback has waited for %s s; it is cancelled", GRACE)
                self.end()
                await group.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await group.wait()

    def _moved(self) -> list[tuple[int, int]]:
        """How many events have gone through each stage that there is to wait for."""
        refs = [*itertools.chain.from_iterable(self._stages.values()), *self._sinks]
        return [(counts.events_in, counts.events_out) for counts in (ref.counts() for ref in refs)]

    def _running_group(self) -> StageGroup:
        if self._group is None:
            raise RuntimeError("use a started flow inside `async with flow.start() as running`")
        return self._group

    def _time_out(self) -> None:
        group = self._running_group()
        if not group.has_ended:  # it may have, a moment ago
            group.fail(TimeoutError(f"the flow did not end within {self._timeout} s"))

    def _own(self, node: Node) -> list[Started]:
        """The stages of a node that the flow has started."""
        refs = self._stages.get(node, [])
        if isinstance(node, StagePlan):
            return [ref for ref in refs if ref not in node.members]
        return refs

    def _readers(self, stages: StagePlan) -> list[LayerPlan]:
        return [layer for layer in self._plan.layers if stages in layer.upstream]

    def _stop_reading_from(self, stages: StagePlan) -> None:
        """Producers of the flow finish; from others nothing more is taken."""
        for ref in self._own(stages):
            assert isinstance(ref, StageRef)  # stages of a user's live here
            ref.finish()
        for layer in self._readers(stages):
            for replica in self._stages.get(layer, ()):
                replica.cast(Drain())

    # From the plan to stages.

    def _materialise(self, group: StageGroup) -> None:
        """Start all stages, upstream first; the sources wait until everybody has subscribed."""
        self._plan.check_sources()  # all of them, before any is used up
        for number, feed in enumerate(self._feeds, 1):
            self._start_sink(group, feed.into, [group.spawn(feed, name=f"failures {number}")])
        for node in self._plan.nodes:
            routing, partitions = self._plan.behind(node)
            if isinstance(node, SourcePlan):
                self._stages[node] = [self._placement.start_source(node, routing, partitions)]
            elif isinstance(node, StagePlan):
                self._stages[node] = self._start_stages(group, node)
            elif isinstance(node, ReorderPlan):
                wanted = [Subscribe(ref) for ref in self._stages[node.layer]]
                reorder = Reorder(
                    node.limit, routing.dispatcher(partitions, self._placement.native)
                )
                self._stages[node] = [group.spawn(reorder, name=node.name, subscribe_to=wanted)]
            else:
                self._stages[node] = self._start_layer(node)
        outputs = [ref for output in self._plan.outputs for ref in self._stages[output]]
        demand = self._collector.demand(self._plan.caller_limit)
        collected = [Subscribe(ref, max_demand=demand) for ref in outputs]
        if self._into:
            readers = [self._start_sink(group, into, outputs) for into in self._into]
        elif isinstance(self._collector, Ignore):
            readers = self._placement.ignore(collected)
        else:
            readers = [group.spawn(self._collector, name="collector", subscribe_to=collected)]
        self._placement.launch()
        self._readers_gone = [reader.gone() for reader in readers]
        for gone in self._readers_gone:
            gone.add_done_callback(self._reader_gone)

    def _reader_gone(self, _: asyncio.Future[Any]) -> None:
        """With the last reader everything ends: what no longer has a reader would wait for ever."""
        if all(gone.done() for gone in self._readers_gone):
            for node in self._stages:
                for ref in self._own(node):
                    ref.end()

    def _start_sink(self, group: StageGroup, into: Into, outputs: Sequence[Started]) -> StageRef:
        wanted = [into.subscribe(ref) for ref in outputs]
        if isinstance(into.consumer, StageRef):
            self._subscribe_foreign(into.consumer, wanted)
            sink = into.consumer
        else:
            sink = group.spawn(into.consumer, subscribe_to=wanted)
        self._sinks.append(sink)
        return sink

    def _start_stages(self, group: StageGroup, plan: StagePlan) -> list[Started]:
        refs: list[Started] = []
        for member in plan.members:
            wanted = [Subscribe(ref) for node in plan.upstream for ref in self._stages[node]]
            if isinstance(member, StageRef):
                _check_loop(member)
                self._subscribe_foreign(member, wanted)
                refs.append(member)
            else:
                ref = group.spawn(member, name=plan.name, subscribe_to=wanted)
                if not plan.upstream:
                    ref.set_demand("accumulate")  # until everybody has subscribed
                refs.append(ref)
        return refs

    def _subscribe_foreign(self, consumer: StageRef, wanted: list[Subscribe]) -> None:
        """Let a stage that is not the flow's subscribe to stages of the flow."""
        _check_loop(consumer)
        loop = asyncio.get_running_loop()
        self._foreign += [loop.create_task(consumer.subscribe(options)) for options in wanted]

    def _start_layer(self, plan: LayerPlan) -> list[Started]:
        producers = [ref for node in plan.upstream for ref in self._stages[node]]
        arena = self._collector.arena if plan in self._plan.outputs else None
        placed = self._placement.start(self._recipes[plan], producers, arena)
        self._replicas.update(placed)
        return [each.ref for each in placed]


def _check_loop(ref: StageRef) -> None:
    """Refuse a stage of another event loop.

    Raises:
        RuntimeError: it runs on another one.
    """
    if ref.loop is not asyncio.get_running_loop():
        raise RuntimeError(
            f"stage {ref.name!r} runs on another event loop than this flow; run the flow on its "
            "loop: await flow.arun(), async for, or flow.start()"
        )
