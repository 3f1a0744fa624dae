"""Arrays split by the hash of their keys: what a partition dispatcher does to a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from flowlike.memory import empty
from flowlike.native._kernels import ffi, lib
from flowlike.native.hashing import BYTES_SEED, MOST_PARTITIONS, partition_of
from flowlike.options import check_count

__all__ = ["partition_ids", "scatter"]

_Array = np.ndarray[Any, Any]

_INT64, _UINT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.uint64), np.dtype(np.float64)
_INT64S, _UINT64S = ffi.typeof("int64_t[]"), ffi.typeof("uint64_t[]")
_FLOAT64S, _BYTES = ffi.typeof("double[]"), ffi.typeof("char[]")
_IDS, _ENDS = ffi.typeof("uint32_t[]"), ffi.typeof("size_t[]")

_view: Any = ffi.from_buffer


def partition_ids(keys: _Array, partitions: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The partition of every key, as `partition_of` gives it for the key alone.

    Integers, booleans, floats and bytes are hashed natively; any other dtype through the
    Python objects that ``keys.tolist()`` gives.

    Args:
        keys: one-dimensional array.
        partitions: how many there are, at least 1.

    Raises:
        TypeError: ``keys`` is no array, or holds keys that `stable_hash` does not take.
        ValueError: ``keys`` has not one dimension, or ``partitions`` is out of range.
    """
    count = _checked_partitions(partitions)
    if not isinstance(keys, np.ndarray):
        raise TypeError(f"keys must be a numpy array, not {type(keys).__name__}")
    if keys.ndim != 1:
        raise ValueError(f"keys must have one dimension, one key a row, not shape {keys.shape}")
    size = len(keys)
    ids = empty((size,), np.uint32)
    kind, width = keys.dtype.kind, keys.dtype.itemsize
    if kind == "u" and width == 8:
        plain = np.ascontiguousarray(keys, _UINT64)
        lib.flowlike_partition_ids_u64(_view(_UINT64S, plain), _view(_IDS, ids), size, count)
    elif kind in "iub":
        plain = np.ascontiguousarray(keys, _INT64)
        lib.flowlike_partition_ids_i64(_view(_INT64S, plain), _view(_IDS, ids), size, count)
    elif kind == "f" and width <= 8:
        plain = np.ascontiguousarray(keys, _FLOAT64)
        lib.flowlike_partition_ids_f64(_view(_FLOAT64S, plain), _view(_IDS, ids), size, count)
    elif kind == "S":
        plain = np.ascontiguousarray(keys)
        lib.flowlike_partition_ids_bytes(
            _view(_BYTES, plain), _view(_IDS, ids), size, width, BYTES_SEED, count
        )
    elif kind == "U":
        texts = keys.tolist()
        found = {text: partition_of(text, count) for text in set(texts)}
        ids[:] = [found[text] for text in texts]
    else:
        ids[:] = [partition_of(key, count) for key in keys.tolist()]
    return ids


def scatter(batch: _Array, partitions: int, keys: _Array | None = None) -> list[_Array]:
    """Split the rows of ``batch`` by the hash of their keys, keeping their order.

    Args:
        batch: array of any dtype; axis 0 counts the rows.
        partitions: how many parts.
        keys: one key a row, in order; the batch itself if ``None``.

    Returns:
        One array for each partition, possibly empty. They are views of one new buffer.

    Raises:
        TypeError: ``batch`` or ``keys`` is no array, or a key has no stable hash.
        ValueError: ``batch`` has no axis, ``keys`` has not one dimension or not one key a row,
            or ``partitions`` is out of range.

    >>> [part.tolist() for part in scatter(np.array([3, 5, 3, 8]), 2)]
    [[8], [3, 5, 3]]
    """
    if not isinstance(batch, np.ndarray):
        raise TypeError(f"batch must be a numpy array, not {type(batch).__name__}")
    if batch.ndim == 0:
        raise ValueError("batch must have at least one dimension")
    ids = partition_ids(batch if keys is None else keys, partitions)
    if len(ids) != len(batch):
        raise ValueError(
            f"keys must be one for each of the {len(batch)} rows, not {len(ids)} in all"
        )
    return _split(batch, ids, int(partitions))


def _split(
    batch: _Array, ids: np.ndarray[Any, np.dtype[np.uint32]], partitions: int
) -> list[_Array]:
    row_size = batch.itemsize * math.prod(batch.shape[1:])
    ends = np.empty(partitions, np.uintp)
    if batch.dtype.hasobject or row_size == 0:
        # Objects are counted: moving their pointers is numpy's business.
        moved = batch[np.argsort(ids, kind="stable")]
        ends[:] = np.cumsum(np.bincount(ids, minlength=partitions))
    else:
        rows = np.ascontiguousarray(batch)
        moved = empty(rows.shape, rows.dtype)
        lib.flowlike_scatter(
            _view(_BYTES, _bytes_of(rows)),
            _view(_BYTES, _bytes_of(moved)),
            len(rows),
            row_size,
            _view(_IDS, ids),
            partitions,
            _view(_ENDS, ends),
        )
    parts = []
    start = 0
    for end in ends.tolist():
        parts.append(moved[start:end])
        start = end
    return parts


def _checked_partitions(partitions: int) -> int:
    count = check_count("partitions", partitions)
    if count > MOST_PARTITIONS:
        raise ValueError(f"partitions must be at most {MOST_PARTITIONS}, not {count}")
    return count


def _bytes_of(array: _Array) -> _Array:
    """A contiguous array as one with a buffer: numpy gives none for dates."""
    return array.view(np.int64) if array.dtype.kind in "mM" else array
