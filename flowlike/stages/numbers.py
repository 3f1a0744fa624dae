"""The names of subscriptions."""

from __future__ import annotations

__all__ = ["Numbers", "numbers"]


class Numbers:
    """Counts, and never gives a number twice, nor one that another process may give.

    >>> some = Numbers()
    >>> next(some), next(some), some.of_process(3), next(some) > 3 << 48
    (1, 2, None, True)
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def __next__(self) -> int:
        self._last += 1
        return self._last

    def of_process(self, process: int) -> None:
        """From now on give numbers that no process with another number gives.

        Args:
            process: its number; without this call it is 0.
        """
        self._last = max(self._last, process << 48)


numbers = Numbers()
"""Names subscriptions, in the order in which they are asked for in this process."""
