"""The plan of a flow: its sources, layers and stages, and what follows from them. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from flowlike.connectors import Source
from flowlike.flow.carriers import ToCarriers
from flowlike.flow.options import LayerOptions
from flowlike.flow.routing import Routing, Shuffle
from flowlike.flow.staged import Staged
from flowlike.native import Kernel
from flowlike.operators import GroupBy, GroupByKey, Layer, MapBatch, crosses_processes
from flowlike.stages import AutoDemand, StageRef

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
    "foreign_stages",
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
    """One layer with operators: ``stages`` replicas that read everything upstream.

    Attributes:
        name: how reports and errors call it; its replicas share it.
        layer: the operators.
        options: as they were given.
        stages: how many replicas.
        carriers: how many stages carry them, each subscribed to everything upstream.
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
    carriers: int
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
        ends = self.carriers * self.upstream_stages
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
        """Seconds that "auto" lets a batch take: more where each one goes to another process.

        A batch for several replicas may take as long as one for each of them.
        """
        if any(crosses_processes(each.executor) for each in self.layer.groups):
            return _FOR_A_PROCESS
        shares = any(isinstance(each.routing, ToCarriers) for each in self.inputs)
        return AutoDemand.TARGET * (self.stages // self.carriers if shares else 1)

    @property
    def in_flight(self) -> int:
        """The most events that its replicas together have asked for and not handled."""
        demand = self.max_demand
        most = demand.limit if isinstance(demand, AutoDemand) else demand
        return most * self.upstream_stages * self.carriers


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
        return self.limit * self.layer.carriers


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
        return node.carriers
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
