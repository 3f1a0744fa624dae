"""From the description to a plan: layers, replicas, names. Pure: same flow, same plan."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from flowlike.connectors import Source
from flowlike.errors import FlowBuildError
from flowlike.flow.combined import Combined, combined
from flowlike.flow.options import LayerOptions
from flowlike.flow.routing import Numbering, Partition, Routing, Shuffle
from flowlike.flow.staged import Staged, stage_label
from flowlike.native import Kernel
from flowlike.operators import (
    CountBy,
    GlobalWindow,
    GroupBy,
    GroupByKey,
    Layer,
    MapBatch,
    crosses_processes,
)
from flowlike.stages import AutoDemand, StageRef

if TYPE_CHECKING:
    from flowlike.flow.flow import Flow

Node: TypeAlias = "SourcePlan | StagePlan | LayerPlan | ReorderPlan"
"""What a plan is made of: each is one or more stages."""

_FOR_A_PROCESS = 0.01  # seconds: the way there and back takes about 0.5 ms
_WORTH_A_TURN = 1 << 16  # events that a replica may have asked for, if there is enough for all
# Most of a short call of a kernel is the call, so that a longer one is no risk.
_NATIVE_GROWTH = 256

_MOST_GUESSED = 1 << 24  # rows that may be given room for and stay empty

__all__ = [
    "Input",
    "LayerPlan",
    "Node",
    "Plan",
    "ReorderPlan",
    "SourcePlan",
    "StagePlan",
    "cpus",
    "foreign_stages",
    "make_plan",
]


@dataclass(frozen=True, slots=True, eq=False)
class SourcePlan:
    """One source: a producer of its own.

    Attributes:
        name: how reports and errors call it.
        source: what it reads.
    """

    name: str
    source: Source


@dataclass(frozen=True, slots=True, eq=False)
class StagePlan:
    """Stages of the user's own, before or between layers.

    Attributes:
        name: how reports and errors call them.
        members: instances to start, or stages that run already.
        upstream: what each of them reads; nothing for producers.
    """

    name: str
    members: tuple[Staged, ...]
    upstream: tuple[Node, ...]


class Input(NamedTuple):
    """What a layer reads.

    Attributes:
        node: the stages.
        routing: how they choose a replica of the layer.
        side: which of the flows that the layer brings together it belongs to, from 0.
    """

    node: Node
    routing: Routing
    side: int


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlan:
    """One layer with operators: ``stages`` replicas, each subscribed to everything upstream.

    Attributes:
        name: how reports and errors call it; its replicas share it.
        layer: the operators.
        options: as they were given.
        stages: how many replicas.
        inputs: the sources and layers that it reads, and how.
        combine_for: the label of the routing behind it, if the next layer only counts its
            events, or groups them, so that it does so already; else None.
        grouping: what the next layer groups by; ``None``: it counts.
        elsewhere: whether its replicas live in worker processes.
    """

    name: str
    layer: Layer
    options: LayerOptions
    stages: int
    inputs: tuple[Input, ...]
    combine_for: str | None = None
    elsewhere: bool = False
    grouping: GroupBy | GroupByKey | None = None

    @property
    def upstream(self) -> tuple[Node, ...]:
        """The sources and layers that it reads."""
        return tuple(each.node for each in self.inputs)

    @property
    def upstream_stages(self) -> int:
        """How many producers each replica is subscribed to."""
        return sum(map(_count, self.upstream))

    @property
    def max_demand(self) -> int | AutoDemand:
        """What a replica asks of one producer; under "auto" the layer shares one limit."""
        if self.options.max_demand != "auto":
            return self.options.max_demand
        limit = min(each.routing.LIMIT for each in self.inputs)
        ends = self.stages * self.upstream_stages
        # Shared by many, twice as much is better than a turn for every few events.
        share = max(limit // ends, min(_WORTH_A_TURN, 2 * limit // ends))
        at_once = max(
            (getattr(operator, "concurrency", 1) for operator in self.layer.operators), default=1
        )
        return AutoDemand(
            max(2, at_once, min(AutoDemand.LIMIT, share)),
            least=at_once,
            target=self.target,
            growth=_NATIVE_GROWTH if self.layer.is_native else AutoDemand.GROWTH,
            patience=_FOR_A_PROCESS if self.elsewhere else 0.0,
        )

    @property
    def target(self) -> float:
        """Seconds that "auto" lets a batch take: more where each one goes to another process."""
        if any(crosses_processes(each.executor) for each in self.layer.groups):
            return _FOR_A_PROCESS
        return AutoDemand.TARGET

    @property
    def in_flight(self) -> int:
        """The most events that its replicas together have asked for and not handled."""
        demand = self.max_demand
        most = demand.limit if isinstance(demand, AutoDemand) else demand
        return most * self.upstream_stages * self.stages


@dataclass(frozen=True, slots=True, eq=False)
class ReorderPlan:
    """One stage, behind the replicas of a layer, that lets their results out in order.

    Attributes:
        name: how reports and errors call it.
        layer: whose results.
    """

    name: str
    layer: LayerPlan

    @property
    def upstream(self) -> tuple[Node, ...]:
        """The layer."""
        return (self.layer,)

    @property
    def limit(self) -> int:
        """The most events of one replica that it has asked for and not let go."""
        limit = self.layer.options.max_demand
        return AutoDemand.LIMIT if limit == "auto" else limit

    @property
    def in_flight(self) -> int:
        """The most events that it has asked for and not let go, in all."""
        return self.limit * self.layer.stages


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a run consists of.

    Attributes:
        outputs: the last layer, or sources that nothing is done to.
        caller_limit: the most that the caller asks of one of their stages.
        workers: how many processes the layers are spread over; ``None``: they live here.
        nodes: all sources and layers, upstream first.
    """

    outputs: tuple[Node, ...]
    caller_limit: int
    workers: int | None
    nodes: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if not isinstance(node, SourcePlan):
                for each in node.upstream:
                    visit(each)
            found[node] = None

        for output in self.outputs:
            visit(output)
        object.__setattr__(self, "nodes", tuple(found))

    @property
    def sources(self) -> tuple[SourcePlan, ...]:
        """All sources, in order."""
        return tuple(node for node in self.nodes if isinstance(node, SourcePlan))

    def behind(self, node: Node) -> tuple[Routing, int]:
        """How a node chooses a replica of the next layer, and how many that has."""
        for layer in self.layers:
            for each in layer.inputs:
                if each.node is node:
                    return each.routing, layer.stages
        return Shuffle(), 1

    def check_sources(self) -> None:
        """Check that all sources can be opened.

        Raises:
            SourceExhausted: a one-shot iterator that was opened before, or is read twice in
                this run, by a flow that was merged or joined with itself.
        """
        seen: set[int] = set()
        for node in self.sources:
            node.source.check(again=id(node.source) in seen)
            seen.add(id(node.source))

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        """All stages of the user's own, upstream first."""
        return tuple(node for node in self.nodes if isinstance(node, StagePlan))

    @property
    def layers(self) -> tuple[LayerPlan, ...]:
        """All layers, upstream first."""
        return tuple(node for node in self.nodes if isinstance(node, LayerPlan))

    @property
    def uses_processes(self) -> bool:
        """Whether a function runs in worker processes."""
        return any(layer.layer.in_processes for layer in self.layers)

    @property
    def caller_holds(self) -> int:
        """The most events that the caller has asked for and not taken."""
        return self.caller_limit * sum(map(_count, self.outputs))

    @property
    def in_flight(self) -> int:
        """The most events that have been asked for and not handled, in all.

        What a flat_map or a trigger makes beyond what was asked for waits in its replica, which
        takes no more in meanwhile. Stages of the user's own ask for 1000 of each producer.
        """
        own = sum(
            1000 * len(node.members) * sum(map(_count, node.upstream)) for node in self.stages
        )
        flowing = [node for node in self.nodes if isinstance(node, (LayerPlan, ReorderPlan))]
        return self.caller_holds + own + sum(node.in_flight for node in flowing)

    @property
    def size_hint(self) -> int | None:
        """How many events the sources have in all, where all of them know it."""
        if self.stages:
            return None
        sizes = [node.source.size for node in self.sources]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None

    @property
    def room(self) -> int | None:
        """How many rows a result should have room for from the start; ``None``: nobody knows."""
        size = self.size_hint
        if size is None or all(layer.layer.keeps_count for layer in self.layers):
            return size
        return min(size, _MOST_GUESSED)  # there may be far fewer

    @property
    def writes_rows(self) -> bool:
        """True if all events are results of a kernel, no more than the sources are known to have.

        Then they can be written where the result will be.
        """
        return (
            self.size_hint is not None
            and all(layer.layer.never_grows for layer in self.layers)
            and all(
                isinstance(each, LayerPlan) and each.layer.ends_in_kernel for each in self.outputs
            )
        )

    @property
    def empty(self) -> np.ndarray[Any, Any]:
        """What no events make as an array: of the kind that events would have had, if known."""
        kinds = [_empty(node) for node in self.outputs]
        first = kinds[0]
        if first is None or any(kind is None or kind.dtype != first.dtype for kind in kinds):
            return np.empty(0)
        return first


def _count(node: Node) -> int:
    """How many stages a node is."""
    if isinstance(node, LayerPlan):
        return node.stages
    return len(node.members) if isinstance(node, StagePlan) else 1


def foreign_stages(node: Node) -> list[bool]:
    """For each stage of a node whether it is one that runs already, and so not the flow's."""
    if isinstance(node, StagePlan):
        return [isinstance(member, StageRef) for member in node.members]
    return [False] * _count(node)


def _empty(node: Node) -> np.ndarray[Any, Any] | None:
    """An empty array of the kind that a node emits, where that is plain to see."""
    if isinstance(node, SourcePlan):
        return node.source.empty
    if isinstance(node, StagePlan):
        return None
    if isinstance(node, ReorderPlan):
        return _empty(node.layer)
    if not node.layer.operators:
        return _empty(node.upstream[0])
    last = node.layer.operators[-1]
    if isinstance(last, MapBatch) and isinstance(last.function, Kernel):
        return np.empty(0, last.function.output)
    return None


def cpus() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_plan(flow: Flow[Any], workers: int | None = None) -> Plan:
    """Plan a flow.

    Args:
        flow: the description.
        workers: how many processes there are for the replicas of a layer; ``None``: they share
            one event loop.

    Raises:
        FlowBuildError: a layer has a window but nothing that it could cut, a stage is used
            twice, or what is to stay in order may be dropped from a full buffer.
    """
    planner = _Planner(workers)
    outputs = planner.layer(flow)
    last = flow._options.max_demand
    return Plan(outputs, AutoDemand.LIMIT if last == "auto" else last, workers)


class _Planner:
    def __init__(self, workers: int | None) -> None:
        self._workers = workers
        self._sources = 0
        self._layers = 0
        self._stages = 0
        self._members: set[int] = set()
        self._in_order: set[Node] = set()  # one stage each, as ordered=True has asked for

    def layer(self, flow: Flow[Any]) -> tuple[Node, ...]:
        """The stages that emit the events of ``flow``: a layer without work has none of its own."""
        flow._layer.check()
        inputs: tuple[Input, ...]
        if isinstance(flow._inputs, tuple):
            sources = tuple(self._source(source) for source in flow._inputs)
            if flow._options.ordered:
                self._in_order.update(sources)
            if flow._layer.is_empty and flow._options.on_init is None:
                return sources
            inputs = tuple(Input(source, Shuffle(), 0) for source in sources)
        else:
            inputs = tuple(
                Input(node, routing, side)
                for side, (each, routing) in enumerate(flow._inputs.upstream)
                for node in self.layer(each)
            )
            if flow._inputs.through:
                upstream = tuple(each.node for each in inputs)
                inputs = (Input(self._through(flow._inputs.through, upstream), Shuffle(), 0),)
        self._layers += 1
        operators = flow._layer.operators
        what = operators[0].label if operators else inputs[0].routing.label
        name = f"layer {self._layers}: {what}"
        stages = flow._options.stages or self._replicas(flow._layer)
        if stages > 1:  # a single one needs no exchange
            inputs = tuple(self._combining(flow, stages, each) for each in inputs)
        if not self._stays_in_order(flow, inputs):
            return (self._plan(name, flow, stages, inputs),)
        _check_keeps_all(flow, name)
        if stages > 1:
            inputs = (inputs[0]._replace(routing=Numbering()),)
        plan = self._plan(name, flow, stages, inputs)
        last = plan if stages == 1 else ReorderPlan(f"order of layer {self._layers}", plan)
        self._in_order.add(last)
        return (last,)

    def _combining(self, flow: Flow[Any], stages: int, each: Input) -> Input:
        """The input of a layer of which a part is done before the exchange, if nobody can tell.

        A limit on the demand or the buffer is one on events, which what is combined would evade.
        """
        node = each.node
        if isinstance(node, LayerPlan) and (
            node.options.max_demand != "auto" or node.options.buffer_size is not None
        ):
            return each
        plain: LayerPlan | None = None
        if isinstance(node, LayerPlan) and not node.layer.reducing and not node.layer.entering:
            plain = node
        if plain and each.routing == Partition() and _only_counts(flow):
            return each._replace(node=replace(plain, combine_for=each.routing.label))
        routing = combined(each.routing, flow._layer, flow._options)
        if routing is None or not self._is_wide(node, stages, routing):
            return each
        operator = routing.operator
        if plain and isinstance(operator, (GroupBy, GroupByKey)):
            return each._replace(
                node=replace(plain, combine_for=each.routing.label, grouping=operator)
            )
        return each._replace(routing=routing)

    def _is_wide(self, node: Node, stages: int, routing: Combined) -> bool:
        """True if what is done before the exchange can use as many cores as behind it."""
        if isinstance(node, SourcePlan):
            return not routing.works
        if not isinstance(node, LayerPlan):
            return False
        return not routing.works or self._workers is None or node.stages >= stages

    def _plan(
        self, name: str, flow: Flow[Any], stages: int, inputs: tuple[Input, ...]
    ) -> LayerPlan:
        elsewhere = self._workers is not None
        return LayerPlan(name, flow._layer, flow._options, stages, inputs, elsewhere=elsewhere)

    def _replicas(self, layer: Layer) -> int:
        """As many as can run at the same time."""
        if self._workers is not None:
            return self._workers
        return 1 if layer.runs_inline and not layer.has_reduce else cpus()

    def _stays_in_order(self, flow: Flow[Any], inputs: tuple[Input, ...]) -> bool:
        """True if a layer has no state, and all its events come in order from one stage."""
        if flow._layer.has_reduce or flow._layer.entering is not None or len(inputs) > 1:
            return False
        return inputs[0].node in self._in_order and inputs[0].routing == Shuffle()

    def _through(self, members: tuple[Staged, ...], upstream: tuple[Node, ...]) -> StagePlan:
        for member in members:
            if not isinstance(member, StageRef) and id(member) in self._members:
                raise FlowBuildError(
                    f"{member!r:.80} is used twice in this flow, and a stage runs once at a time; "
                    "give each place an instance of its own, or start it yourself and give "
                    "its StageRef"
                )
            self._members.add(id(member))
        self._stages += 1
        return StagePlan(f"stages {self._stages}: {stage_label(members)}", members, upstream)

    def _source(self, source: Source) -> SourcePlan:
        self._sources += 1
        return SourcePlan(f"source {self._sources}: {source.label}", source)


def _check_keeps_all(flow: Flow[Any], name: str) -> None:
    """Refuse a buffer that drops events which others wait for.

    Raises:
        FlowBuildError: it has a size.
    """
    size = flow._options.buffer_size
    if size not in (None, math.inf):
        raise FlowBuildError(
            f"{name} has buffer_size={size} and may drop events, which an ordered flow waits "
            "for: leave buffer_size out (max_demand limits what is held, and nothing is "
            "dropped), or leave out ordered=True"
        )


def _only_counts(flow: Flow[Any]) -> bool:
    """True if nothing but the number of equal events matters to the layer, and only at the end."""
    layer = flow._layer
    return (
        layer.reducing == CountBy()
        and not layer.before
        and layer.entering is None
        and layer.window in (None, GlobalWindow())
        and flow._options.max_demand == "auto"
    )
