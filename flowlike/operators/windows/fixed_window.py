"""Fixed windows: event time is cut into pieces of one length."""

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

__all__ = ["FixedWindow"]


@dataclass(frozen=True, slots=True, repr=False)
class FixedWindow(EventTimeWindow):
    """Windows of one length in event time, one behind the other.

    An event belongs to the window ``[k * duration, (k + 1) * duration)`` that its time is
    in, counted from 0, or from 1970 in UTC. The window's id is its start in the units of
    ``by``. It closes, and fires "done", when the watermark reaches its end: the least, over
    the producers, of the greatest time that each has sent. Events that come after that are
    late; see :meth:`allowed_lateness` and :meth:`on_late`.

    Args:
        duration: of a window, in seconds or as a ``timedelta``.
        by: gives the time of an event: a finite number of seconds or an aware ``datetime``.
            A function, an index into the event or a name.
        by_batch: gives the times of an array of events as an array, in place of calling
            ``by`` for each.

    Raises:
        TypeError: an argument has the wrong type, or there is neither ``by`` nor ``by_batch``.
        ValueError: ``duration`` is not above 0.

    Example:
        >>> from flowlike import FixedWindow, Flow
        >>> readings = [(0, 3), (7, 4), (12, 5), (31, 6)]
        >>> window = FixedWindow(10, by=0)
        >>> flow = Flow.from_iterable(readings, stages=1, window=window)
        >>> flow = flow.reduce(int, lambda total, reading: total + reading[1])
        >>> flow.map_state(lambda total, ctx: (ctx.window_id, total)).emit("state").to_list()
        [(0, 7), (10, 5), (30, 6)]
    """

    kind: ClassVar[str] = "fixed"
    duration: float | timedelta
    by: Key | None = None

    def __post_init__(self) -> None:
        Window.__post_init__(self)
        check_seconds("FixedWindow's duration", self.duration)
        self._check_by()

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> GridRun:
        """The fixed windows of one partition, ready to run."""
        seconds = check_seconds("FixedWindow's duration", self.duration)
        return GridRun(self, frame, upstreams, seconds, seconds)
