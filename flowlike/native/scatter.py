"""Arrays split by the hash of their keys: what a partition dispatcher does to a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowlike.options import check_count

from ._kernels import ffi, lib
from .hashing import BYTES_SEED, MOST_PARTITIONS, partition_of

__all__ = ["partition_ids", "scatter"]

_Array = np.ndarray[Any, Any]


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
    ids = np.empty(len(keys), np.uint32)
    kind, size = keys.dtype.kind, keys.dtype.itemsize
    if kind == "u" and size == 8:
        plain = np.ascontiguousarray(keys, np.uint64)
        lib.flowlike_partition_ids_u64(
            _pointer("uint64_t *", plain), _pointer("uint32_t *", ids), len(keys), count
        )
    elif kind in "iub":
        plain = np.ascontiguousarray(keys, np.int64)
        lib.flowlike_partition_ids_i64(
            _pointer("int64_t *", plain), _pointer("uint32_t *", ids), len(keys), count
        )
    elif kind == "f" and size <= 8:
        plain = np.ascontiguousarray(keys, np.float64)
        lib.flowlike_partition_ids_f64(
            _pointer("double *", plain), _pointer("uint32_t *", ids), len(keys), count
        )
    elif kind == "S":
        plain = np.ascontiguousarray(keys)
        lib.flowlike_partition_ids_bytes(
            _pointer("char *", plain),
            _pointer("uint32_t *", ids),
            len(keys),
            size,
            BYTES_SEED,
            count,
        )
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
    row_size = batch.itemsize * int(np.prod(batch.shape[1:]))
    ends = np.empty(partitions, np.uintp)
    if batch.dtype.hasobject or row_size == 0:
        # Objects are counted: moving their pointers is numpy's business.
        moved = batch[np.argsort(ids, kind="stable")]
        ends[:] = np.cumsum(np.bincount(ids, minlength=partitions))
    else:
        rows = np.ascontiguousarray(batch)
        moved = np.empty(rows.shape, rows.dtype)
        lib.flowlike_scatter(
            _pointer("char *", rows),
            _pointer("char *", moved),
            len(rows),
            row_size,
            _pointer("uint32_t *", ids),
            partitions,
            _pointer("size_t *", ends),
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


def _pointer(c_type: str, array: _Array) -> Any:
    """The address of an array's data; numpy's buffers refuse dates, so not ``from_buffer``."""
    return ffi.cast(c_type, array.ctypes.data)
