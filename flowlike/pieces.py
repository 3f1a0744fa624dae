"""Where the pieces of a whole begin and end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

__all__ = ["cut_out", "shared_out"]


def shared_out(count: int, shares: int) -> list[range]:
    """Neighbours for each of so many, as many as the others have or one more.

    >>> shared_out(5, 2)
    [range(0, 2), range(2, 5)]
    """
    borders = [count * each // shares for each in range(shares + 1)]
    return [range(*border) for border in pairwise(borders)]


def cut_out(lengths: Iterable[int], start: int, stop: int) -> Iterator[tuple[int, slice | None]]:
    """What of consecutive pieces lies between two places of the whole.

    Args:
        lengths: of the pieces.
        start: the first place.
        stop: the place behind the last.

    Yields:
        The number of each piece that has some of it, and which part of the piece; ``None``: all.

    >>> list(cut_out([3, 2, 4], 1, 5))
    [(0, slice(1, 3, None)), (1, None)]
    """
    behind = 0
    for number, length in enumerate(lengths):
        first, behind = behind, behind + length
        if first >= stop:
            return
        within = max(start, first), min(stop, behind)
        if within[0] < within[1]:
            whole = within == (first, behind)
            yield number, None if whole else slice(within[0] - first, within[1] - first)
