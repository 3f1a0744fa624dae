"""Which parts of a shared memory are in use: pieces of any size, as large as asked."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator

__all__ = ["Slots"]

GRAIN = 1 << 16
"""Bytes: slots begin and end at multiples of it, which are multiples of a page everywhere."""


class Slots:
    """Hands out places in a memory, the lowest that fit.

    Neighbours that are free are one piece again at once, so that a memory of which nothing is in
    use is never in pieces. The lowest places are used again and again: their pages are there.

    Args:
        size: of the memory, in bytes.

    Example:
        >>> slots = Slots(1 << 20)
        >>> slots.take(100_000), slots.take(1)
        (0, 131072)
        >>> slots.give(0)
        (0, 131072)
        >>> slots.take(65_536), slots.take(1 << 20)
        (0, None)
    """

    def __init__(self, size: int) -> None:
        self._free = [(0, size)]  # from where to where, sorted, no two of them neighbours
        self._ends: dict[int, int] = {}  # of those in use, by where they begin

    @property
    def used(self) -> list[int]:
        """Where the slots in use begin."""
        return list(self._ends)

    @property
    def free(self) -> Iterator[tuple[int, int]]:
        """From where to where nothing is in use."""
        return iter(self._free)

    def take(self, size: int) -> int | None:
        """Where a new slot of ``size`` bytes begins; ``None``: there is no room for it."""
        rounded = -(-size // GRAIN) * GRAIN
        for at, (start, end) in enumerate(self._free):
            if end - start >= rounded:
                if end - start == rounded:
                    del self._free[at]
                else:
                    self._free[at] = (start + rounded, end)
                self._ends[start] = start + rounded
                return start
        return None

    def give(self, start: int) -> tuple[int, int]:
        """Free the slot that begins at ``start``; from where to where it was.

        Raises:
            KeyError: no slot in use begins there.
        """
        end = self._ends.pop(start)
        at = bisect(self._free, (start, end))
        low, high = start, end
        if at < len(self._free) and self._free[at][0] == end:
            high = self._free.pop(at)[1]
        if at and self._free[at - 1][1] == start:
            low = self._free[at - 1][0]
            self._free[at - 1] = (low, high)
        else:
            self._free.insert(at, (low, high))
        return start, end
