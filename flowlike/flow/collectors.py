"""The caller's end of a flow: consumers that gather, hand over, or ignore what comes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np

from flowlike.arrow import is_arrow, numbers_of
from flowlike.batches import Batch, events_of, joinable
from flowlike.native.arena import Arena
from flowlike.stages import AutoDemand, Consumer, Subscription
from flowlike.stages.handover import Handover

__all__ = ["ArrayCollector", "Collector", "Ignore", "ListCollector", "Streamed"]

Result_co = TypeVar("Result_co", covariant=True)

Array = np.ndarray[Any, Any]


class Collector(Consumer[Any], Generic[Result_co]):
    """A consumer with a result.

    Attributes:
        arena: where the kernels that the flow ends in write their results, if it wants them so.
    """

    arena: Arena | None = None

    def demand(self, limit: int) -> AutoDemand:
        """What it asks of each stage: all it may from the start, for it takes everything anyway.

        Its batches are not joined before, for it joins them itself.
        """
        return AutoDemand(limit, batch=limit, joins=False)

    def result(self) -> Result_co:
        """What was gathered; only complete after the flow's normal end."""
        raise NotImplementedError


class Ignore(Collector[None]):
    """Consumes and forgets."""

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Nothing."""

    def result(self) -> None:
        """Nothing."""


class ListCollector(Collector[list[Any]]):
    """All events in a list, in the order of their arrival."""

    def __init__(self) -> None:
        self._events: list[Any] = []

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Append."""
        self._events.extend(events_of(events))

    def result(self) -> list[Any]:
        """The list."""
        return self._events


class ArrayCollector(Collector[Array]):
    """All events in one array.

    Arrays are copied into one result that was allocated beforehand, so that their own memory is
    free at once for the next batch; it grows by half when it is full. Pieces of the arena are
    in their place already. Events that came as Python objects become an array at the end.

    Args:
        room: how many events there will probably be.
        empty: the result if there are none.
        writes_rows: whether kernels can write their results where the result will be.
    """

    def __init__(self, room: int | None, empty: Array, *, writes_rows: bool = False) -> None:
        self._room = room or 0
        if writes_rows:
            self.arena = Arena(self._room)
        self._empty = empty
        self._array: Array | None = None  # the result, of which ...
        self._used = 0  # ... so many rows are filled
        # Before it: arrays of another dtype or shape, and pieces of the arena.
        self._done: list[Array | range] = []
        self._objects: list[Any] = []  # after it: events that came in lists

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Copy the batch behind the others."""
        if is_arrow(events) and (numbers := numbers_of(events)) is not None:
            events = numbers
        if not isinstance(events, np.ndarray):
            self._objects.extend(events_of(events))
            return
        self._convert_objects()
        if self.arena is not None and (rows := self.arena.find(events)) is not None:
            self._close_array()
            self._add_rows(rows)
            return
        array = self._array
        if array is None or not joinable(array, events):
            self._close_array()
            capacity = max(self._room, len(events))
            array = self._array = np.empty((capacity, *events.shape[1:]), events.dtype)
        end = self._used + len(events)
        if end > len(array):
            grown = np.empty((max(end, len(array) * 3 // 2), *array.shape[1:]), array.dtype)
            grown[: self._used] = array[: self._used]
            array = self._array = grown
        array[self._used : end] = events
        self._used = end

    def result(self) -> Array:
        """The array; without any event an empty one.

        Raises:
            ValueError: the events have different shapes and make no array together.
        """
        self._convert_objects()
        self._close_array()
        if not self._done:
            return self._empty.copy()
        pieces = [each for each in self._done if isinstance(each, range)]
        if self.arena is not None and len(pieces) == len(self._done):
            whole = self.arena.whole(pieces)
            if whole is not None:
                return whole
        done = [self._rows(each) if isinstance(each, range) else each for each in self._done]
        return done[0] if len(done) == 1 else np.concatenate(done)

    def _add_rows(self, rows: range) -> None:
        """Remember rows of the arena, with neighbours as one."""
        last = self._done[-1] if self._done else None
        if isinstance(last, range) and last.stop == rows.start:
            self._done[-1] = range(last.start, rows.stop)
        else:
            self._done.append(rows)

    def _rows(self, found: range) -> Array:
        assert self.arena is not None
        return self.arena.rows(found)

    def _convert_objects(self) -> None:
        if self._objects:
            self._close_array()
            self._done.append(np.array(self._objects))
            self._objects = []

    def _close_array(self) -> None:
        if self._array is not None:
            rows = self._array[: self._used]
            # A view keeps all of its memory alive; half of it unused is too much.
            self._done.append(rows if 2 * len(rows) > len(self._array) else rows.copy())
            self._array, self._used = None, 0


class Streamed(Handover, Collector[None]):
    """Hands what comes to somebody who iterates; see :class:`Handover`."""

    def demand(self, limit: int) -> AutoDemand:
        """One event at the start: the caller may want no more."""
        return AutoDemand(limit)

    def result(self) -> None:
        """Nothing; see :meth:`Handover.take`."""
