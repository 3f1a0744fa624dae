"""Events go to whoever has asked for them, the largest demand first."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from random import Random
from typing import TYPE_CHECKING, Self

from flowlike.batches import Batch
from flowlike.options import check_count
from flowlike.stages.dispatchers.dispatcher import Deliveries

if TYPE_CHECKING:
    from flowlike.stages.subscription import Subscribe

__all__ = ["DemandDispatcher"]


class DemandDispatcher:
    """Each event goes to one consumer: the one with the largest open demand.

    Args:
        shuffle: serve the first demands in random order, so that the consumer that
            subscribed first is not always the first served.
        max_demand: never send more than this in one batch; ``None``: no limit.
        seed: with a number the random order is the same in every stage and every run, so that
            a test can repeat it.

    Raises:
        TypeError: ``max_demand`` or ``seed`` is no integer.
        ValueError: ``max_demand < 1``, ``seed < 0``, or a ``seed`` without ``shuffle``.
    """

    __slots__ = ("_demand", "_max", "_open", "_random", "_seed", "_shuffle")

    def __init__(
        self, shuffle: bool = False, max_demand: int | None = None, *, seed: int | None = None
    ) -> None:
        self._shuffle = bool(shuffle)
        self._max = None if max_demand is None else check_count("max_demand", max_demand)
        self._seed = None if seed is None else check_count("seed", seed, least=0)
        if seed is not None and not self._shuffle:
            raise ValueError(
                f"seed={seed} was given to a DemandDispatcher that does not shuffle; add "
                "shuffle=True, or leave seed out"
            )
        self._clear()

    def _clear(self) -> None:
        self._random = Random(self._seed) if self._shuffle else None
        self._demand: dict[int, int] = {}
        self._open = 0

    def fresh(self) -> Self:
        """See :meth:`Dispatcher.fresh`."""
        dispatcher = copy.copy(self)  # of a class of one's own too
        dispatcher._clear()
        return dispatcher

    def subscribe(self, subscription: int, options: Subscribe, consumer: Hashable = None) -> None:
        """See :meth:`Dispatcher.subscribe`.

        Raises:
            ValueError: it has a ``partition`` or ``selector``, which are not to be had here.
        """
        if options.selector is not None:
            raise ValueError(
                "selector was given to a producer that does not broadcast; give the producer a "
                "BroadcastDispatcher, or leave selector out"
            )
        if options.partition is not None:
            raise ValueError(
                f"partition={options.partition!r} was given to a producer without partitions; "
                "give the producer a PartitionDispatcher, or leave partition out"
            )
        self._demand[subscription] = 0
        if self._random is not None:
            order = list(self._demand.items())
            self._random.shuffle(order)
            self._demand = dict(order)

    def cancel(self, subscription: int) -> None:
        """See :meth:`Dispatcher.cancel`."""
        self._open -= self._demand.pop(subscription, 0)

    def ask(self, subscription: int, count: int) -> Deliveries:
        """See :meth:`Dispatcher.ask`."""
        self._demand[subscription] += count
        self._open += count
        return ()

    def dispatch(self, batch: Batch) -> Deliveries:
        """See :meth:`Dispatcher.dispatch`."""
        demand = self._demand
        if len(demand) == 1 and self._max is None:
            (subscription,) = demand
            self._open = demand[subscription] = self._open - len(batch)
            return ((subscription, batch),)
        deliveries: list[tuple[int, Batch]] = []
        start, end = 0, len(batch)
        while start < end:
            subscription = max(demand, key=demand.__getitem__)
            size = min(demand[subscription], end - start)
            if self._max is not None:
                size = min(size, self._max)
            deliveries.append((subscription, batch[start : start + size]))
            demand[subscription] -= size
            self._open -= size
            start += size
        return deliveries

    def wanted(self) -> int:
        """See :meth:`Dispatcher.wanted`."""
        return self._open

    def kept(self) -> int:
        """See :meth:`Dispatcher.kept`."""
        return 0
