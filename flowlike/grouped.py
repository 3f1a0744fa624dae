"""Values that were grouped on their way: a batch in which each key stands once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from flowlike.flat import flat
from flowlike.pieces import cut_out

__all__ = ["Grouped"]


class Grouped:
    """Keys, each with the list of its values.

    It travels as a batch of the values: these make its length, so that as many events are under
    way as were asked for, and a slice takes some of them. Only layers that group are sent any.

    Args:
        keys: as they came first; behind a join some may stand twice.
        values: of each key, in their order; whoever takes the batch may keep the lists.

    >>> grouped = Grouped(["a", "b"], [[1, 2], [3]])
    >>> len(grouped), grouped[:1].values, grouped[1:].values
    (3, [[1]], [[2], [3]])
    """

    __slots__ = ("_length", "keys", "values")

    def __init__(self, keys: list[Any], values: list[list[Any]]) -> None:
        self.keys = keys
        self.values = values
        self._length = sum(map(len, values))

    def __reduce__(self) -> tuple[Callable[..., Grouped], tuple[Any, ...]]:
        values = list(chain.from_iterable(self.values))
        return _cut, (flat(self.keys), list(map(len, self.values)), flat(values))

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> Grouped:
        start, stop, _ = part.indices(self._length)
        keys, lists = [], []
        for index, within in cut_out(map(len, self.values), start, stop):
            values = self.values[index]
            keys.append(self.keys[index])
            lists.append(values if within is None else values[within])
        return Grouped(keys, lists)

    @staticmethod
    def joined(batches: Sequence[Grouped]) -> Grouped:
        """All of them, in order."""
        keys = [key for each in batches for key in each.keys]
        return Grouped(keys, [values for each in batches for values in each.values])


def _cut(keys: list[Any], sizes: list[int], values: list[Any]) -> Grouped:
    """Out of a pickle, in which few lists are shorter and faster than many."""
    lists = []
    stop = 0
    for size in sizes:
        start, stop = stop, stop + size
        lists.append(values[start:stop])
    return Grouped(keys, lists)
