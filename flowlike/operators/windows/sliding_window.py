"""Sliding windows: pieces of one length that begin at a shorter distance, so they overlap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from flowlike.operators.keys import Key
from flowlike.operators.windows.event_time import EventTimeWindow
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.grid_run import GridRun
from flowlike.operators.windows.window import Keys, Window
from flowlike.options import check_seconds

__all__ = ["SlidingWindow"]

MOST_WINDOWS = 100_000
"""Windows that one event may be in; more are a mistake of units, and would never be done."""


@dataclass(frozen=True, slots=True, repr=False)
class SlidingWindow(EventTimeWindow):
    """Windows of one length in event time that overlap: a new one begins ``every`` seconds.

    An event is reduced in every window ``[k * every, k * every + duration)`` that contains its
    time: ``duration / every`` of them. Ids, closing and late events are as with
    :class:`FixedWindow`; an event is late if all its windows are closed.

    Args:
        duration: of a window, in seconds or as a ``timedelta``.
        every: between two starts, at most ``duration``.
        by: as in :class:`FixedWindow`.
        by_batch: as in :class:`FixedWindow`.

    Raises:
        TypeError: an argument has the wrong type, or there is neither ``by`` nor ``by_batch``.
        ValueError: a duration is not above 0, or ``every`` is longer than ``duration``, so that
            events between two windows would be lost, or so short that an event would be in more
            than 100 000 windows.

    Example:
        >>> from flowlike import Flow, SlidingWindow
        >>> window = SlidingWindow(10, 5, by=lambda time: time)
        >>> flow = Flow.from_iterable([1, 6, 8, 12], stages=1, window=window).collect_batch()
        >>> flow.map_state(lambda times, ctx: (ctx.window_id, times)).emit("state").to_list()
        [(-5, [1]), (0, [1, 6, 8]), (5, [6, 8, 12]), (10, [12])]
    """

    kind: ClassVar[str] = "sliding"
    duration: float | timedelta
    every: float | timedelta
    by: Key | None = None

    def __post_init__(self) -> None:
        Window.__post_init__(self)
        duration, every = self._seconds()
        if every > duration:
            raise ValueError(
                f"SlidingWindow's every must be at most its duration of {duration:g} s, not "
                f"{every:g} s: events between two windows would be lost"
            )
        if duration > every * MOST_WINDOWS:
            raise ValueError(
                f"SlidingWindow's every must be at least {duration / MOST_WINDOWS:g} s for a "
                f"duration of {duration:g} s, not {every:g} s: an event would be in more than "
                f"{MOST_WINDOWS:,} windows"
            )
        self._check_by()

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> GridRun:
        """The sliding windows of one partition, ready to run."""
        return GridRun(self, frame, upstreams, *self._seconds())

    def _seconds(self) -> tuple[float, float]:
        return (
            check_seconds("SlidingWindow's duration", self.duration),
            check_seconds("SlidingWindow's every", self.every),
        )
