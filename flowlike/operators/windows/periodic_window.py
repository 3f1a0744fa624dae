"""Periodic windows: so many seconds of processing time each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import ClassVar

from flowlike.batches import Batch
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission, WindowRun
from flowlike.operators.windows.window import Keys, Window
from flowlike.options import check_seconds

__all__ = ["PeriodicRun", "PeriodicWindow"]


@dataclass(frozen=True, slots=True, repr=False)
class PeriodicWindow(Window):
    """Windows by the clock: the events that a partition is given within each ``duration``.

    A window fires "done" at its end, or at the end of the input. Its id is the number of
    periods from the start of the layer to its own; a period without events is not fired.

    Args:
        duration: of a window, in seconds or as a ``timedelta``.

    Raises:
        TypeError: ``duration`` is no duration.
        ValueError: ``duration`` is not above 0.

    Example:
        >>> from flowlike import Flow, PeriodicWindow
        >>> flow = Flow.from_iterable(range(10), stages=1, window=PeriodicWindow(3600))
        >>> flow.reduce(int, lambda total, n: total + n).emit("state").to_list()
        [45]
    """

    kind: ClassVar[str] = "periodic"
    duration: float | timedelta

    def __post_init__(self) -> None:
        Window.__post_init__(self)
        check_seconds("PeriodicWindow's duration", self.duration)

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> PeriodicRun:
        """The periodic windows of one partition, ready to run."""
        return PeriodicRun(self, frame)


class PeriodicRun(WindowRun):
    """The periodic windows of one partition while they run: one pane, and its end.

    Where the states of all partitions are gathered every period ends, with or without events,
    so that nobody waits for the window of a partition that has none.
    """

    timed = True

    def __init__(self, window: PeriodicWindow, frame: Frame) -> None:
        super().__init__(frame)
        self._seconds = check_seconds("PeriodicWindow's duration", window.duration)
        self._pane: Pane | None = None
        self._end: float | None = None
        self._next = 0  # the least number that no window has had
        self._tells = frame.tail is not None and frame.tail.hands_on

    def begin(self, now: float) -> None:
        """Processing time begins; without it, it begins with the first event."""
        if self._begun is None and self._tells:
            self._end = now + self._seconds
        super().begin(now)

    @property
    def passed(self) -> int | None:
        """The number of the first period that may still fire; None: none has ended so far."""
        return (self._next if self._pane is None else self._next - 1) or None

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        pane = self._pane
        if pane is None:
            begun = now if self._begun is None else self._begun
            # A loop may call a little before its clock says so: the period after is what counts.
            number = max(floor((now - begun) / self._seconds), self._next)
            self._next = number + 1
            pane = self._pane = Pane(self.frame, number)
            self._end = begun + self._next * self._seconds
        yield from pane.push(batch, 0, len(batch), upstream, outputs)

    def _open(self) -> Iterable[Pane]:
        return () if self._pane is None else (self._pane,)

    def _due(self) -> float | None:
        return self._end

    def _act(self, due: float, outputs: Outputs) -> Emission:
        self._next += self._pane is None  # a period without events
        yield from self._finish(outputs)
        if self._tells and self._begun is not None:
            self._end = self._begun + (self._next + 1) * self._seconds

    def _finish(self, outputs: Outputs) -> Emission:
        pane, self._pane, self._end = self._pane, None, None
        if pane is not None:
            yield from pane.finish(outputs)
