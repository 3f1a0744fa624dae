"""Session windows while they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import repeat
from math import inf
from typing import Any

import numpy as np

from flowlike.batches import Batch, events_of
from flowlike.operators.notes import describe_event, unhashable
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.event_time import EventTimeRun, EventTimeWindow
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission
from flowlike.operators.windows.window import Keys

__all__ = ["SessionRun"]

Time = int | float


class _Session(Pane):
    """A session: the pane of a key, from its first to its last time so far.

    Attributes:
        first: the least time of its events.
        last: the greatest.
        rows: its events of the batch that is being taken.
    """

    __slots__ = ("first", "last", "rows")

    def __init__(self, frame: Frame, shown: Any, key: Any, number: int, time: Time) -> None:
        super().__init__(frame, shown, key, number)
        self.first = self.last = time
        self.rows: list[int] = []


class SessionRun(EventTimeRun):
    """The sessions of one partition, those that take late events too.

    Args:
        window: the description.
        frame: where the events go.
        upstreams: how many producers there are.
        gap: the longest pause, in seconds.
        keys: the key function for each producer.
    """

    def __init__(
        self, window: EventTimeWindow, frame: Frame, upstreams: int, gap: float, keys: Keys
    ) -> None:
        super().__init__(window, frame, upstreams)
        self._gap_seconds = gap
        self._gap: Time = gap
        self._keys = keys
        self._sessions: dict[Any, list[_Session]] = {}
        # The ends that sessions had when they were looked at last, the least first.
        self._ends: list[tuple[Time, int, _Session]] = []
        self._mark: float = -inf  # the watermark, which does not go back
        self._opened = 0  # in all
        self._alive = 0  # and not done

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        times: list[Time] = self._times.of(batch).tolist()
        gap = self._gap = self._times.duration(self._gap_seconds)
        watermark = self._watermark
        if watermark.rest(now):
            yield from self._move(now, outputs)
        high, others = watermark.of(upstream), watermark.without(upstream)
        at_once = self.frame.leaves_at_once
        touched: dict[_Session, None] = {}  # those with events of this batch to come
        late: list[int] = []
        table, lingering = self._sessions, self._lingering
        timed_keys = zip(times, self._keys_of(batch, upstream), strict=False)
        for row, (time, key) in enumerate(timed_keys):
            if time > high:
                high = time
                mark = min(others, high)
                if mark > self._mark:
                    self._mark = mark
                    if self._ends and self._ends[0][0] < mark:
                        yield from self._flush(touched, batch, upstream, outputs)
                        yield from self._close_ended(now, outputs)
            try:
                sessions = table.get(key)
            except TypeError as error:
                (event,) = events_of(batch[row : row + 1])
                refusal = unhashable(f"the key of {self._times.label}", key)
                self._note(refusal, event)
                raise refusal from error
            session = None
            for each in sessions or ():
                if time <= each.last + gap and each.first <= time + gap:
                    if session is None:
                        session = each
                        continue
                    yield from self._flush(touched, batch, upstream, outputs)
                    session = yield from self._join(session, each, outputs)
                    break
            if session is None:
                if time + gap < self._mark:
                    late.append(row)
                    continue
                session = self._begin(key, time)
            elif time > session.last:
                session.last = time
            elif time < session.first:
                session.first = time
                session.window_id = self._times.shown(time)
            if lingering:
                self._reopen(session)
            if not session.rows:
                if at_once and touched:
                    yield from self._flush(touched, batch, upstream, outputs)
                touched[session] = None
            session.rows.append(row)
        yield from self._flush(touched, batch, upstream, outputs)
        watermark.spoke(upstream, high, now)
        if late:
            self._too_late(_rows_of(batch, late))

    def _move(self, now: float, outputs: Outputs) -> Emission:
        self._mark = max(self._mark, self._watermark.position)
        yield from self._close_ended(now, outputs)

    def _open(self) -> Iterable[Pane]:
        sessions = [each for of_key in self._sessions.values() for each in of_key]
        return sorted(sessions, key=self._place_of)

    def _place_of(self, pane: Pane) -> tuple[Time, int]:
        assert isinstance(pane, _Session)
        return pane.first, pane.number

    def _has_open(self) -> bool:
        return self._alive > len(self._lingering)

    def _forget(self, pane: Pane) -> None:
        assert isinstance(pane, _Session)
        self._remove(pane)

    def _keys_of(self, batch: Batch, upstream: int) -> Iterator[Any]:
        function = self._keys[upstream]
        return repeat(None) if function is None else self._called(function, batch)

    def _called(self, function: Any, batch: Batch) -> Iterator[Any]:
        """The keys, each when it is asked for."""
        event = None
        try:
            for event in events_of(batch):
                yield function(event)
        except Exception as error:
            if isinstance(error, StopIteration):  # which no generator may raise
                stopped = RuntimeError(f"the key of {self._times.label} raised StopIteration")
                self._note(stopped, event)
                raise stopped from error
            self._note(error, event)
            raise

    def _note(self, error: Exception, event: Any) -> None:
        label = f"the key of {self._times.label}"
        self.frame.place.note(error, label, describe_event(event))

    def _begin(self, key: Any, time: Time) -> _Session:
        self._opened += 1
        self._alive += 1
        session = _Session(self.frame, self._times.shown(time), key, self._opened, time)
        self._sessions.setdefault(key, []).append(session)
        heappush(self._ends, (time + self._gap, session.number, session))
        return session

    def _reopen(self, session: _Session) -> None:
        """One that took late events may go on as if nothing had been."""
        if session in self._lingering and session.last + self._gap >= self._mark:
            del self._lingering[session]
            heappush(self._ends, (session.last + self._gap, session.number, session))

    def _join(self, one: _Session, other: _Session, outputs: Outputs) -> Any:
        """Two sessions of a key become the earlier one, which is returned."""
        if other.first < one.first:
            one, other = other, one
        self._remove(other)
        self._lingering.pop(other, None)
        yield from one.absorb(other, outputs)
        one.last = max(one.last, other.last)
        self._reopen(one)
        return one

    def _remove(self, session: _Session) -> None:
        of_key = self._sessions[session.key]
        of_key.remove(session)
        self._alive -= 1
        if not of_key:
            del self._sessions[session.key]
        session.number = 0  # it is gone, though the heap still has it

    def _close_ended(self, now: float, outputs: Outputs) -> Emission:
        ended = []
        ends, mark, gap = self._ends, self._mark, self._gap
        while ends and ends[0][0] < mark:
            _, number, session = heappop(ends)
            if session.number != number or session in self._lingering:
                continue
            if session.last + gap < mark:
                ended.append(session)
            else:
                heappush(ends, (session.last + gap, number, session))
        if ended:
            ended.sort(key=self._place_of)
            yield from self._close(ended, now, outputs)

    def _flush(
        self, touched: dict[_Session, None], batch: Batch, upstream: int, outputs: Outputs
    ) -> Emission:
        """Give the sessions the events that were put down for them."""
        for session in touched:
            rows, session.rows = session.rows, []
            start, stop, part = rows[0], rows[-1] + 1, batch
            if stop - start > len(rows):
                part, start, stop = _rows_of(batch, rows), 0, len(rows)
            yield from session.push(part, start, stop, upstream, outputs)
        touched.clear()


def _rows_of(batch: Batch, rows: list[int]) -> Batch:
    if isinstance(batch, (list, range)):
        return [batch[row] for row in rows]
    return batch[rows] if isinstance(batch, np.ndarray) else batch.take(rows)
