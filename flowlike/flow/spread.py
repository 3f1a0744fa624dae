"""The replicas of a run spread over worker processes."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any

from flowlike.flow.crossing import refuse_recipe
from flowlike.flow.failure_feed import Feeds
from flowlike.flow.hosting import FailurePut, FeedReleased, HostedFlow, HostedLayer
from flowlike.flow.placement import Placed, Started, most_threads
from flowlike.flow.planner import Plan, cpus
from flowlike.flow.recipe import LayerRecipe
from flowlike.flow.replica import ReplicaCounts
from flowlike.native.arena import Arena
from flowlike.nodes.hosts import Hosts
from flowlike.nodes.stand_in import StandIn
from flowlike.nodes.worker_process import WorkerProcess
from flowlike.operators import Counts
from flowlike.pickling import pickled
from flowlike.stages import StageGroup

__all__ = ["Spread"]

_NOTHING = ReplicaCounts(Counts(), None)


class Spread:
    """Worker processes: replica ``r`` of every layer lives in worker ``r % workers``.

    So what a replica hands to the one of its number in the next layer stays where it is.

    Args:
        plan: of the run.
        hosts: the workers.
        keep: whether they stay after the run.
    """

    native = None

    def __init__(self, plan: Plan, hosts: Hosts, *, keep: bool) -> None:
        self._threads = most_threads(plan)
        self._hosts = hosts
        self._keep = keep
        self._feeds: Feeds
        self._pickles: dict[LayerRecipe, bytes] = {}
        self._layers: dict[WorkerProcess, list[HostedLayer]] = {}
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
        self._is_open = True
        self._hosts.begin(group, self._grant)
        self._layers = {worker: [] for worker in self._hosts.members}
        self._stages = dict.fromkeys(self._hosts.members, 0)

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
                self._stages[worker] += 1
                stage = self._stages[worker]
                replicas.append((number, stage))
                name = recipe.replica_name(number)
                stand_ins[number] = self._hosts.stand_in(worker, stage, name, _NOTHING)
            self._layers[worker].append(HostedLayer(self._pickles[recipe], replicas, known))
        in_order = [stand_ins[number] for number in range(recipe.stages)]
        return [Placed(each, partial(getattr, each, "report")) for each in in_order]

    def launch(self) -> None:
        """See `Placement`."""
        cores = max(1, cpus() // len(self._layers))
        for worker, layers in self._layers.items():
            if layers:
                self._hosts.invite(worker, pickled(HostedFlow(layers, self._threads, cores)))

    async def close(self) -> None:
        """See `Placement`."""
        if self._is_open:
            self._is_open = False
            await self._hosts.finish(keep=self._keep)

    def _grant(self, what: Any) -> Awaitable[None] | None:
        """Do what the replicas ask for."""
        match what:
            case FailurePut(feed, failure):
                return self._feeds[feed].put(failure)
            case FeedReleased(feed):
                self._feeds[feed].release()
        return None
