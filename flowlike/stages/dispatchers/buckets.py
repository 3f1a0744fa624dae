"""Events dealt out to numbered buckets, at the speed of C."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Ids", "deal"]

Ids: TypeAlias = "bytes | np.ndarray[Any, np.dtype[np.uint32]]"
"""The bucket of each event, as one byte or one integer each."""

# Reading all events once for each of so many buckets is faster than sorting them.
_FEW = 4
# Fewer events than this are dealt out faster one by one.
_SHORT = 128
_IS = [bytes(number == each for number in range(256)) for each in range(_FEW)]


def deal(events: Sequence[Any], ids: Ids, buckets: int) -> list[list[Any]]:
    """Put each event into the bucket of its id, keeping the order.

    Args:
        events: a list or range.
        ids: one for each event, from 0; that of no bucket, which ``buckets`` is, drops it.
        buckets: how many.

    Returns:
        One new list for each bucket, maybe empty.

    >>> deal(["a", "b", "c", "d"], bytes([2, 0, 3, 2]), 3)
    [['b'], [], ['a', 'd']]
    """
    if buckets <= _FEW:
        chosen = ids if isinstance(ids, bytes) else ids.astype(np.uint8).tobytes()
        return [list(compress(events, chosen.translate(table))) for table in _IS[:buckets]]
    if len(events) < _SHORT:
        dealt: list[list[Any]] = [[] for _ in range(buckets + 1)]
        for event, place in zip(events, ids, strict=True):
            dealt[place].append(event)
        return dealt[:buckets]
    places: np.ndarray[Any, Any]
    places = np.frombuffer(ids, np.uint8) if isinstance(ids, bytes) else ids
    # Narrow integers are sorted digit by digit, which compares none.
    if places.itemsize > 2 and buckets < 1 << 16:
        places = places.astype(np.uint16)
    order = np.argsort(places, kind="stable")
    moved = np.fromiter(events, object, len(events))[order].tolist()
    ends = np.cumsum(np.bincount(places, minlength=buckets)).tolist()
    return [moved[start:end] for start, end in zip([0, *ends], ends[:buckets], strict=False)]
