"""The events of one side of a join by their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import compress, repeat
from operator import ne
from typing import Any

__all__ = ["Table"]


class Table:
    """Events by key, in the order of arrival.

    A key leads to the number of its first event, and each number to that of the next event of
    the same key. So a key costs no list of its own, which Python's garbage collector would
    look at again and again.

    Attributes:
        rows: the number of the first event by key.
    """

    __slots__ = ("_events", "_last", "_next", "rows")

    def __init__(self) -> None:
        self.rows: dict[Any, int] = {}
        self._events: list[Any] = []
        self._next: list[int] = []  # by number; -1: there is none
        self._last: dict[int, int] = {}  # of keys with several events, by the first

    def add(self, keys: Sequence[Any], events: Sequence[Any]) -> None:
        """Add events."""
        rows, following = self.rows, self._next
        before, start = len(rows), len(following)
        numbers = range(start, start + len(events))
        first = list(map(rows.setdefault, keys, numbers))
        self._events.extend(events)
        following.extend(repeat(-1, len(first)))
        if len(rows) - before == len(first):
            return
        last = self._last
        again = compress(zip(first, numbers, strict=True), map(ne, first, numbers))
        for one, number in again:
            following[last.get(one, one)] = number
            last[one] = number

    def pairs(
        self, keys: Sequence[Any], events: Sequence[Any], mine_left: bool
    ) -> list[tuple[Any, Any]]:
        """The pairs (left, right) of my events and these with equal keys, in the order of these.

        Args:
            keys: of the events.
            events: of the other side.
            mine_left: whether mine are the left ones.
        """
        get, mine = self.rows.get, self._events
        if self._last:
            return self._all_pairs(keys, events, mine_left)
        both = zip(keys, events, strict=True)
        if mine_left:
            return [(mine[n], event) for key, event in both if (n := get(key, -1)) >= 0]
        return [(event, mine[n]) for key, event in both if (n := get(key, -1)) >= 0]

    def without(self, *others: Collection[Any]) -> Iterator[tuple[Any, Any]]:
        """The keys and events whose keys are in none of ``others``."""
        for key, first in self.rows.items():
            if not any(key in other for other in others):
                number = first
                while number >= 0:
                    yield key, self._events[number]
                    number = self._next[number]

    def _all_pairs(
        self, keys: Sequence[Any], events: Sequence[Any], mine_left: bool
    ) -> list[tuple[Any, Any]]:
        """The same, where a key may have several events."""
        mine, following = self._events, self._next
        pairs: list[tuple[Any, Any]] = []
        add = pairs.append
        numbers = map(self.rows.get, keys, repeat(-1))
        if mine_left:
            for number, event in zip(numbers, events, strict=True):
                while number >= 0:
                    add((mine[number], event))
                    number = following[number]  # noqa: PLW2901 - the next of the chain
            return pairs
        for number, event in zip(numbers, events, strict=True):
            while number >= 0:
                add((event, mine[number]))
                number = following[number]  # noqa: PLW2901 - the next of the chain
        return pairs
