"""The note on an exception that says which operator, replica and event it came from."""

from __future__ import annotations

import reprlib
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "Place",
    "describe_batch",
    "describe_event",
    "describe_missing",
    "describe_state",
    "unhashable",
]

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 100


class Place(NamedTuple):
    """The replica that a program runs as.

    Attributes:
        partition: its number, from 0.
        partitions: how many replicas the layer has.
    """

    partition: int
    partitions: int

    def note(self, error: BaseException, label: str, what: str = "") -> None:
        """Add the note."""
        start = f"in {label}, replica {self.partition} of {self.partitions}"
        error.add_note(f"{start}, {what}" if what else start)

    def note_foreign(self, error: BaseException, label: str, what: str) -> None:
        """Add the note unless the error carries one: it did not come from a user's function."""
        notes = getattr(error, "__notes__", ())
        if not any(note.startswith("in ") and ", replica " in note for note in notes):
            self.note(error, label, what)


def describe_missing(state: Any) -> str:
    """What to say beside the event where a reduce's function has failed on no state at all."""
    if state is not None:
        return ""
    return " and a state of None; the function must return the new state"


def describe_event(event: Any) -> str:
    """``event`` and its shortened repr; never raises."""
    try:
        text = _repr.repr(event)
    except Exception:  # noqa: BLE001 - a broken __repr__ must not hide the error being noted
        text = f"<{type(event).__name__}, whose repr failed>"
    return f"event {text if len(text) <= 100 else text[:97] + '...'}"


def unhashable(label: str, key: Any) -> TypeError:
    """The refusal of a key that cannot be hashed."""
    return TypeError(
        f"{label} needs keys that can be hashed, which {describe_event(key)[6:]} cannot "
        f"({type(key).__name__}); give a key that makes a str, number or tuple"
    )


def describe_batch(batch: Any) -> str:
    """The kind and the length of a batch."""
    if isinstance(batch, np.ndarray):
        return f"an array of {len(batch)} {batch.dtype} events"
    return f"a {type(batch).__name__} of {len(batch)} events"


def describe_state(state: Any) -> str:
    """The kind of a state and, if it is small, its repr; never raises."""
    kind = f"a state of type {type(state).__name__}"
    if isinstance(state, (bool, int, float, complex, str, bytes, type(None))):
        return f"{kind} ({describe_event(state)[6:]})"
    return kind
