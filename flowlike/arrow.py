"""Arrow arrays and record batches as batches, where pyarrow is installed.

flowlike never imports it: only who has imported pyarrow can hold one of its arrays.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "column_of",
    "filter_arrow",
    "is_arrow",
    "join_arrow",
    "joinable_arrow",
    "numbers_of",
    "split_arrow",
]

_Array = np.ndarray[Any, Any]


def is_arrow(value: Any) -> bool:
    """True for a ``pyarrow.Array`` or ``RecordBatch``."""
    arrow = sys.modules.get("pyarrow")
    return arrow is not None and isinstance(value, (arrow.Array, arrow.RecordBatch))


def joinable_arrow(first: Any, second: Any) -> bool:
    """True if two Arrow batches can become one: arrays of a type, or batches of a schema.

    Arrays with a dictionary can if it is the same.
    """
    arrow: Any = sys.modules["pyarrow"]
    if isinstance(first, arrow.RecordBatch):
        return (
            isinstance(second, arrow.RecordBatch)
            and first.num_columns > 0
            and first.schema.equals(second.schema)
            and all(map(_joinable_columns, first.columns, second.columns))
        )
    return isinstance(second, arrow.Array) and _joinable_columns(first, second)


def join_arrow(batches: Sequence[Any]) -> Any:
    """One batch with the rows of all, in order; they are joinable."""
    arrow: Any = sys.modules["pyarrow"]
    first = batches[0]
    if not isinstance(first, arrow.RecordBatch):
        return arrow.concat_arrays(batches)
    columns = zip(*(batch.columns for batch in batches), strict=True)
    joined = [arrow.concat_arrays(list(parts)) for parts in columns]
    return arrow.RecordBatch.from_arrays(joined, schema=first.schema)


def column_of(batch: Any, key: Any) -> Any:
    """The column of that name, if the batch has one; else ``None``."""
    arrow: Any = sys.modules["pyarrow"]
    if isinstance(key, str) and isinstance(batch, arrow.RecordBatch):
        indices = batch.schema.get_all_field_indices(key)
        if indices:
            return batch.column(indices[-1])  # as in the ``dict`` that an event is
    return None


def numbers_of(batch: Any) -> _Array | None:
    """An Arrow array of numbers or truth values as one of NumPy, if none is missing.

    Other types have Python objects that NumPy has no equal for.
    """
    arrow: Any = sys.modules["pyarrow"]
    if not isinstance(batch, arrow.Array) or batch.null_count:
        return None
    kinds = arrow.types
    if kinds.is_integer(batch.type) or kinds.is_floating(batch.type):
        numbers: _Array = batch.to_numpy(zero_copy_only=False)
        return numbers
    return batch.to_numpy(zero_copy_only=False) if kinds.is_boolean(batch.type) else None


def filter_arrow(batch: Any, taken: Sequence[bool]) -> Any:
    """The rows for which ``taken`` is true."""
    return batch.filter(sys.modules["pyarrow"].array(taken))


def split_arrow(batch: Any, ids: _Array, parts: int) -> list[Any]:
    """One batch for each part, maybe empty: slices of one that is sorted by id, in their order.

    Args:
        batch: an array or a record batch.
        ids: the part of every row; a number beyond the parts drops the row.
        parts: how many.
    """
    moved = batch.take(sys.modules["pyarrow"].array(np.argsort(ids, kind="stable")))
    ends = np.cumsum(np.bincount(ids, minlength=parts)).tolist()
    starts = [0, *ends]
    return [
        moved.slice(start, end - start) for start, end in zip(starts, ends[:parts], strict=False)
    ]


def _joinable_columns(first: Any, second: Any) -> bool:
    if not first.type.equals(second.type):
        return False
    if not sys.modules["pyarrow"].types.is_dictionary(first.type):
        return True
    return bool(first.dictionary.equals(second.dictionary))
