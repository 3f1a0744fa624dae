"""Recycled memory: never used twice at a time, and never kept without bound."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.memory import LARGEST, SMALLEST, Recycler


def address(array):
    return array.ctypes.data


@given(
    shape=st.lists(st.integers(0, 60), min_size=1, max_size=3).map(tuple),
    dtype=st.sampled_from(["i8", "f4", "u1", "S7", [("a", "i4"), ("b", "f8")], "O"]),
)
def test_an_array_is_as_numpy_makes_it(shape, dtype):
    array = Recycler(1 << 20).empty(shape, np.dtype(dtype))
    expected = np.empty(shape, dtype)
    assert (array.shape, array.dtype, array.strides) == (
        expected.shape,
        expected.dtype,
        expected.strides,
    )
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.flags.aligned


def test_memory_is_used_again_only_when_the_last_view_is_gone():
    recycler = Recycler(1 << 24)
    array = recycler.empty((SMALLEST,), np.dtype(np.int64))
    first = address(array)
    part = array[10:20][::2]
    part[:] = 7
    del array
    other = recycler.empty((SMALLEST,), np.dtype(np.int64))
    assert address(other) != first
    other[:] = 0
    assert part.tolist() == [7] * 5
    del part
    assert address(recycler.empty((SMALLEST,), np.dtype(np.int64))) == first


def test_a_size_that_is_nearly_the_same_fits():
    recycler = Recycler(1 << 24)
    first = address(recycler.empty((1_000_000,), np.dtype(np.uint8)))
    assert address(recycler.empty((999_000,), np.dtype(np.uint8))) == first


def test_no_more_than_the_bound_lies_idle():
    recycler = Recycler(10 * SMALLEST)
    arrays = [recycler.empty((SMALLEST,), np.dtype(np.uint8)) for _ in range(20)]
    del arrays
    assert sum(size * len(blocks) for size, blocks in recycler._idle.items()) == 10 * SMALLEST


@pytest.mark.parametrize("size", [SMALLEST - 1, LARGEST + 1])
def test_small_and_huge_arrays_are_numpys_own(size):
    assert Recycler(1 << 24).empty((size,), np.dtype(np.uint8)).base is None


def test_threads_never_get_the_same_memory():
    recycler = Recycler(1 << 26)
    wrong = []

    def work(number):
        for _ in range(300):
            array = recycler.empty((SMALLEST,), np.dtype(np.uint8))
            array[:] = number
            if not (array == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
