"""Batches: the unit in which events travel, and the few things done to them.

A batch is a non-empty ``list``, ``range`` or ``numpy.ndarray`` whose axis 0 counts the
events (with pyarrow also a ``pyarrow.Array`` or ``RecordBatch``). Slicing any of them
gives a batch of the same kind; of an array it is a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from flowlike.arrow import filter_arrow, is_arrow, join_arrow, joinable_arrow
from flowlike.counted import Counted
from flowlike.grouped import Grouped
from flowlike.memory import empty
from flowlike.numbered import Numbered
from flowlike.reduced import Reduced

__all__ = ["Batch", "as_batch", "chosen", "events_of", "is_batch", "join", "joinable"]

Batch: TypeAlias = Any  # list | range | numpy.ndarray | pyarrow.Array | pyarrow.RecordBatch

_COMBINED = (Counted, Grouped, Reduced)
"""What stages of a flow send to each other in place of events."""


def is_batch(value: Any) -> bool:
    """True for the types that carry events (also when empty)."""
    if isinstance(value, (list, range, *_COMBINED, Numbered)):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return is_arrow(value)


def as_batch(value: Any, who: str, *, must: str = "return") -> Batch:
    """Return ``value`` as a batch; a tuple or other sequence (no text) becomes a list.

    Raises:
        TypeError: it is no sequence of events; by the message ``who`` must return, or be, one.
    """
    if is_batch(value):
        return value
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview)):
        return list(value)
    shown = "a 0-dimensional array" if isinstance(value, np.ndarray) else f"{value!r:.80}"
    raise TypeError(
        f"{who} must {must} a batch (a list, range or numpy array of events), not {shown}"
    )


def events_of(batch: Batch) -> Iterable[Any]:
    """The events one by one, as Python objects (an array's as ``tolist`` gives them)."""
    if isinstance(batch, np.ndarray):
        return batch.tolist()  # type: ignore[no-any-return]
    if isinstance(batch, (list, range)):
        return batch
    return batch.to_pylist()  # type: ignore[no-any-return]


def chosen(batch: Batch, events: Iterable[Any], taken: Sequence[bool]) -> Batch:
    """The events for which ``taken`` is true, of a batch and what `events_of` gives of it."""
    if isinstance(batch, np.ndarray):
        return batch[np.array(taken)]
    return filter_arrow(batch, taken) if is_arrow(batch) else list(compress(events, taken))


def join(batches: Sequence[Batch]) -> Batch:
    """One batch with the events of all, in order.

    Arrays of one dtype and row shape stay an array, and a view where they are neighbouring
    pieces of one array; Arrow arrays of a type and record batches of a schema stay what they are;
    anything else becomes a list.
    A single batch is returned as it is. No batches give an empty list.
    """
    if len(batches) == 1:
        return batches[0]
    if batches and isinstance(batches[0], np.ndarray):
        first = batches[0]
        if all(joinable(first, batch) for batch in batches):
            return _copied(batches) if (view := _adjoining(batches)) is None else view
    joined: list[Any] = []
    if batches and isinstance(batches[0], _COMBINED):
        return type(batches[0]).joined(batches)
    if batches and is_arrow(batches[0]):
        first = batches[0]
        if all(joinable_arrow(first, batch) for batch in batches):
            return join_arrow(batches)
    for batch in batches:
        joined.extend(events_of(batch))
    return joined


def joinable(first: Batch, second: Batch) -> bool:
    """True if :func:`join` keeps their kind: lists and ranges, or arrays of one kind of row.

    Events that were combined are joined to their kind only, those that are numbered to none.
    """
    if isinstance(first, _COMBINED):
        return type(first) is type(second)
    if isinstance(first, np.ndarray):
        return (
            isinstance(second, np.ndarray)
            and first.dtype == second.dtype
            and first.shape[1:] == second.shape[1:]
        )
    if isinstance(first, (list, range)):
        return isinstance(second, (list, range))
    return is_arrow(first) and joinable_arrow(first, second)


def _copied(arrays: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """The arrays behind each other, in memory whose pages are there already, as a rule."""
    first = arrays[0]
    joined = empty((sum(map(len, arrays)), *first.shape[1:]), first.dtype)
    return np.concatenate(arrays, out=joined)


def _adjoining(arrays: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any] | None:
    """The arrays as one view, if they lie in the memory of one array just so."""
    first, total = arrays[0], 0
    owner, strides = _owner(first), first.strides
    if any(array.strides != strides or _owner(array) is not owner for array in arrays[1:]):
        return None
    address = first.__array_interface__["data"][0]
    for array in arrays:
        if array.__array_interface__["data"][0] != address + total * strides[0]:
            return None
        total += len(array)
    return as_strided(first, (total, *first.shape[1:]), strides, subok=True)


def _owner(array: Any) -> Any:
    """Whose memory it is."""
    while (base := getattr(array, "base", None)) is not None:
        array = base
    return array
