"""What a worker process is sent of a run: which replicas it makes, and what they read."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, NamedTuple

from flowlike.carried import CarriedError
from flowlike.connectors import Source
from flowlike.flow.collectors import Ignore
from flowlike.flow.failure_feed import Feed
from flowlike.flow.pools import Pools
from flowlike.flow.recipe import LayerRecipe
from flowlike.flow.routing import Routing
from flowlike.nodes.address import Address
from flowlike.nodes.messages import Done
from flowlike.nodes.residents import Residents
from flowlike.operators import Failure
from flowlike.stages import AutoDemand, Subscribe

__all__ = ["FailurePut", "FeedReleased", "HostedFlow", "HostedLayer", "HostedSource"]


_CROSSES = Exception("it crosses by itself: not every exception can be pickled")


class FailurePut(NamedTuple):
    """A request of a replica: let a feed take a failure.

    Attributes:
        feed: its number.
        failure: what it is to take; its exception crosses by itself.
        error: the exception.
    """

    feed: int
    failure: Failure
    error: CarriedError


class FeedReleased(NamedTuple):
    """Word of a replica: it has ended and sends a feed nothing more.

    Attributes:
        feed: its number.
    """

    feed: int


class HostedSource(NamedTuple):
    """A source that is read in a worker.

    Attributes:
        source: a pickle of it.
        stage: the number of its stage.
        name: of the stage.
        behind: how it chooses a replica of the next layer.
        partitions: how many replicas that has.
    """

    source: bytes
    stage: int
    name: str
    behind: Routing
    partitions: int


class HostedLayer(NamedTuple):
    """Replicas of a layer that live in one worker.

    Attributes:
        name: of the layer.
        recipe: a pickle of the layer's.
        replicas: the number of each, and that of its stage.
        producers: what each of them reads.
    """

    name: str
    recipe: bytes
    replicas: list[tuple[int, int]]
    producers: list[tuple[Address, str]]


@dataclass(slots=True)
class HostedFlow:
    """The part of a run that lives in one worker; a `Guest`.

    Args:
        sources: those that are read there.
        layers: upstream first.
        ignored: stages at the end of the flow whose events nobody wants, with the most that is
            asked of each; the number of the stage that takes them.
        threads: the most for ``executor="threads"``.
        cores: the most threads for kernels.
    """

    sources: list[HostedSource]
    layers: list[HostedLayer]
    ignored: tuple[int, list[tuple[Address, str, AutoDemand]]] | None
    threads: int
    cores: int
    _pools: Pools | None = field(default=None, init=False)

    def begin(self, residents: Residents) -> None:
        """See `Guest`."""
        pools = self._pools = Pools(self.threads, self.cores)
        pools.workers = _ThisProcess()
        for each in self.sources:
            source: Source = _unpickled(each.source, each.name)
            producer = source.held(each.behind.dispatcher(each.partitions, pools.native))
            residents.spawn(
                producer, number=each.stage, name=each.name, subscribe_to=(), report=_nothing
            )
        feeds = _Feeds(residents)
        for layer in self.layers:
            recipe: LayerRecipe = _unpickled(layer.recipe, layer.name)
            numbers = [number for number, _ in layer.replicas]
            peers = [residents.peer(address, name) for address, name in layer.producers]
            made = recipe.replicas(numbers, pools, feeds)
            for (number, stage), replica in zip(layer.replicas, made, strict=True):
                residents.spawn(
                    replica,
                    number=stage,
                    name=recipe.replica_name(number),
                    subscribe_to=recipe.subscriptions(number, peers),
                    report=replica.counts,
                )

        if self.ignored is not None:
            number, ends = self.ignored
            wanted = [
                Subscribe(residents.peer(address, name), max_demand=demand)
                for address, name, demand in ends
            ]
            residents.spawn(
                Ignore(), number=number, name="collector", subscribe_to=wanted, report=_nothing
            )

    async def close(self) -> bool:
        """See `Guest`."""
        return self._pools is None or await self._pools.close()


def _nothing() -> None:
    """There is nothing to report but what every stage has done."""


def _unpickled(data: bytes, name: str) -> Any:
    """What was pickled in the parent.

    Raises:
        Exception: it cannot be made here.
    """
    try:
        return pickle.loads(data)
    except Exception as error:
        error.add_note(f"while {name} was unpickled in the worker process")
        raise


class _ThisProcess:
    """Does calls for "processes": whoever is in a worker process already has one."""

    count = idle = 1

    async def call(self, function: Callable[[Any], Any], arguments: list[Any], label: str) -> Done:
        """Call ``function`` for each argument, in order."""
        started = perf_counter()
        results = [function(argument) for argument in arguments]
        return Done(results, perf_counter() - started)


class _Feeds:
    """The ways of replicas here to the feeds of their run, which are in the parent."""

    def __init__(self, residents: Residents) -> None:
        self._residents = residents

    def __getitem__(self, number: int) -> Feed:
        return _RemoteFeed(self._residents, number)


class _RemoteFeed:
    def __init__(self, residents: Residents, number: int) -> None:
        self._residents = residents
        self._number = number

    def offer(self, failure: Failure) -> bool:
        """See `Feed`: whether it is wanted is known in the parent only."""
        return False

    async def put(self, failure: Failure) -> None:
        """See `Feed`."""
        error = CarriedError.of(failure.exception)
        without = replace(failure, exception=_CROSSES)
        await self._residents.ask(FailurePut(self._number, without, error))

    def release(self) -> None:
        """See `Feed`."""
        self._residents.tell(FeedReleased(self._number))
