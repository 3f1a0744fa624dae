"""Each event goes to the partition that its hash names."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from flowlike.batches import Batch, events_of
from flowlike.operators.notes import describe_event
from flowlike.options import check_callable, check_count
from flowlike.stages.dispatchers.dispatcher import Deliveries

if TYPE_CHECKING:
    from flowlike.stages.subscription import Subscribe

__all__ = ["PartitionDispatcher", "Split"]

Split = Callable[[Batch], "list[Batch]"]
"""Splits a batch into one batch a partition (possibly empty), keeping the order."""


class PartitionDispatcher:
    """Splits events by ``hash(event)``, each partition to the one consumer that holds it.

    Events for a partition that has no consumer yet, or whose consumer asked for too
    little, are kept; with them no more is asked of the producer than all consumers
    together asked for, so a partition that is not read holds up the others in the end.

    Args:
        partitions: how many (named 0, 1, ...), or their names.
        hash: maps an event to the name of its partition, or to ``None`` to drop it.
        split: in place of ``hash``: splits a whole batch into one batch a partition.

    Raises:
        ValueError: no partition, a name twice, or neither ``hash`` nor ``split``.
        TypeError: ``hash`` cannot be called.
    """

    __slots__ = (
        "_consumers",
        "_demand",
        "_index",
        "_kept",
        "_kept_count",
        "_names",
        "_open",
        "_positions",
        "_split",
    )

    def __init__(
        self,
        partitions: int | Iterable[Hashable],
        hash: Callable[[Any], Hashable | None] | None = None,
        *,
        split: Split | None = None,
    ) -> None:
        if isinstance(partitions, Iterable):
            names: tuple[Hashable, ...] = tuple(partitions)
        else:
            names = tuple(range(check_count("partitions", partitions)))
        self._names = names
        self._index = {name: index for index, name in enumerate(names)}
        if not names or len(self._index) < len(names):
            raise ValueError(f"partitions must be one or more different names, not {names!r}")
        if (hash is None) == (split is None):
            raise ValueError("give PartitionDispatcher either hash or split")
        self._split = split or _split_by(check_callable("hash", hash), self._index)
        self._consumers: list[int | None] = [None] * len(names)
        self._positions: dict[int, int] = {}
        self._demand = [0] * len(names)
        self._kept: list[deque[Batch]] = [deque() for _ in names]
        self._open = 0
        self._kept_count = 0

    @property
    def partitions(self) -> tuple[Hashable, ...]:
        """The names of the partitions, in order."""
        return self._names

    def fresh(self) -> PartitionDispatcher:
        """See :meth:`Dispatcher.fresh`."""
        return PartitionDispatcher(self._names, split=self._split)

    def subscribe(self, subscription: int, options: Subscribe, consumer: Hashable = None) -> None:
        """See :meth:`Dispatcher.subscribe`.

        Raises:
            ValueError: its ``partition`` is not to be had here, or it has a ``selector``.
        """
        if options.selector is not None:
            raise ValueError(
                "selector was given to a producer that does not broadcast; give the producer a "
                "BroadcastDispatcher, or leave selector out"
            )
        names = ", ".join(repr(name) for name in self._names[:20])
        if options.partition is None:
            raise ValueError(
                f"a producer with partitions needs Subscribe(..., partition=one of {names})"
            )
        index = self._index.get(options.partition)
        if index is None:
            raise ValueError(f"partition {options.partition!r} is unknown; there are {names}")
        if self._consumers[index] is not None:
            raise ValueError(f"partition {options.partition!r} is taken by another consumer")
        self._consumers[index] = subscription
        self._positions[subscription] = index

    def cancel(self, subscription: int) -> None:
        """See :meth:`Dispatcher.cancel`."""
        index = self._positions.pop(subscription, None)
        if index is not None:
            self._consumers[index] = None
            self._open -= self._demand[index]
            self._demand[index] = 0

    def ask(self, subscription: int, count: int) -> Deliveries:
        """See :meth:`Dispatcher.ask`."""
        index = self._positions[subscription]
        self._demand[index] += count
        self._open += count
        kept = self._kept[index]
        if not kept:
            return ()
        deliveries: list[tuple[int, Batch]] = []
        while kept and self._demand[index]:
            batch = kept.popleft()
            self._kept_count -= len(batch)
            self._hand_out(index, subscription, batch, deliveries, first=True)
        return deliveries

    def dispatch(self, batch: Batch) -> Deliveries:
        """See :meth:`Dispatcher.dispatch`."""
        deliveries: list[tuple[int, Batch]] = []
        for index, part in enumerate(self._split(batch)):
            if len(part):
                self._hand_out(index, self._consumers[index], part, deliveries, first=False)
        return deliveries

    def wanted(self) -> int:
        """See :meth:`Dispatcher.wanted`."""
        return self._open - self._kept_count

    def kept(self) -> int:
        """See :meth:`Dispatcher.kept`."""
        return self._kept_count

    def _hand_out(
        self,
        index: int,
        subscription: int | None,
        batch: Batch,
        deliveries: list[tuple[int, Batch]],
        *,
        first: bool,
    ) -> None:
        """Deliver what the partition has asked for and keep the rest, at the right end."""
        count = min(self._demand[index], len(batch))
        if count and subscription is not None:
            deliveries.append((subscription, batch if count == len(batch) else batch[:count]))
            self._demand[index] -= count
            self._open -= count
            batch = batch[count:]
        if len(batch):
            self._kept_count += len(batch)
            if first:
                self._kept[index].appendleft(batch)
            else:
                self._kept[index].append(batch)


def _split_by(function: Callable[[Any], Hashable | None], index: dict[Hashable, int]) -> Split:
    """A split that asks ``function`` about every event."""
    known = ", ".join(repr(name) for name in list(index)[:20])

    def position(event: Any) -> int:
        try:
            name = function(event)
            if name is None:
                return -1
            if name in index:
                return index[name]
        except Exception as error:
            error.add_note(f"in the hash of the partitions, {describe_event(event)}")
            raise
        raise ValueError(
            f"hash returned {name!r} for the {describe_event(event)}; "
            f"the partitions are {known}, and None drops the event"
        )

    def split(batch: Batch) -> list[Batch]:
        if isinstance(batch, np.ndarray):
            positions = np.fromiter(map(position, events_of(batch)), np.intp, len(batch))
            return [batch[positions == each] for each in range(len(index))]
        parts: list[Batch] = [[] for _ in index]
        for event in events_of(batch):
            at = position(event)
            if at >= 0:
                parts[at].append(event)
        return parts

    return split
