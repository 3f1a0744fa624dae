"""What it takes to make the replicas of a layer, wherever they are to run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowlike.flow.calling import Caller
from flowlike.flow.carriers import ToCarriers
from flowlike.flow.failure_feed import Feed, feeds_of
from flowlike.flow.options import LayerOptions
from flowlike.flow.plan import LayerPlan, Plan, foreign_stages
from flowlike.flow.pools import Pools
from flowlike.flow.replica import OrderedReplica, Replica, Upstream
from flowlike.flow.routing import JoinSide, Numbering, Partition, Routing
from flowlike.operators import (
    GroupBy,
    GroupByKey,
    Layer,
    Together,
    compile_program,
    key_function,
)
from flowlike.pieces import shared_out
from flowlike.stages import AutoDemand, Subscribe
from flowlike.stages.peer import Peer

__all__ = ["LayerRecipe", "Reading", "recipes_of"]


class Reading(NamedTuple):
    """How each replica of a layer reads from one producer.

    Attributes:
        routing: how the producer chooses a replica.
        side: which of the flows that the layer brings together it belongs to, from 0.
        foreign: whether it is a stage that is not the flow's.
    """

    routing: Routing
    side: int
    foreign: bool


@dataclass(frozen=True, slots=True, eq=False)
class LayerRecipe:
    """A layer of a run: pickled as a whole if its functions can be.

    Attributes:
        name: how reports and errors call it.
        layer: its operators; the targets of its sinks are the numbers of feeds.
        options: as they were given.
        stages: how many replicas there are in all.
        carriers: how many stages carry them.
        readings: one for each producer, in order.
        behind: how it chooses a replica of the next layer.
        partitions: how many replicas that has.
        max_demand: what a replica asks of one producer.
        emits: whether what a reduce at its end emits is wanted.
        combine_for: see `LayerPlan`.
        grouping: see `LayerPlan`.
    """

    name: str
    layer: Layer
    options: LayerOptions
    stages: int
    carriers: int
    readings: tuple[Reading, ...]
    behind: Routing
    partitions: int
    max_demand: int | AutoDemand
    emits: bool
    combine_for: str | None
    grouping: GroupBy | GroupByKey | None

    def replicas(
        self, numbers: Sequence[int], pools: Pools, feeds: Sequence[Feed] | Any
    ) -> list[Replica]:
        """Make some of the stages, which share what they learn of the cost of kernels.

        Args:
            numbers: which, from 0; where each carries one replica, the numbers of these.
            pools: where their calls are done.
            feeds: where failures go, by number.
        """
        layer = self.layer.bound(feeds.__getitem__)
        behind = self.behind.dispatcher(self.partitions, pools.native)
        numbered = any(isinstance(each.routing, Numbering) for each in self.readings)
        kind = OrderedReplica if numbered else Replica
        program = functools.partial(
            compile_program,
            layer,
            partitions=self.stages,
            upstreams=len(self.readings),
            key=[_key(each.routing) for each in self.readings],
            sides=[each.side for each in self.readings],
            emits=self.emits or not layer.has_reduce,
            combine_for=self.combine_for,
            grouping=self.grouping,
        )
        together: list[range] = []
        if any(isinstance(each.routing, ToCarriers) for each in self.readings):
            together = shared_out(self.stages, self.carriers)
        costs: dict[str, float] = {}
        made = []
        for number in numbers:
            replica = kind(
                Together({each: program(partition=each) for each in together[number]})
                if together
                else program(partition=number),
                producers=len(self.readings),
                caller=Caller(pools, costs),
                dispatcher=behind,
                on_init=self._on_init(number),
                feeds=[feeds[each] for each in feeds_of(self.layer)],
            )
            if self.options.buffer_size is not None:
                replica.buffer_size = self.options.buffer_size
            replica.buffer_keep = self.options.buffer_keep
            made.append(replica)
        return made

    def subscriptions(self, number: int, producers: Sequence[Peer]) -> list[Subscribe]:
        """How a replica subscribes to its producers, which are in the order of the readings."""
        return [
            Subscribe(
                producer,
                max_demand=self.max_demand,
                min_demand=self.options.min_demand,
                # The planned end of a stage that is not the flow's is the end of a source.
                cancel="transient" if reading.foreign else "permanent",
                partition=reading.routing.partition(number, self.stages),
                tag=Upstream(upstream, reading.foreign),
            )
            for upstream, (reading, producer) in enumerate(
                zip(self.readings, producers, strict=True)
            )
        ]

    def replica_name(self, number: int) -> str:
        """How messages call a replica."""
        return f"{self.name}, replica {number}"

    def _on_init(self, number: int) -> Callable[[], Any] | None:
        if self.options.on_init is None:
            return None
        return functools.partial(self.options.on_init, number, self.stages)


def recipes_of(
    plan: Plan, number: Callable[[Layer], Layer], *, hands_on: bool
) -> dict[LayerPlan, LayerRecipe]:
    """The recipes of all layers of a run, upstream first.

    Args:
        plan: of the run.
        number: makes the targets of a layer's sinks numbers of feeds.
        hands_on: whether the caller wants what the flow emits.
    """
    recipes = {}
    for layer in plan.layers:
        behind, partitions = plan.behind(layer)
        recipes[layer] = LayerRecipe(
            name=layer.name,
            layer=number(layer.layer),
            options=layer.options,
            stages=layer.stages,
            carriers=layer.carriers,
            readings=tuple(
                Reading(each.routing, each.side, is_foreign)
                for each in layer.inputs
                for is_foreign in foreign_stages(each.node)
            ),
            behind=behind,
            partitions=partitions,
            max_demand=layer.max_demand,
            emits=hands_on or layer not in plan.outputs,
            combine_for=layer.combine_for,
            grouping=layer.grouping,
        )
    return recipes


def _key(routing: Routing) -> Callable[[Any], Any] | None:
    """What the events of one session have in common: the key that they were routed by."""
    if isinstance(routing, ToCarriers):
        routing = routing.routing
    if isinstance(routing, JoinSide):
        return key_function(routing.key)
    if not isinstance(routing, Partition) or routing.hash is not None:
        return None
    return _itself if routing.key is None else key_function(routing.key)


def _itself(event: Any) -> Any:
    return event
