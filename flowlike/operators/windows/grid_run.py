"""Windows at regular places in event time while they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from operator import itemgetter
from typing import Any

import numpy as np

from flowlike.batches import Batch
from flowlike.operators.notes import describe_event
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.event_time import EventTimeRun, EventTimeWindow
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.grid import Grid
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission

__all__ = ["GridRun"]

Numbers = np.ndarray[Any, np.dtype[Any]]

_FEW = 1 << 15


class GridRun(EventTimeRun):
    """Fixed and sliding windows of one partition.

    It counts in numbers of windows. An event belongs to the windows from its first to its
    last; the watermark is the number of the first window that it has not closed. As both grow
    with time, the watermark after each event of a batch is a running maximum of numbers.

    Args:
        window: the description.
        frame: where the events go.
        upstreams: how many producers there are.
        duration: of a window, in seconds.
        every: seconds between two starts.
    """

    def __init__(
        self,
        window: EventTimeWindow,
        frame: Frame,
        upstreams: int,
        duration: float,
        every: float,
    ) -> None:
        super().__init__(window, frame, upstreams)
        self._seconds = (duration, every)
        self._grid: Grid | None = None
        self._panes: dict[int, Pane] = {}  # the lingering ones too
        self._closed = -inf  # windows with smaller numbers are closed, or linger

    @property
    def passed(self) -> Any:
        """The start of the first window that may still fire; None: none has closed so far."""
        if self._grid is None or self._closed == -inf:
            return None
        number = min((pane.number for pane in self._lingering), default=self._closed)
        return self._times.shown(self._grid.start(int(number)))

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        first, last = self._numbers(batch)
        watermark = self._watermark
        if watermark.rest(now):
            yield from self._move(now, outputs)
        # Of each event: the first window that is open when the watermark has moved with it.
        border = np.maximum.accumulate(first)
        seen, others = watermark.of(upstream), watermark.without(upstream)
        watermark.spoke(upstream, int(border[-1]), now)
        if seen > border[0]:
            np.maximum(border, int(seen), out=border)
        if others < border[-1]:
            lowest = int(first.min())
            np.minimum(border, lowest if others == -inf else int(others), out=border)
        if self._closed > border[0]:
            np.maximum(border, int(self._closed), out=border)
        if self.frame.leaves_at_once:
            yield from self._take_in_order(batch, upstream, now, first, last, border, outputs)
        elif _are_sorted(first, last) and (border <= first).all():
            yield from self._push_slices(batch, upstream, first, last, outputs)
            yield from self._close_before(self._reached(), now, outputs)
        else:
            yield from self._push_groups(batch, upstream, first, last, border, outputs)
            yield from self._close_before(self._reached(), now, outputs)
            yield from self._push_late(batch, upstream, first, last, border, outputs)

    def _move(self, now: float, outputs: Outputs) -> Emission:
        yield from self._close_before(self._reached(), now, outputs)

    def _open(self) -> Iterable[Pane]:
        return [self._panes[number] for number in sorted(self._panes)]

    def _has_open(self) -> bool:
        return len(self._panes) > len(self._lingering)

    def _forget(self, pane: Pane) -> None:
        del self._panes[pane.number]

    def _numbers(self, batch: Batch) -> tuple[Numbers, Numbers]:
        """The first and the last window of each event."""
        times = self._times.of(batch)
        grid = self._grid
        if grid is None:
            duration, every = map(self._times.duration, self._seconds)
            grid = self._grid = Grid(duration, every)
        try:
            first = grid.first(times)
            return first, first if grid.tumbles else grid.last(times)
        except OverflowError:
            error = ValueError(
                f"an event time is too far from 0 for windows every {self._seconds[1]!r} s"
            )
            farthest = times[np.abs(times).argmax()].item()
            self.frame.place.note(error, self._times.label, describe_event(farthest))
            raise error from None

    def _reached(self) -> float:
        """Where the watermark is; it closes nothing twice."""
        return max(self._closed, self._watermark.position)

    def _pane(self, number: int) -> Pane:
        """The pane of a window that is not closed."""
        pane = self._panes.get(number)
        if pane is None:
            assert self._grid is not None
            start = self._times.shown(self._grid.start(number))
            pane = self._panes[number] = Pane(self.frame, start, number=number)
        return pane

    def _close_before(self, border: float, now: float, outputs: Outputs) -> Emission:
        if border <= self._closed:
            return
        self._closed = border
        lingering = self._lingering
        reached = [number for number in self._panes if number < border]
        panes = [self._panes[number] for number in sorted(reached)]
        if lingering:
            panes = [pane for pane in panes if pane not in lingering]
        if panes:
            yield from self._close(panes, now, outputs)

    # Where the order of events of different windows does not show: window by window.

    def _push_slices(
        self, batch: Batch, upstream: int, first: Numbers, last: Numbers, outputs: Outputs
    ) -> Emission:
        """The events of each window stand together, and none is late."""
        for number, start, stop in _runs(first, last):
            pane = self._panes.get(number) or self._pane(number)
            yield from pane.push(batch, start, stop, upstream, outputs)

    def _push_groups(
        self,
        batch: Batch,
        upstream: int,
        first: Numbers,
        last: Numbers,
        border: Numbers,
        outputs: Outputs,
    ) -> Emission:
        """Sort the events by window, those of one in their order; leave out closed windows."""
        rows, numbers = _pairs(np.maximum(first, border), last)
        gathered = _gather(batch, rows)
        for number, start, stop in _runs(numbers, numbers):
            pane = self._pane(number)
            yield from pane.push(gathered, start, stop, upstream, outputs)

    def _push_late(
        self,
        batch: Batch,
        upstream: int,
        first: Numbers,
        last: Numbers,
        border: Numbers,
        outputs: Outputs,
    ) -> Emission:
        """Events for windows that had closed: some of these may linger."""
        lost = last < border
        if self._lingering:
            rows, numbers = _pairs(first, np.minimum(last, border - 1))
            for number, start, stop in _runs(numbers, numbers):
                pane = self._panes.get(number)
                if pane is not None and pane in self._lingering:
                    places = rows[start:stop]
                    part = _gather(batch, places)
                    yield from pane.push(part, 0, len(places), upstream, outputs)
                    lost[places] = False
        if lost.any():
            self._too_late(_gather(batch, np.flatnonzero(lost)))

    # Where it shows: event by event, or rather as many as go the same way.

    def _take_in_order(
        self,
        batch: Batch,
        upstream: int,
        now: float,
        first: Numbers,
        last: Numbers,
        border: Numbers,
        outputs: Outputs,
    ) -> Emission:
        changes = (last[1:] != last[:-1]) | (border[1:] != border[:-1])
        if first is not last:
            changes |= first[1:] != first[:-1]
        starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
        unmoved = self._watermark.without(upstream) == -inf
        for start, stop in zip(starts, [*starts[1:], len(batch)], strict=True):
            closed = self._closed
            if not unmoved and border[start] > closed:
                closed = int(border[start])
                yield from self._close_before(closed, now, outputs)
            panes = []
            for number in range(int(first[start]), int(last[start]) + 1):
                pane = self._panes.get(number)
                if number >= closed:
                    pane = pane or self._pane(number)
                if pane is not None:
                    panes.append(pane)
            if not panes:
                self._too_late(batch[start:stop])
                continue
            for piece, behind in self._pieces(panes, start, stop):
                for pane in panes:
                    yield from pane.push(batch, piece, behind, upstream, outputs)
        yield from self._close_before(self._reached(), now, outputs)

    def _pieces(self, panes: list[Pane], start: int, stop: int) -> Iterator[tuple[int, int]]:
        """As many events at once as let no window fire before the last of them.

        So windows that overlap fire in the order of events, however these were cut into batches.
        """
        frame = self.frame
        if len(panes) == 1 or (frame.every is None and frame.punctuating is None):
            yield start, stop
            return
        counts_all = frame.every is not None and frame.entry is None
        while start < stop:
            size = min(pane.until_full for pane in panes) if counts_all else 1
            behind = min(stop, start + size)
            yield start, behind
            start = behind


def _are_sorted(first: Numbers, last: Numbers) -> bool:
    """True if the events of each window stand together."""
    if not (last[1:] >= last[:-1]).all():
        return False
    return first is last or bool((first[1:] >= first[:-1]).all())


def _runs(first: Numbers, last: Numbers) -> Iterator[tuple[int, int, int]]:
    """Each window with its events from start to stop; both arrays are sorted."""
    if not len(first):
        return
    if first is last:
        starts = [0, *(np.flatnonzero(last[1:] != last[:-1]) + 1).tolist()]
        stops = [*starts[1:], len(last)]
        yield from zip(last[starts].tolist(), starts, stops, strict=True)
        return
    number, end = int(first[0]), int(last[-1])
    while number <= end:
        start = int(np.searchsorted(last, number, "left"))
        if first[start] > number:  # no event is in the windows between
            number = int(first[start])
            continue
        yield number, start, int(np.searchsorted(first, number, "right"))
        number += 1


def _pairs(first: Numbers, last: Numbers) -> tuple[Numbers, Numbers]:
    """Each event with each of its windows, from first to last: rows, and numbers of windows.

    They are sorted by window, and in each window by row.
    """
    if (first == last).all():
        rows, numbers = np.arange(len(last)), last
    else:
        counts = np.maximum(last - first + 1, 0)
        rows = np.repeat(np.arange(len(last)), counts)
        before = np.cumsum(counts) - counts
        numbers = np.repeat(first - before, counts) + np.arange(len(rows))
    if len(rows):
        low = numbers.min()
        # So many windows are sorted by radix.
        small = numbers.max() - low < _FEW
        order = np.argsort((numbers - low).astype(np.int16) if small else numbers, kind="stable")
        rows, numbers = rows[order], numbers[order]
    return rows, numbers


def _gather(batch: Batch, rows: Numbers) -> Batch:
    """The events at these places, as a batch."""
    if isinstance(batch, np.ndarray):
        return batch[rows]
    if not isinstance(batch, (list, range)):
        return batch.take(rows)
    if len(rows) < 2:
        return [batch[row] for row in rows.tolist()]
    return list(itemgetter(*rows.tolist())(batch))
