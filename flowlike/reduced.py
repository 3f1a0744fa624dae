"""Events that were reduced on their way: only the state still matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Reduced"]


class Reduced:
    """States, and how many events they were made of.

    It travels as a batch of the events: these make its length, so that as many are under way as
    were asked for. A state cannot be cut: it goes with the last part of what stands for it, and
    the parts before it have none. Only layers that merge are sent any.

    Args:
        states: in the order of the events.
        count: of the events.

    >>> reduced = Reduced([42], 10)
    >>> reduced[:4].states, len(reduced[4:]), reduced[4:].states
    ([], 6, [42])
    """

    __slots__ = ("count", "states")

    def __init__(self, states: list[Any], count: int) -> None:
        self.states = states
        self.count = count

    def __reduce__(self) -> tuple[type[Reduced], tuple[Any, ...]]:
        return Reduced, (self.states, self.count)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, part: slice) -> Reduced:
        start, stop, _ = part.indices(self.count)
        return Reduced(self.states if stop == self.count > start else [], max(stop - start, 0))

    @staticmethod
    def joined(batches: Sequence[Reduced]) -> Reduced:
        """All of them, in order."""
        return Reduced([state for each in batches for state in each.states], sum(map(len, batches)))
