"""The replicas of a run spread over worker processes."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flowlike.connectors import Source
from flowlike.flow.collectors import Ignore
from flowlike.flow.crossing import refuse_recipe
from flowlike.flow.failure_feed import Feeds
from flowlike.flow.hosting import FailurePut, FeedReleased, HostedFlow, HostedLayer, HostedSource
from flowlike.flow.placement import Placed, Started, most_threads
from flowlike.flow.plan import Plan, SourcePlan
from flowlike.flow.planner import cpus
from flowlike.flow.recipe import LayerRecipe
from flowlike.flow.replica import ReplicaCounts
from flowlike.flow.routing import Routing
from flowlike.native.arena import Arena
from flowlike.nodes.address import Address
from flowlike.nodes.crew import claimed
from flowlike.nodes.hosts import Hosts
from flowlike.nodes.stand_in import StandIn
from flowlike.nodes.worker_process import WorkerProcess
from flowlike.operators import Counts
from flowlike.pickling import pickled
from flowlike.stages import StageGroup, StageRef, Subscribe

__all__ = ["Spread"]

_NOTHING = ReplicaCounts(Counts(), None)


class Spread:
    """Worker processes: replica ``r`` of every layer lives in worker ``r % workers``.

    So what a replica hands to the one of its number in the next layer stays where it is.

    Args:
        plan: of the run.
        count: how many workers.
        kept: those that outlive the run, used if no other one has them.
    """

    native = None

    def __init__(self, plan: Plan, count: int, kept: Hosts | None) -> None:
        self._threads = most_threads(plan)
        self._count = count
        self._kept = kept
        self._hosts: Hosts
        self._feeds: Feeds
        self._pickles: dict[LayerRecipe, bytes] = {}
        self._group: StageGroup
        self._sources: dict[WorkerProcess, list[HostedSource]] = {}
        self._layers: dict[WorkerProcess, list[HostedLayer]] = {}
        self._ignored: dict[WorkerProcess, tuple[int, list[tuple[Address, str, Any]]]] = {}
        self._stages: dict[WorkerProcess, int] = {}
        self._is_open = False

    def open(self, group: StageGroup, feeds: Feeds, recipes: Sequence[LayerRecipe]) -> None:
        """See `Placement`."""
        for recipe in recipes:
            try:
                self._pickles[recipe] = pickled(recipe)
            except Exception as error:  # noqa: BLE001 - anything may say that it cannot be pickled
                refuse_recipe(recipe, error)
        self._feeds = feeds
        self._hosts = hosts = claimed(self._kept, lambda: Hosts(self._count))
        self._is_open = True
        hosts.begin(group, self._grant)
        self._group = group
        self._sources = {worker: [] for worker in self._hosts.members}
        self._layers = {worker: [] for worker in self._hosts.members}
        self._stages = dict.fromkeys(self._hosts.members, 0)

    def start_source(self, plan: SourcePlan, behind: Routing, partitions: int) -> Started:
        """See `Placement`; one that makes its events, and can be sent, is read in a worker.

        The others are read here.
        """
        source = _pickle(plan.source) if plan.source.makes_its_events else None
        if source is None:
            stage = plan.source.held(behind.dispatcher(partitions, self.native))
            return self._group.spawn(stage, name=plan.name)
        worker = min(self._sources, key=lambda each: len(self._sources[each]))
        number = self._number(worker)
        hosted = HostedSource(source, number, plan.name, behind, partitions)
        self._sources[worker].append(hosted)
        return self._hosts.stand_in(worker, number, plan.name, None)

    def start(
        self, recipe: LayerRecipe, producers: Sequence[Started], arena: Arena | None
    ) -> list[Placed]:
        """See `Placement`; results come from elsewhere, so that no kernel writes into the arena."""
        workers = list(self._layers)
        known = [(self._hosts.address(producer), producer.name) for producer in producers]
        stand_ins: dict[int, StandIn] = {}
        for place, worker in enumerate(workers[: recipe.stages]):
            replicas = []
            for number in range(place, recipe.stages, len(workers)):
                stage = self._number(worker)
                replicas.append((number, stage))
                name = recipe.replica_name(number)
                stand_ins[number] = self._hosts.stand_in(worker, stage, name, _NOTHING)
            self._layers[worker].append(
                HostedLayer(recipe.name, self._pickles[recipe], replicas, known)
            )
        in_order = [stand_ins[number] for number in range(recipe.stages)]
        return [Placed(each, partial(getattr, each, "report")) for each in in_order]

    def ignore(self, wanted: Sequence[Subscribe]) -> list[StageRef]:
        """See `Placement`; what leaves in a worker is taken there."""
        here = [each for each in wanted if not isinstance(each.to, StandIn)]
        for worker in self._layers:
            ends = [
                (each.to.address, each.to.name, each.max_demand)
                for each in wanted
                if isinstance(each.to, StandIn) and each.to.address.node == worker.number
            ]
            if ends:
                number = self._number(worker)
                self._hosts.stand_in(worker, number, "collector", None)
                self._ignored[worker] = (number, ends)
        return [self._group.spawn(Ignore(), name="collector", subscribe_to=here)] if here else []

    def launch(self) -> None:
        """See `Placement`."""
        cores = max(1, cpus() // len(self._layers))
        for worker, layers in self._layers.items():
            sources = self._sources[worker]
            if sources or layers:
                ignored = self._ignored.get(worker)
                guest = HostedFlow(sources, layers, ignored, self._threads, cores)
                self._hosts.invite(worker, pickled(guest))

    async def close(self) -> None:
        """See `Placement`."""
        if self._is_open:
            self._is_open = False
            await self._hosts.finish(keep=self._hosts is self._kept)

    def _number(self, worker: WorkerProcess) -> int:
        """A number for a stage in a worker."""
        self._stages[worker] += 1
        return self._stages[worker]

    def _grant(self, what: Any) -> Awaitable[None] | None:
        """Do what the replicas ask for."""
        match what:
            case FailurePut(feed, failure, error):
                exception = error.open()
                assert isinstance(exception, Exception)  # no policy is asked about others
                return self._feeds[feed].put(replace(failure, exception=exception))
            case FeedReleased(feed):
                self._feeds[feed].release()
        return None


def _pickle(source: Source) -> bytes | None:
    """A pickle of a source, if it can be sent; most that cannot hold something of this process."""
    try:
        return pickled(source)
    except Exception:  # noqa: BLE001 - anything may say that it cannot be pickled
        return None
