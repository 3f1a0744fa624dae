"""A flow that runs: its stages, materialised from the plan, and their common end."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from flowlike.connectors import Drain
from flowlike.flow.calling import Caller
from flowlike.flow.collectors import Collector, Ignore
from flowlike.flow.crossing import check_crossing
from flowlike.flow.failure_feed import Feeds
from flowlike.flow.options import LayerOptions
from flowlike.flow.planner import (
    Input,
    LayerPlan,
    Node,
    Plan,
    ReorderPlan,
    SourcePlan,
    StagePlan,
    cpus,
)
from flowlike.flow.pools import Pools
from flowlike.flow.reorder import Reorder
from flowlike.flow.replica import OrderedReplica, Replica, Upstream
from flowlike.flow.report import RunReport
from flowlike.flow.reporting import report_run
from flowlike.flow.routing import JoinSide, Numbering, Partition, Routing, Shuffle
from flowlike.flow.run_options import RunOptions
from flowlike.flow.staged import Into
from flowlike.observe import ProgressBar
from flowlike.operators import compile_program, key_function
from flowlike.options import check_choice
from flowlike.stages import (
    AutoDemand,
    Dispatcher,
    Producer,
    StageGroup,
    StageRef,
    Subscribe,
    Subscription,
)
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
        into: tuple[Into, ...] = (),
    ) -> None:
        self._plan = plan
        self._collector = collector
        self._into = into
        self._feeds = Feeds(plan)
        self._layers = {each: self._feeds.connect(each.layer) for each in plan.layers}
        self._sinks: list[StageRef] = []  # those that take the events of `into`, and failures
        self._foreign: list[asyncio.Task[Subscription]] = []  # subscriptions of stages not ours
        self._readers_gone: list[asyncio.Future[Any]] = []
        self._timeout = options.seconds
        self._demand = check_choice("demand", demand, ("forward", "accumulate"))
        threads = sum(
            layer.stages * getattr(operator, "concurrency", 1)
            for layer in plan.layers
            for operator in layer.layer.operators
        )
        self._pools = Pools(min(max(cpus(), threads), _MOST_THREADS), cpus())
        self._native: dict[Node, dict[str, float]] = {}  # what kernels cost, by layer
        # Without a runner the stages live here, as with LocalRunner.
        self._opening = StageGroup() if options.runner is None else options.runner.open()
        self._runner = options.runner
        self._group: StageGroup | None = None
        self._stages: dict[Node, list[StageRef]] = {}
        self._replicas: dict[StageRef, Replica] = {}
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
        if self._plan.uses_processes:
            check_crossing(self._plan)
        group = self._group = await self._opening.__aenter__()
        try:
            if self._plan.uses_processes:
                self._pools.open_workers(None if self._runner is None else self._runner.lend())
            self._materialise(group)
            if self._timeout is not None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._timeout, self._time_out)
            await group.settled()
            if self._foreign:
                await asyncio.gather(*self._foreign)
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
            for task in self._foreign:
                task.cancel()
            await asyncio.gather(*self._foreign, return_exceptions=True)
            for gone in self._readers_gone:
                gone.cancel()
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
        return [(counts.events_in, counts.events_out) for counts in map(StageRef.counts, refs)]

    def _running_group(self) -> StageGroup:
        if self._group is None:
            raise RuntimeError("use a started flow inside `async with flow.start() as running`")
        return self._group

    def _time_out(self) -> None:
        group = self._running_group()
        if not group.has_ended:  # it may have, a moment ago
            group.fail(TimeoutError(f"the flow did not end within {self._timeout} s"))

    def _own(self, node: Node) -> list[StageRef]:
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
            ref.finish()
        for layer in self._readers(stages):
            for replica in self._stages.get(layer, ()):
                replica.cast(Drain())

    # From the plan to stages.

    def _materialise(self, group: StageGroup) -> None:
        """Start all stages, upstream first; the sources wait until everybody has subscribed."""
        downstream: dict[Node, tuple[Routing, int]] = {
            each.node: (each.routing, layer.stages)
            for layer in self._plan.layers
            for each in layer.inputs
        }
        self._plan.check_sources()  # all of them, before any is used up
        producers: dict[SourcePlan, Producer[Any]] = {
            plan: plan.source.open() for plan in self._plan.sources
        }
        for number, feed in enumerate(self._feeds, 1):
            self._start_sink(group, feed.into, [group.spawn(feed, name=f"failures {number}")])
        for node in self._plan.nodes:
            routing, partitions = downstream.get(node, (Shuffle(), 1))
            dispatcher = routing.dispatcher(partitions)
            if isinstance(node, SourcePlan):
                producer = producers[node]
                producer.dispatcher = dispatcher
                producer.demand = "accumulate"
                self._stages[node] = [group.spawn(producer, name=node.name)]
            elif isinstance(node, StagePlan):
                self._stages[node] = self._start_stages(group, node)
            elif isinstance(node, ReorderPlan):
                wanted = [Subscribe(ref) for ref in self._stages[node.layer]]
                reorder = Reorder(node.limit, dispatcher)
                self._stages[node] = [group.spawn(reorder, name=node.name, subscribe_to=wanted)]
            else:
                self._stages[node] = self._start_layer(group, node, dispatcher)
        outputs = [ref for output in self._plan.outputs for ref in self._stages[output]]
        if not self._into:
            demand = self._collector.demand(self._plan.caller_limit)
            collected = [Subscribe(ref, max_demand=demand) for ref in outputs]
            readers = [group.spawn(self._collector, name="collector", subscribe_to=collected)]
        else:
            readers = [self._start_sink(group, into, outputs) for into in self._into]
        self._readers_gone = [reader.gone() for reader in readers]
        for gone in self._readers_gone:
            gone.add_done_callback(self._reader_gone)

    def _reader_gone(self, _: asyncio.Future[Any]) -> None:
        """With the last reader everything ends: what no longer has a reader would wait for ever."""
        if all(gone.done() for gone in self._readers_gone):
            for node in self._stages:
                for ref in self._own(node):
                    ref.end()

    def _start_sink(self, group: StageGroup, into: Into, outputs: list[StageRef]) -> StageRef:
        wanted = [into.subscribe(ref) for ref in outputs]
        if isinstance(into.consumer, StageRef):
            self._subscribe_foreign(into.consumer, wanted)
            sink = into.consumer
        else:
            sink = group.spawn(into.consumer, subscribe_to=wanted)
        self._sinks.append(sink)
        return sink

    def _start_stages(self, group: StageGroup, plan: StagePlan) -> list[StageRef]:
        refs = []
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

    def _start_layer(
        self, group: StageGroup, plan: LayerPlan, dispatcher: Dispatcher
    ) -> list[StageRef]:
        options = plan.options
        ignored = isinstance(self._collector, Ignore) and not self._into
        hands_on = plan not in self._plan.outputs or not ignored
        upstream = [(each, ref) for each in plan.inputs for ref in self._stages[each.node]]
        layer = self._layers[plan]
        arena = self._collector.arena
        if arena is not None and plan in self._plan.outputs:
            layer = layer.writing_into(arena.empty)
        numbered = any(isinstance(each.routing, Numbering) for each in plan.inputs)
        kind = OrderedReplica if numbered else Replica
        keys = [_key(each.routing) for each, _ in upstream]
        sides = [each.side for each, _ in upstream]
        max_demand = plan.max_demand
        refs = []
        for replica in range(plan.stages):
            stage = kind(
                compile_program(
                    layer,
                    partition=replica,
                    partitions=plan.stages,
                    upstreams=len(upstream),
                    key=keys,
                    sides=sides,
                    emits=hands_on or not plan.layer.has_reduce,
                    combine_for=plan.combine_for,
                ),
                producers=len(upstream),
                caller=Caller(self._pools, self._native.setdefault(plan, {})),
                dispatcher=dispatcher,
                on_init=_on_init(options, replica, plan.stages),
                feeds=self._feeds.of(plan.layer),
            )
            if options.buffer_size is not None:
                stage.buffer_size = options.buffer_size
            stage.buffer_keep = options.buffer_keep
            wanted = [
                _subscription(plan, max_demand, replica, number, source, producer)
                for number, (source, producer) in enumerate(upstream)
            ]
            name = f"{plan.name}, replica {replica}"
            ref = group.spawn(stage, name=name, subscribe_to=wanted)
            self._replicas[ref] = stage
            refs.append(ref)
        return refs


def _on_init(options: LayerOptions, replica: int, stages: int) -> Callable[[], Any] | None:
    """The user's function of a replica that starts, ready to be called."""
    if options.on_init is None:
        return None
    return functools.partial(options.on_init, replica, stages)


def _subscription(
    plan: LayerPlan,
    max_demand: int | AutoDemand,
    replica: int,
    number: int,
    source: Input,
    producer: StageRef,
) -> Subscribe:
    """How a replica of a layer reads from one of its producers."""
    foreign = isinstance(source.node, StagePlan) and producer in source.node.members
    return Subscribe(
        producer,
        max_demand=max_demand,
        min_demand=plan.options.min_demand,
        # The planned end of a stage that is not the flow's is the end of a source.
        cancel="transient" if foreign else "permanent",
        partition=source.routing.partition(replica, plan.stages),
        tag=Upstream(number, foreign),
    )


def _key(routing: Routing) -> Callable[[Any], Any] | None:
    """What the events of one session have in common: the key that they were routed by."""
    if isinstance(routing, JoinSide):
        return key_function(routing.key)
    if not isinstance(routing, Partition) or routing.hash is not None:
        return None
    return _itself if routing.key is None else key_function(routing.key)


def _itself(event: Any) -> Any:
    return event


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
