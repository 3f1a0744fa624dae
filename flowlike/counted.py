"""Events that were counted on their way: a batch of which only the numbers still matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flowlike.flat import flat

__all__ = ["Counted"]


class Counted:
    """How often each of some events came.

    It travels as a batch of the different events: these make its length, which is what demand
    and buffers count, and a slice takes some of them. Only layers that count are sent any, and,
    with counts of 0, marks that are no events to layers that gather.

    Args:
        events: each of them once, in the order in which they came first.
        counts: how often each came.

    >>> counted = Counted(["to", "be"], [2, 3])
    >>> len(counted), counted[:1].counts
    (2, [2])
    """

    __slots__ = ("counts", "events")

    def __init__(self, events: list[Any], counts: list[int]) -> None:
        self.events = events
        self.counts = counts

    def __reduce__(self) -> tuple[Callable[..., Counted], tuple[Any, ...]]:
        return Counted, (flat(self.events), self.counts)

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, part: slice) -> Counted:
        return Counted(self.events[part], self.counts[part])

    @staticmethod
    def joined(batches: Sequence[Counted]) -> Counted:
        """All of them, in order."""
        events = [event for each in batches for event in each.events]
        return Counted(events, [count for each in batches for count in each.counts])
