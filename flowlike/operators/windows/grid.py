"""Windows at regular places in time, as numbers: which contain a time, which are over."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Grid"]

Numbers = np.ndarray[Any, np.dtype[Any]]

_MOST_EXACT = 1 << 53


class Grid:
    """Window k begins at ``k * every`` and lasts for ``duration``.

    With floats both borders are rounded, the same way everywhere, so that windows always
    partition time: where a window ends the next one begins.

    Args:
        duration: of a window, in the unit of the times.
        every: between two starts, at most the duration.

    >>> grid = Grid(10, 5)
    >>> times = np.array([0, 12, 20])
    >>> grid.first(times), grid.last(times)
    (array([-1,  1,  3]), array([0, 2, 4]))
    """

    __slots__ = ("_duration", "_every", "tumbles")

    def __init__(self, duration: float, every: float) -> None:
        self._duration = duration
        self._every = every
        self.tumbles = duration == every

    def start(self, number: int) -> int | float:
        """Where a window begins."""
        return number * self._every

    def last(self, times: Numbers) -> Numbers:
        """The last window that contains each time.

        Raises:
            OverflowError: a time is too far from 0 for windows of this size.
        """
        every = self._every
        if isinstance(every, int) and times.dtype.kind == "i":
            return times // every
        with np.errstate(over="ignore"):
            numbers = np.floor(times / every)
        if not (np.abs(numbers) < _MOST_EXACT).all():
            raise OverflowError
        numbers -= numbers * every > times
        numbers += (numbers + 1) * every <= times
        return numbers.astype(np.int64)

    def first(self, times: Numbers) -> Numbers:
        """The first window that contains each time; those before have ended by then.

        Raises:
            OverflowError: a time is too far from 0 for windows of this size.
        """
        if self.tumbles:
            return self.last(times)
        every, duration = self._every, self._duration
        numbers = self.last(times - duration) + 1
        if isinstance(every, int) and isinstance(duration, int) and times.dtype.kind == "i":
            return numbers
        numbers -= (numbers - 1) * every + duration > times
        numbers += numbers * every + duration <= times
        return numbers
