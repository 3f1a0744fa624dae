"""How long a function takes for chunks of growing length."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowlike.native import calibrate

__all__ = ["ChunkTime", "ChunkTimes", "time_chunks"]

MOST = 1 << 26
"""No longer chunk is tried: its input would not fit a small machine."""


@dataclass(frozen=True, slots=True)
class ChunkTime:
    """The time of one length.

    Attributes:
        length: items in the chunk.
        seconds: of the fastest call.
    """

    length: int
    seconds: float

    @property
    def per_item(self) -> float:
        """Seconds."""
        return self.seconds / self.length


@dataclass(frozen=True, slots=True)
class ChunkTimes:
    """The answer to: how long may a chunk be?

    Attributes:
        target: seconds that a call may take.
        chosen: the largest length within the target.
        times: of all lengths that were timed, by length; the chosen one is among them.
    """

    target: float
    chosen: int
    times: tuple[ChunkTime, ...]

    def lost(self, of: ChunkTime) -> float:
        """The share of a call that the items would not need at their cheapest: from 0 to 1.

        Short chunks lose it to calling, long ones to memory.
        """
        least = min(each.per_item for each in self.times)
        return 1 - least / of.per_item if of.per_item else 0.0


def time_chunks(
    function: Callable[[Any], Any],
    make_input: Callable[[int], Any],
    *,
    target: float = 0.001,
    repeats: int = 10,
) -> ChunkTimes:
    """Time a function with chunks of 1, 4, 16, ... items, and find the one for the target.

    The chosen length is that of `flowlike.native.calibrate`. The last length timed is the first
    of four times the target, or of 2^26 items.

    Args:
        function: called with ``make_input(n)``.
        make_input: makes an input of n items, which is not timed.
        target: seconds that a call may take.
        repeats: calls for each length; the fastest counts.

    Example:
        >>> found = time_chunks(sum, range, target=1e-4, repeats=3)
        >>> found.chosen in [each.length for each in found.times]
        True
    """
    chosen = calibrate(function, make_input, target=target, repeats=repeats).chunk_size
    times = {chosen: _least(function, make_input, chosen, repeats)}
    length = 1
    while length <= MOST:
        times[length] = _least(function, make_input, length, repeats)
        if length > chosen and times[length] > 4 * target:
            break
        length *= 4
    ordered = tuple(ChunkTime(each, times[each]) for each in sorted(times))
    return ChunkTimes(target, chosen, ordered)


def _least(
    function: Callable[[Any], Any], make_input: Callable[[int], Any], length: int, repeats: int
) -> float:
    items = make_input(length)
    best = math.inf
    for _ in range(repeats):
        started = time.perf_counter()
        function(items)
        best = min(best, time.perf_counter() - started)
    return best
