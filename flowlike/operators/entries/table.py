"""The events of one side of a join by their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import compress
from operator import is_, is_not
from typing import Any

__all__ = ["Table"]

_MISSING: Any = object()


class _Several(list[Any]):
    """The events of one key; no event of a user's is of this type."""

    __slots__ = ()


class Table:
    """Events by key, in the order of arrival.

    A key leads to its event, and to a list of events only where it came again: that costs half of
    what a list for each key does.

    Attributes:
        rows: the event, or the events, by key.
    """

    __slots__ = ("_repeats", "rows")

    def __init__(self) -> None:
        self.rows: dict[Any, Any] = {}
        self._repeats = False  # whether any key has several events

    def add(self, keys: Sequence[Any], events: Sequence[Any]) -> None:
        """Add events."""
        rows = self.rows
        before = len(rows)
        found = list(map(rows.setdefault, keys, events))
        added = len(rows) - before
        if added == len(found):
            return
        self._repeats = True
        again = zip(keys, events, strict=True)
        if sum(map(is_, found, events)) == added:
            again = compress(again, map(is_not, found, events))  # type: ignore[assignment]
        else:  # one object came twice, so it does not show which was the first
            again = _repeated(again, set(list(rows)[before:]))  # type: ignore[assignment]
        for key, event in again:
            mine = rows[key]
            if type(mine) is _Several:
                mine.append(event)
            else:
                rows[key] = _Several((mine, event))

    def pairs(
        self, keys: Sequence[Any], events: Sequence[Any], mine_left: bool
    ) -> list[tuple[Any, Any]]:
        """The pairs (left, right) of my events and these with equal keys, in the order of these.

        Args:
            keys: of the events.
            events: of the other side.
            mine_left: whether mine are the left ones.
        """
        get, missing = self.rows.get, _MISSING
        both = zip(keys, events, strict=True)
        if not self._repeats and mine_left:
            return [(m, event) for key, event in both if (m := get(key, missing)) is not missing]
        if not self._repeats:
            return [(event, m) for key, event in both if (m := get(key, missing)) is not missing]
        if mine_left:
            return [
                (each, event)
                for key, event in both
                if (mine := get(key, missing)) is not missing
                for each in (mine if type(mine) is _Several else (mine,))
            ]
        return [
            (event, each)
            for key, event in both
            if (mine := get(key, missing)) is not missing
            for each in (mine if type(mine) is _Several else (mine,))
        ]

    def without(self, *others: Collection[Any]) -> Iterator[tuple[Any, Any]]:
        """The keys and events whose keys are in none of ``others``."""
        for key, mine in self.rows.items():
            if not any(key in other for other in others):
                for event in mine if type(mine) is _Several else (mine,):
                    yield key, event


def _repeated(both: Iterator[tuple[Any, Any]], fresh: set[Any]) -> Iterator[tuple[Any, Any]]:
    """The events behind the first of each ``fresh`` key, and all of the other keys."""
    for key, event in both:
        if key in fresh:
            fresh.remove(key)
        else:
            yield key, event
