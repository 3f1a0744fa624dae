"""Batches that were split for partitions which one stage carries together."""

from __future__ import annotations

from itertools import islice
from typing import Any

from flowlike.pieces import cut_out, shared_out

__all__ = ["Parted"]


class Parted:
    """The parts of one batch for several partitions.

    It travels as a batch of the events of all parts: demand and buffers count these, and a slice
    takes some of them, in the order of the parts.

    Args:
        parts: the number of each partition and its events, none of them empty.

    >>> parted = Parted([(3, [1, 2]), (5, [4, 7])])
    >>> len(parted), parted[:3], parted[3:]
    (4, Parted([(3, [1, 2]), (5, [4])]), Parted([(5, [7])]))
    """

    __slots__ = ("_length", "parts")

    def __init__(self, parts: list[tuple[int, Any]]) -> None:
        self.parts = parts
        self._length = sum(len(part) for _, part in parts)

    def __repr__(self) -> str:
        return f"Parted({self.parts!r:.80})"

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> Parted:
        start, stop, _ = part.indices(self._length)
        parts = []
        for index, within in cut_out([len(events) for _, events in self.parts], start, stop):
            number, events = self.parts[index]
            parts.append((number, events if within is None else events[within]))
        return Parted(parts)

    @staticmethod
    def dealt(parts: list[Any], carriers: int) -> list[Parted]:
        """What each of so many stages gets, which carry neighbouring partitions.

        Args:
            parts: one batch for each partition, maybe empty.
            carriers: how many stages, at most as many as partitions.

        >>> Parted.dealt([[1], [], [3, 4], [5]], 2)
        [Parted([(0, [1])]), Parted([(2, [3, 4]), (3, [5])])]
        """
        pending = enumerate(parts)
        return [
            Parted([each for each in islice(pending, len(numbers)) if len(each[1])])
            for numbers in shared_out(len(parts), carriers)
        ]
