"""The running form of `Unique`: the keys that a window has seen."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from flowlike.batches import Batch, chosen, events_of
from flowlike.operators.calls import Calls
from flowlike.operators.entries.key_reader import KeyReader
from flowlike.operators.notes import Place

if TYPE_CHECKING:
    from flowlike.operators.entering import Unique

__all__ = ["Distinct"]


class Distinct:
    """The first event of each key leaves at once, the others never.

    It keeps the keys until their window ends. Where two windows grow together, what had left
    each of them stays.

    Args:
        unique: the description.
        place: the replica.
    """

    def __init__(self, unique: Unique, place: Place) -> None:
        self._reader = KeyReader(unique.key, unique.label, place)

    def start(self) -> set[Any]:
        """No keys."""
        return set()

    def push(
        self, state: set[Any], batch: Batch, upstream: int
    ) -> Generator[Calls, list[Any], Batch]:
        """The events of a batch whose key is new; of an array an array."""
        yield from ()
        events: Any = events_of(batch)
        keys = self._reader.keys(batch, events)
        try:
            before = len(state)
            if len(set(keys)) == len(keys) and state.isdisjoint(keys):
                state.update(keys)
                return batch
            add = state.add
            new = [not (key in state or add(key)) for key in keys]
        except Exception as error:  # noqa: BLE001 - it is raised again, with a note
            self._reader.refuse(error, keys, events)
        if len(state) == before:
            return []
        return chosen(batch, events, new)

    def upstream_ended(self, upstream: int) -> None:
        """It makes no difference."""

    def finish(self, state: set[Any]) -> Generator[Calls, list[Any], list[Any]]:
        """Nothing: all that is wanted has left."""
        yield from ()
        return []

    def merge(self, one: set[Any], other: set[Any]) -> tuple[set[Any], list[Any]]:
        """The keys of both."""
        return one | other, []
