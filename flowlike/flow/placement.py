"""Where the replicas of a run live: the protocol of a runner's choice, and this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from flowlike.flow.collectors import Ignore
from flowlike.flow.failure_feed import Feeds
from flowlike.flow.native_pool import NativePool
from flowlike.flow.plan import Plan, SourcePlan
from flowlike.flow.planner import cpus
from flowlike.flow.pools import Pools
from flowlike.flow.recipe import LayerRecipe
from flowlike.flow.replica import ReplicaCounts
from flowlike.flow.routing import Routing
from flowlike.stages import StageGroup, StageRef, Subscribe

if TYPE_CHECKING:
    from flowlike.native.arena import Arena
    from flowlike.nodes.stand_in import StandIn
    from flowlike.nodes.workers import Workers

__all__ = ["Here", "Placed", "Placement", "Started", "most_threads"]

_MOST_THREADS = 512


Started: TypeAlias = "StageRef | StandIn"
"""A stage of a run, here or elsewhere."""


class Placed(NamedTuple):
    """A replica that was started somewhere.

    Attributes:
        ref: its address.
        counts: what its program has counted, as far as it is known here.
    """

    ref: Started
    counts: Callable[[], ReplicaCounts]


class Placement(Protocol):
    """Starts the replicas of one run where they are to live, and ends what they needed there."""

    @property
    def native(self) -> NativePool | None:
        """The threads of replicas in this process, which partition what sources read, too."""

    def open(self, group: StageGroup, feeds: Feeds, recipes: Sequence[LayerRecipe]) -> None:
        """Begin: before any stage is started, and any source opened.

        Args:
            group: owns the stages of the run.
            feeds: where failures go.
            recipes: of all layers.

        Raises:
            FlowBuildError: something cannot get there; the message names it.
            OSError: the system gives no more processes.
        """

    def start_source(self, plan: SourcePlan, behind: Routing, partitions: int) -> Started:
        """Start a source; it waits until it is told to hand demand on.

        Args:
            plan: of the source.
            behind: how it chooses a replica of the next layer.
            partitions: how many replicas that has.

        Raises:
            Exception: whatever the source raises when it is opened.
        """

    def start(
        self, recipe: LayerRecipe, producers: Sequence[Started], arena: Arena | None
    ) -> list[Placed]:
        """Start all replicas of a layer; they may wait for `launch`.

        Args:
            recipe: of the layer.
            producers: in the order of its readings.
            arena: where the kernel that it ends in may write its results.
        """

    def ignore(self, wanted: Sequence[Subscribe]) -> list[StageRef]:
        """Take what nobody wants, which has to leave all the same.

        Args:
            wanted: how the stages at the end of the flow are subscribed to.

        Returns:
            The stages here that do so.
        """

    def launch(self) -> None:
        """All stages of the run are known."""

    async def close(self) -> None:
        """End what the replicas needed; all of them have ended."""


class Here:
    """This process: replicas are stages on the event loop of the caller.

    Args:
        plan: of the run.
        lent: worker processes that outlive it, if it may use some.
    """

    def __init__(self, plan: Plan, lent: Workers | None = None) -> None:
        self._pools = Pools(most_threads(plan), cpus())
        self._plan = plan
        self._lent = lent
        self._group: StageGroup
        self._feeds: Feeds

    @property
    def native(self) -> NativePool:
        """See `Placement`."""
        return self._pools.native

    def open(self, group: StageGroup, feeds: Feeds, recipes: Sequence[LayerRecipe]) -> None:
        """See `Placement`."""
        self._group = group
        self._feeds = feeds
        if self._plan.uses_processes:
            from flowlike.flow.crossing import check_crossing  # noqa: PLC0415 - few flows need it

            check_crossing(self._plan)
            self._pools.open_workers(self._lent)

    def start_source(self, plan: SourcePlan, behind: Routing, partitions: int) -> Started:
        """See `Placement`."""
        return self._group.spawn(
            plan.source.held(behind.dispatcher(partitions, self.native)), name=plan.name
        )

    def start(
        self, recipe: LayerRecipe, producers: Sequence[Started], arena: Arena | None
    ) -> list[Placed]:
        """See `Placement`."""
        if arena is not None:
            recipe = replace(recipe, layer=recipe.layer.writing_into(arena.empty))
        placed = []
        for number, replica in enumerate(
            recipe.replicas(range(recipe.carriers), self._pools, self._feeds)
        ):
            ref = self._group.spawn(
                replica,
                name=recipe.replica_name(number),
                subscribe_to=recipe.subscriptions(number, producers),
            )
            placed.append(Placed(ref, replica.counts))
        return placed

    def ignore(self, wanted: Sequence[Subscribe]) -> list[StageRef]:
        """See `Placement`."""
        return [self._group.spawn(Ignore(), name="collector", subscribe_to=wanted)]

    def launch(self) -> None:
        """See `Placement`."""

    async def close(self) -> None:
        """See `Placement`."""
        await self._pools.close()


def most_threads(plan: Plan) -> int:
    """How many threads there may be for functions that wait: one for each call at once."""
    threads = sum(
        layer.stages * getattr(operator, "concurrency", 1)
        for layer in plan.layers
        for operator in layer.layer.operators
    )
    return min(max(cpus(), threads), _MOST_THREADS)
