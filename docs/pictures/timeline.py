"""Rows over an axis of time."""

from __future__ import annotations

from collections.abc import Iterable

from pictures.drawing import Drawing

__all__ = ["Timeline"]


class Timeline:
    """Time from the left to the right: a place for every second.

    Args:
        drawing: where.
        left: where second 0 is.
        per_second: pixels.
    """

    def __init__(self, drawing: Drawing, left: float, per_second: float) -> None:
        self.drawing = drawing
        self._left = left
        self._per_second = per_second

    def x(self, seconds: float) -> float:
        """The place of a time."""
        return self._left + seconds * self._per_second

    def axis(self, y: float, seconds: Iterable[float]) -> None:
        """The axis, with these times on it."""
        times = list(seconds)
        self.drawing.line([(self.x(times[0]), y), (self.x(times[-1]), y)], "thin")
        for time in times:
            self.drawing.line([(self.x(time), y), (self.x(time), y + 5)], "thin")
            self.drawing.text((self.x(time), y + 18), f"{time:g} s", "small quiet", "middle")

    def events(self, y: float, events: Iterable[tuple[float, str]]) -> None:
        """Events, each at its time with its name above it."""
        for time, name in events:
            self.drawing.dot((self.x(time), y))
            self.drawing.text((self.x(time), y - 10), name, "code", "middle")

    def span(self, y: float, start: float, stop: float, words: str, below: str) -> None:
        """A box from one time to another, with a line of code in it and one below."""
        x, width = self.x(start), self.x(stop) - self.x(start)
        self.drawing.box((x + 1, y), width - 2, 24)
        self.drawing.text((x + width / 2, y + 16), words, "code", "middle")
        self.drawing.text((x + width / 2, y + 38), below, "small quiet", "middle")
