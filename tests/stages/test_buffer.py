"""The bounded buffer as a plain value."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.numbered import Numbered
from flowlike.stages.buffer import Buffer


def test_events_leave_in_order_and_batches_are_cut():
    buffer = Buffer(math.inf, "last")
    assert buffer.put([1, 2, 3]) == 0
    assert buffer.put([4, 5]) == 0
    assert buffer.take(2) == [1, 2]
    assert buffer.take(2) == [3, 4]
    assert buffer.take(9) == [5]
    assert (buffer.count, buffer.peak) == (0, 5)


def test_a_list_that_is_changed_later_is_kept_as_it_was():
    events = [1, 2, 3]
    buffer = Buffer(math.inf, "last")
    buffer.put(events)
    events.clear()
    assert buffer.take(9) == [1, 2, 3]
    assert buffer.count == 0


def test_arrays_stay_views():
    array = np.arange(10)
    buffer = Buffer(math.inf, "last")
    buffer.put(array)
    assert np.shares_memory(buffer.take(4), array)


@given(
    size=st.integers(0, 20),
    keep=st.sampled_from(["first", "last"]),
    batches=st.lists(st.integers(1, 9)),
)
def test_a_full_buffer_keeps_the_first_or_the_last(size, keep, batches):
    buffer = Buffer(size, keep)
    events: list[int] = []
    dropped = 0
    for count in batches:
        batch = list(range(len(events), len(events) + count))
        events += batch
        dropped += buffer.put(batch)
    kept = buffer.take(10**9) if buffer.count else []
    assert dropped == max(0, len(events) - size)
    assert kept == (events[:size] if keep == "first" else events[max(0, len(events) - size) :])


def test_numbered_batches_leave_one_by_one(monkeypatch):
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)  # it need not be there
    buffer = Buffer(math.inf, "last")
    buffer.put(Numbered(0, 2, ["a", "b"]))
    buffer.put(Numbered(4, 9, []))
    buffer.put([1])
    assert (buffer.count, buffer.held()) == (4, 3)
    assert buffer.take(9).events == ["a", "b"]
    assert buffer.take(9).behind == 9
    assert buffer.take(9) == [1]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_batch_larger_than_the_buffer(keep):
    buffer = Buffer(3, keep)
    assert buffer.put(range(10)) == 7
    assert list(buffer.take(10)) == ([0, 1, 2] if keep == "first" else [7, 8, 9])
