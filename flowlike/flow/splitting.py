"""Batches split by the stable hash of their events' keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import itemgetter, length_hint
from typing import Any

import numpy as np

from flowlike.arrow import column_of, is_arrow, numbers_of, split_arrow
from flowlike.batches import Batch, events_of
from flowlike.counted import Counted
from flowlike.flow.native_pool import Job, NativePool
from flowlike.grouped import Grouped
from flowlike.native import partition_ids, partition_of, scatter
from flowlike.operators import Calls, Key, key_function
from flowlike.operators.notes import describe_event
from flowlike.stages.dispatchers.buckets import Ids, deal
from flowlike.stages.dispatchers.partition import Reply

__all__ = ["Splitter"]

# Below this many keys the detour by an array costs more than it saves.
_WORTH_AN_ARRAY = 32

_WORTH_A_THREAD = 1 << 16
"""Rows: fewer are split sooner than a thread would begin."""

_PER_ROW = 2e-9  # seconds, roughly

_PASSING = 1 << 20
"""Keys that are not looked up after most had been looked up in vain."""


class Splitter:
    """Splits batches by the stable hash of their keys: equal keys reach one partition.

    Arrays are split natively and stay arrays. The keys of other batches are hashed in one
    call if all of them are plain integers; the partitions of other keys are remembered.

    Args:
        key: takes the key out of an event; ``None``: the event itself.
        partitions: how many.
        label: of the routing, for notes.
        pool: the threads that split long arrays; ``None``: there are none.
    """

    __slots__ = ("_function", "_key", "_known", "_label", "_partitions", "_passing", "_pool")

    def __init__(
        self, key: Key | None, partitions: int, label: str, pool: NativePool | None = None
    ) -> None:
        self._pool = pool
        self._key = key
        self._function = None if key is None else key_function(key)
        self._partitions = partitions
        self._label = label
        self._known = _Known(partitions)
        self._passing = 0

    def __call__(self, batch: Batch) -> list[Batch]:
        """One batch for each partition, maybe empty, the events in their order.

        Raises:
            TypeError: a key has no stable hash.
            RuntimeError: the key function raised ``StopIteration``.
        """
        if isinstance(batch, np.ndarray):
            return self._split_array(batch)
        if type(batch) is range and self._function is None and len(batch) >= _WORTH_AN_ARRAY:
            numbers = _as_array(batch)
            if numbers is not None:
                return [part.tolist() for part in scatter(numbers, self._partitions)]
        if type(batch) is Counted:
            ids = self._ids_of(batch.events)
            different = deal(batch.events, ids, self._partitions)
            return list(map(Counted, different, deal(batch.counts, ids, self._partitions)))
        if type(batch) is Grouped:
            ids = self.ids_of_keys(batch.keys)
            different = deal(batch.keys, ids, self._partitions)
            return list(map(Grouped, different, deal(batch.values, ids, self._partitions)))
        if is_arrow(batch):
            return self._split_arrow(batch)
        events = batch if isinstance(batch, (list, range)) else list(events_of(batch))
        return list[Batch](deal(events, self._ids_of(events), self._partitions))

    def ids_of_keys(self, keys: Sequence[Any]) -> Ids:
        """The partition of each key.

        Raises:
            TypeError: a key has no stable hash.
        """
        return self._ids_of_keys(keys, keys)

    def elsewhere(self, batch: Batch, reply: Reply) -> bool:
        """Split an array in a thread, if it is long and no Python object is needed for that.

        Returns:
            Whether it is; then ``reply`` is called later with its parts, or the error.
        """
        if self._pool is None or not isinstance(batch, np.ndarray) or len(batch) < _WORTH_A_THREAD:
            return False
        keys = self._column_of(batch)
        if keys is None or batch.dtype.hasobject or keys.dtype.kind not in "iubfS":
            return False

        def done(job: Job) -> None:
            reply(job.results[0] if job.error is None else None, job.error, job.seconds)

        calls = Calls(self._split_array, [batch], "native", 1, self._label, len(batch))
        self._pool.submit(Job(calls, _expected, done))
        return True

    def _column_of(self, batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """The keys of an array, if they are an array too."""
        key = self._key
        if key is None and batch.ndim == 1:
            return batch
        if isinstance(key, str) and batch.dtype.names and key in batch.dtype.names:
            return batch[key]
        return batch[:, key] if isinstance(key, int) and batch.ndim == 2 else None

    def _split_array(self, batch: np.ndarray[Any, Any]) -> list[Batch]:
        """Rows stay rows of one array; only a key function sees Python objects."""
        partitions = self._partitions
        keys = self._column_of(batch)
        if keys is not None:
            return list(scatter(batch, partitions, None if keys is batch else keys))
        rows = _as_numbers(self._ids_of(batch.tolist()))
        return [batch[rows == each] for each in range(partitions)]

    def _split_arrow(self, batch: Any) -> list[Batch]:
        """Rows stay rows of Arrow; a column that is the key is taken out at once."""
        keys = batch if self._key is None else column_of(batch, self._key)
        numbers = None if keys is None else numbers_of(keys)
        if numbers is not None:
            ids: Ids = partition_ids(numbers, self._partitions)
        elif keys is not None and keys is not batch:
            events = _Rows(batch)
            ids = self._ids_of_keys(events, keys.to_pylist())
        else:
            ids = self._ids_of(list(events_of(batch)))
        return split_arrow(batch, _as_numbers(ids), self._partitions)

    def _ids_of(self, events: Sequence[Any]) -> Ids:
        """The partition of each event."""
        keys = events if self._function is None else self._keys_of(events, self._function)
        return self._ids_of_keys(events, keys)

    def _ids_of_keys(self, events: Sequence[Any], keys: Sequence[Any]) -> Ids:
        if len(keys) >= _WORTH_AN_ARRAY and type(keys[0]) is int:
            numbers = _as_array(keys)
            if numbers is not None:
                return partition_ids(numbers, self._partitions)
        if self._passing > 0:
            self._passing -= len(keys)
            return self._ids_one_by_one(events, keys)
        ids = self._known_ids(keys)
        if ids is None:
            return self._ids_one_by_one(events, keys)
        if self._known.is_worthless(len(keys)):
            self._passing = _PASSING
        return ids

    def _known_ids(self, keys: Sequence[Any]) -> Ids | None:
        """The partitions of keys by looking them up, if that can be done."""
        find = self._known.__getitem__
        try:
            if self._partitions <= 256:
                ids: Ids = bytes(map(find, keys))
            else:
                ids = np.fromiter(map(find, keys), np.uint32)
        except Exception:  # noqa: BLE001 - one by one it is raised again, or does not matter
            return None
        return ids if len(ids) == len(keys) else None

    def _keys_of(self, events: Sequence[Any], function: Callable[[Any], Any]) -> Sequence[Any]:
        pending = iter(events)
        key = self._key
        try:
            if isinstance(key, int):
                keys = list(map(function, pending))
                if len(keys) == len(events):
                    return keys
                raise StopIteration  # an event's own, which has ended the map
            if isinstance(key, str) and list(map(type, events)).count(dict) == len(events):
                return list(map(itemgetter(key), pending))
            return [function(event) for event in pending]
        except Exception as error:
            # The iterator has moved past the event that the function was given.
            self._note(error, events[len(events) - length_hint(pending) - 1])
            raise

    def _ids_one_by_one(self, events: Sequence[Any], keys: Sequence[Any]) -> Ids:
        """The same without looking up; some keys have a stable hash but no other."""
        partitions = self._partitions
        pending = iter(keys)
        try:
            return np.array([partition_of(key, partitions) for key in pending], np.uint32)
        except Exception as error:
            self._note(error, events[len(events) - length_hint(pending) - 1])
            raise

    def _note(self, error: Exception, event: Any) -> None:
        """Say which event it was.

        Raises:
            RuntimeError: the error is a ``StopIteration``, which no coroutine may raise.
        """
        error.add_note(f"in {self._label}, {describe_event(event)}")
        if isinstance(error, StopIteration):
            raise RuntimeError(f"{self._label} raised StopIteration") from error


def _expected(calls: Calls) -> float:
    return calls.events * _PER_ROW


class _Rows(Sequence[Any]):
    """The events of a record batch, each made when somebody looks at it."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch)

    def __getitem__(self, index: Any) -> Any:
        return self._batch.slice(index, 1).to_pylist()[0]


class _Known(dict[Any, int]):
    """Partitions of keys that were seen, found at the speed of a ``dict``.

    Keys that are equal have the same partition, so it does not matter which of them was first.
    """

    LIMIT = 1 << 16
    """Keys to remember, before all are forgotten."""

    __slots__ = ("_asked", "_forgotten", "_partitions")

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._partitions = partitions
        self._asked = 0
        self._forgotten = False

    def is_worthless(self, asked: int) -> bool:
        """Whether, now that so many more were asked for, it has been filled for little use."""
        self._asked += asked
        if not self._forgotten:
            return False
        worthless = self._asked < 3 * self.LIMIT
        self._asked, self._forgotten = 0, False
        return worthless

    def __missing__(self, key: Any) -> int:
        partition = partition_of(key, self._partitions)
        if _is_small(key):
            if len(self) >= self.LIMIT:
                self.clear()
                self._forgotten = True
            self[key] = partition
        return partition


def _is_small(key: Any) -> bool:
    """Whether so many keys like this one can be kept in memory."""
    kind = type(key)
    if kind in (str, bytes):
        return len(key) <= 128
    if kind in (tuple, frozenset):
        return len(key) <= 8 and all(map(_is_small, key))
    # What has attributes may hold anything; the members of an enum are there anyway.
    return not hasattr(key, "__dict__") or isinstance(key, Enum)


def _as_array(keys: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    """Plain integers as an array, if all are and none is too large.

    Of other types NumPy might make a number that they are not equal to.
    """
    try:
        if isinstance(keys, range):
            if not (_is_int64(keys[0]) and _is_int64(keys[-1])):
                return None
            numbers = np.arange(len(keys), dtype=np.int64)
            numbers *= keys.step  # what overflows comes back in the next line
            numbers += keys.start
            return numbers
        if list(map(type, keys)).count(int) < len(keys):
            return None
        return np.fromiter(keys, np.int64, len(keys))
    except OverflowError:
        return None


def _as_numbers(ids: Ids) -> np.ndarray[Any, Any]:
    return np.frombuffer(ids, np.uint8) if isinstance(ids, bytes) else ids


def _is_int64(number: int) -> bool:
    return -(1 << 63) <= number < 1 << 63
