"""The scatter: every row reaches the partition of its key, in order, and none is lost."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from flowlike.native import partition_ids, partition_of, scatter

KEY_DTYPES = (
    stn.integer_dtypes()
    | stn.unsigned_integer_dtypes()
    | stn.floating_dtypes()
    | stn.boolean_dtypes()
    | stn.byte_string_dtypes(min_len=1, max_len=20)
    | stn.unicode_string_dtypes(min_len=1, max_len=9)
)
key_arrays = KEY_DTYPES.flatmap(lambda dtype: stn.arrays(dtype, st.integers(0, 40)))


def one_by_one(keys: np.ndarray[Any, Any], partitions: int) -> list[int]:
    return [partition_of(key, partitions) for key in keys.tolist()]


@given(key_arrays, st.sampled_from([1, 2, 3, 128, 2**32 - 1]))
def test_the_array_path_agrees_with_the_scalar_path(
    keys: np.ndarray[Any, Any], partitions: int
) -> None:
    ids = partition_ids(keys, partitions)
    assert ids.dtype == np.uint32
    assert ids.tolist() == one_by_one(keys, partitions)


@pytest.mark.parametrize(
    "keys",
    [
        np.array([-(2**63), 2**63 - 1, 0, -1, -2, 2**61 - 1, 2**61, 2**61 - 2, -(2**61) + 1]),
        np.array([2**64 - 1, 2**63, 2**61 - 1, 2**61, 0], np.uint64),
        np.array([0.0, -0.0, 1.0, -1.0, -2.0, 0.1, 5e-324, -5e-324, 2.2e-308, 1.7e308, -1.7e308]),
        np.array([2.0**n for n in range(-1074, 1024)]),
        np.array([math.inf, -math.inf, math.nan, -math.nan]),
        np.array([b"", b"a", b"a\0b", b"12345678", b"123456789"]),
        np.array(["", "a", "é", "\U0001f600", "12345678"]),
        np.array([date(2024, 1, n) for n in range(1, 9)], "M8[D]"),
        np.array([(1, 2.0), (3, 4.0)], [("a", int), ("b", float)]),
        np.array([None, 1, "a", (1, 2)], object),
        np.array([1 + 2j, 1 + 0j]),
        np.array([1.5, 2.0], np.longdouble),
    ],
    ids=lambda keys: f"{keys.dtype}-{len(keys)}",
)
def test_keys_at_the_edges(keys: np.ndarray[Any, Any]) -> None:
    assert partition_ids(keys, 1000).tolist() == one_by_one(keys, 1000)
    other_order = keys.astype(keys.dtype.newbyteorder()) if keys.dtype.kind in "iufUcM" else keys
    assert partition_ids(other_order, 1000).tolist() == one_by_one(keys, 1000)
    gaps = np.repeat(keys, 2)[::2]
    assert partition_ids(gaps, 1000).tolist() == one_by_one(keys, 1000)


def test_equal_numbers_of_different_dtypes() -> None:
    numbers = np.arange(100)
    ids = partition_ids(numbers, 7).tolist()
    for dtype in ("i1", "u1", "u8", "f2", "f4", "f8", ">i4", ">f8", "c16", "O"):
        assert partition_ids(numbers.astype(dtype), 7).tolist() == ids


BATCHES = {
    "int64": np.arange(1000) * 7,
    "float64": np.arange(1000) / 7,
    "int8": np.arange(1000).astype(np.int8),
    "bytes": np.array([b"%d" % n for n in range(1000)]),
    "records": np.array([(n, n / 2, b"x") for n in range(1000)], "i4,f8,S3"),
    "rows": np.arange(3000).reshape(1000, 3),
    "cubes": np.arange(6000, dtype="f4").reshape(1000, 3, 2),
    "objects": np.array([str(n) for n in range(1000)], object),
    "records with objects": np.array([(n, str(n)) for n in range(1000)], "i8,O"),
    "dates": np.arange(1000).astype("M8[s]"),
    "gaps": np.arange(3000)[::3],
    "backwards": np.arange(1000)[::-1],
    "other order": np.arange(1000).astype(">i8"),
    "empty rows": np.empty((1000, 0)),
    "columns": np.asfortranarray(np.arange(3000).reshape(1000, 3)),
}


@pytest.mark.parametrize("partitions", [1, 2, 3, 128, 5000])
@pytest.mark.parametrize("name", BATCHES)
def test_rows_reach_their_partition_in_order(name: str, partitions: int) -> None:
    batch = BATCHES[name]
    keys = np.arange(1000) % 613
    ids = np.array(one_by_one(keys, partitions))
    parts = scatter(batch, partitions, keys)
    assert len(parts) == partitions
    for number, part in enumerate(parts):
        assert part.dtype == batch.dtype
        assert np.array_equal(part, batch[ids == number])


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("keys", [[0], [0, 1], [1, 0, 0]])
def test_two_partitions_full_and_empty(n: int, keys: list[int]) -> None:
    """The path without branches: also where all rows, or the last ones, go one way."""
    batch = np.arange(n)
    for chosen in (np.resize(keys, n), np.sort(np.resize(keys, n)), -np.sort(-np.resize(keys, n))):
        ids = partition_ids(chosen, 2)
        parts = scatter(batch, 2, chosen)
        assert [part.tolist() for part in parts] == [batch[ids == i].tolist() for i in (0, 1)]


@given(stn.arrays(st.sampled_from([np.int64, np.float64]), st.integers(0, 200)), st.integers(1, 9))
def test_the_keys_are_the_batch_by_default(batch: np.ndarray[Any, Any], partitions: int) -> None:
    parts = scatter(batch, partitions)
    ids = np.array(one_by_one(batch, partitions), int)
    for number, part in enumerate(parts):
        assert part.tobytes() == batch[ids == number].tobytes()


def test_the_parts_are_views_of_one_new_buffer() -> None:
    batch = np.arange(100)
    parts = scatter(batch, 4)
    assert len({id(part.base) for part in parts}) == 1
    assert not any(np.shares_memory(part, batch) for part in parts)
    parts[0][:] = -1
    assert batch.tolist() == list(range(100))


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (([1, 2], 2), TypeError, "batch must be a numpy array, not list"),
        ((np.array(1), 2), ValueError, "batch must have at least one dimension"),
        ((np.arange(4).reshape(2, 2), 2), ValueError, "keys must have one dimension"),
        ((np.arange(2), 2, [1, 2]), TypeError, "keys must be a numpy array"),
        ((np.arange(2), 2, np.arange(3)), ValueError, "for each of the 2 rows, not 3"),
        ((np.arange(2), 0), ValueError, "partitions must be at least 1"),
        ((np.arange(2), 2**32), ValueError, "partitions must be at most 4294967295"),
        ((np.arange(2), 1.5), TypeError, "partitions must be an integer"),
        ((np.array([[1], {}, 3], object), 2), TypeError, "is not hashable"),
    ],
)
def test_refused(arguments: tuple[Any, ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        scatter(*arguments)


@pytest.mark.parametrize("partitions", [1, 2, 3, 64, 1000])
@pytest.mark.parametrize("odd", [None, -1, -(2**63), 2**60, 2**61 - 1, 2**63 - 1])
def test_one_key_that_is_not_its_own_hash_among_many_that_are(partitions, odd):
    keys = np.arange(2**60 - 5000, 2**60)
    if odd is not None:
        keys[1500] = odd
    found = partition_ids(keys, partitions)
    assert found.tolist() == [partition_of(key, partitions) for key in keys.tolist()]
