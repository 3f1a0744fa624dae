"""Each event goes to the partition that its hash names."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain
from operator import length_hint
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from flowlike.arrow import is_arrow, split_arrow
from flowlike.batches import Batch, events_of
from flowlike.envelopes import stands_for
from flowlike.operators.notes import describe_event
from flowlike.options import check_callable, check_count
from flowlike.stages.dispatchers.buckets import Ids, deal
from flowlike.stages.dispatchers.dispatcher import Deliveries, Settled

if TYPE_CHECKING:
    from flowlike.stages.subscription import Subscribe

__all__ = ["PartitionDispatcher", "Split"]

Split = Callable[[Batch], "list[Batch]"]
"""Splits a batch into one batch a partition (possibly empty), keeping the order."""

Reply = Callable[["list[Batch] | None", "BaseException | None", float], None]
"""Takes the parts of a batch, or the error, and the seconds of work."""

Elsewhere = Callable[[Batch, Reply], bool]
"""Has a batch split elsewhere, and replies later; false if that does not pay."""

_WHERE = "in the hash of the partitions"


class PartitionDispatcher:
    """Splits events by ``hash(event)``, each partition to the one consumer that holds it.

    Events for a partition that has no consumer yet, or whose consumer asked for too
    little, are kept; with them no more is asked of the producer than all consumers
    together asked for, so a partition that is not read holds up the others in the end.

    Args:
        partitions: how many (named 0, 1, ...), or their names.
        hash: maps an event to the name of its partition, or to ``None`` to drop it.
        split: in place of ``hash``: splits a whole batch into one batch a partition.
        elsewhere: does the same in a thread for batches that are worth it. Batches are split one
            after the other; until they are, they count as kept.

    Raises:
        ValueError: no partition, a name twice or ``None``, or neither ``hash`` nor ``split``.
        TypeError: ``hash`` cannot be called.
    """

    __slots__ = (
        "_consumers",
        "_demand",
        "_elsewhere",
        "_index",
        "_kept",
        "_kept_count",
        "_names",
        "_open",
        "_positions",
        "_settled",
        "_split",
        "_waiting",
    )

    def __init__(
        self,
        partitions: int | Iterable[Hashable],
        hash: Callable[[Any], Hashable | None] | None = None,
        *,
        split: Split | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        if isinstance(partitions, Iterable):
            names: tuple[Hashable, ...] = tuple(partitions)
        else:
            names = tuple(range(check_count("partitions", partitions)))
        self._names = names
        self._index = {name: index for index, name in enumerate(names)}
        if not names or len(self._index) < len(names):
            raise ValueError(f"partitions must be one or more different names, not {names!r}")
        if None in self._index:
            raise ValueError(
                f"None in {names!r} cannot name a partition: a hash of None drops the event"
            )
        if (hash is None) == (split is None):
            raise ValueError("give PartitionDispatcher either hash or split")
        self._split = split or _split_by(check_callable("hash", hash), self._index)
        self._elsewhere = elsewhere
        self._clear()

    def _clear(self) -> None:
        names = self._names
        self._settled: Settled | None = None
        self._waiting: deque[Batch] = deque()  # for others that are split, the first is just now
        self._consumers: list[int | None] = [None] * len(names)
        self._positions: dict[int, int] = {}
        self._demand = [0] * len(names)
        # Most keep nothing: 128 empty ones for each of 128 stages would be 10 MB.
        self._kept: defaultdict[int, deque[Batch]] = defaultdict(deque)
        self._open = 0
        self._kept_count = 0

    @property
    def partitions(self) -> tuple[Hashable, ...]:
        """The names of the partitions, in order."""
        return self._names

    def fresh(self) -> Self:
        """See :meth:`Dispatcher.fresh`."""
        dispatcher = copy.copy(self)  # of a class of one's own too
        dispatcher._clear()
        return dispatcher

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
        kept = self._kept.get(index)
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
        if self._waiting or self._begin(batch):
            self._waiting.append(batch)
            self._kept_count += len(batch)
            return ()
        return self._dealt(self._split(batch))

    @property
    def is_splitting(self) -> bool:
        """See `SplitsElsewhere`."""
        return bool(self._waiting)

    def when_settled(self, settled: Settled | None) -> None:
        """See `SplitsElsewhere`."""
        self._settled = settled

    def wanted(self) -> int:
        """See :meth:`Dispatcher.wanted`."""
        return self._open - self._kept_count

    def kept(self) -> int:
        """See :meth:`Dispatcher.kept`."""
        if not self._kept_count:
            return 0
        return sum(map(stands_for, chain(self._waiting, *self._kept.values())))

    def _begin(self, batch: Batch) -> bool:
        """True if the batch is split elsewhere from now on."""
        if self._settled is None or self._elsewhere is None:
            return False
        return self._elsewhere(batch, self._settle)

    def _settle(
        self, parts: list[Batch] | None, error: BaseException | None, seconds: float
    ) -> None:
        """Hand out what was split elsewhere, and what waited for it."""
        settled = self._settled
        if settled is None:
            return  # the stage has ended meanwhile
        deliveries: list[tuple[int, Batch]] = []
        try:
            while error is None:
                if parts is None:
                    parts = self._split(self._waiting[0])
                self._kept_count -= len(self._waiting.popleft())
                deliveries += self._dealt(parts)
                parts = None
                if not self._waiting or self._begin(self._waiting[0]):
                    break
        except BaseException as failed:  # noqa: BLE001 - a key's, say; the stage's owner is told
            error = failed
        settled(deliveries, error, seconds)

    def _dealt(self, parts: list[Batch]) -> list[tuple[int, Batch]]:
        """Hand out what every partition gets."""
        deliveries: list[tuple[int, Batch]] = []
        for index, part in enumerate(parts):
            if len(part):
                self._hand_out(index, self._consumers[index], part, deliveries, first=False)
        return deliveries

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
    """A split that asks ``function`` about every event, once and in order."""
    count = len(index)
    places = {**index, None: count}  # where `deal` drops
    numbered = count < 256 and list(index) == list(range(count))

    def ids(events: Sequence[Any]) -> Ids:
        names = _names(function, events)
        if numbered:
            try:
                found = bytes(names)
            except (TypeError, ValueError):
                pass  # some are no numbers: None, say
            else:
                if max(found, default=0) < count:
                    return found
        try:
            if count < 256:
                return bytes(map(places.__getitem__, names))
            return np.fromiter(map(places.__getitem__, names), np.uint32, len(names))
        except Exception:
            _refuse(events, names, index)
            raise

    def split(batch: Batch) -> list[Batch]:
        if isinstance(batch, np.ndarray):
            found = ids(batch.tolist())
            rows = np.frombuffer(found, np.uint8) if isinstance(found, bytes) else found
            return [batch[rows == each] for each in range(count)]
        events = batch if isinstance(batch, (list, range)) else list(events_of(batch))
        if is_arrow(batch):
            found = ids(events)
            rows = np.frombuffer(found, np.uint8) if isinstance(found, bytes) else found
            return split_arrow(batch, rows, count)
        return list[Batch](deal(events, ids(events), count))

    return split


def _names(function: Callable[[Any], Hashable | None], events: Sequence[Any]) -> list[Any]:
    """What ``function`` returns for each event.

    Raises:
        RuntimeError: it raised ``StopIteration``.
    """
    pending = iter(events)
    try:
        return [function(event) for event in pending]
    except Exception as error:
        # The iterator has moved past the event that the function was given.
        failed = events[len(events) - length_hint(pending) - 1]
        error.add_note(f"{_WHERE}, {describe_event(failed)}")
        if isinstance(error, StopIteration):  # which no coroutine may raise
            raise RuntimeError("the hash of the partitions raised StopIteration") from error
        raise


def _refuse(events: Sequence[Any], names: list[Any], index: dict[Hashable, int]) -> None:
    """Find the first name that is none, and say so.

    Raises:
        ValueError: there is one.
        TypeError: it cannot be hashed.
    """
    for event, name in zip(events, names, strict=True):
        try:
            if name is None or name in index:
                continue
        except Exception as error:
            error.add_note(f"{_WHERE}, {describe_event(event)}")
            raise
        known = ", ".join(repr(each) for each in list(index)[:20])
        raise ValueError(
            f"hash returned {name!r} for the {describe_event(event)}; "
            f"the partitions are {known}, and None drops the event"
        )
