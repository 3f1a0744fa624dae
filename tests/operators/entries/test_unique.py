"""The first event of each key, at once, however the events are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import run_inline
from flowlike.operators.entering import Unique
from flowlike.operators.entries import Distinct
from flowlike.operators.notes import Place


def unique(batches, key=None):
    distinct = Distinct(Unique(key), Place(1, 3))
    state = distinct.start()
    found = [run_inline(distinct.push(state, batch, 0)) for batch in batches]
    assert run_inline(distinct.finish(state)) == []
    return found


def reference(events, key):
    seen = {}
    for event in events:
        seen.setdefault(key(event), event)
    return list(seen.values())


@given(
    events=st.lists(st.one_of(st.integers(-4, 4), st.booleans(), st.sampled_from([1.0, "a"]))),
    cuts=st.lists(st.integers(1, 5)),
    key=st.sampled_from([None, str, abs]),
)
def test_the_first_event_of_each_key(events, cuts, key):
    if key is abs:
        events = [event for event in events if event != "a"]
    batches, rest = [], events
    for cut in cuts:
        batches, rest = [*batches, rest[:cut]], rest[cut:]
    found = [event for batch in unique([*batches, rest], key) for event in batch]
    expected = reference(events, key or (lambda event: event))
    assert found == expected
    assert list(map(type, found)) == list(map(type, expected))


@given(events=st.lists(st.integers(0, 9)), more=st.lists(st.integers(0, 9)))
def test_an_array_stays_an_array(events, more):
    batches = [np.array(events, dtype=np.int64), np.array(more, dtype=np.int64)]
    found = unique(batches)
    assert all(isinstance(batch, np.ndarray) or batch == [] for batch in found)
    assert [n for batch in found for n in batch] == reference(events + more, int)


def test_columns_of_arrays_are_keys():
    rows = np.array([[1, 5], [1, 6], [2, 7]])
    assert np.array_equal(unique([rows], 0)[0], [[1, 5], [2, 7]])
    records = np.array([(1, 2), (3, 2)], dtype=[("a", "i4"), ("b", "i4")])
    (found,) = unique([records], "b")
    assert found.dtype == records.dtype
    assert found.tolist() == [(1, 2)]


def test_a_batch_of_new_keys_passes_as_it_is():
    batch = np.arange(5)
    assert unique([batch])[0] is batch
    assert unique([range(3), range(2, 5)]) == [range(3), [3, 4]]


def test_two_windows_that_grow_together_know_the_keys_of_both():
    distinct = Distinct(Unique(), Place(0, 1))
    one, other = distinct.start(), distinct.start()
    run_inline(distinct.push(one, [1, 2], 0))
    run_inline(distinct.push(other, [2, 3], 0))
    state, more = distinct.merge(one, other)
    assert more == []
    assert run_inline(distinct.push(state, [1, 2, 3, 4], 0)) == [4]


def test_a_key_that_cannot_be_hashed():
    with pytest.raises(TypeError, match=r"needs keys that can be hashed, which \[2\] cannot") as e:
        unique([[1, [2]]])
    assert e.value.__notes__ == ["in unique(), replica 1 of 3, event [2]"]
    with pytest.raises(TypeError, match="give a key that makes a str, number or tuple"):
        unique([np.array([[1, 2]])])


def test_a_key_that_fails():
    with pytest.raises(ZeroDivisionError) as caught:
        unique([[1, 0]], lambda n: 1 // n)
    assert caught.value.__notes__ == ["in unique(<lambda>), replica 1 of 3, event 0"]


@pytest.mark.parametrize("key", [1.5, [1], True])
def test_what_is_no_key(key):
    with pytest.raises(TypeError, match="unique's key must be a function, an int"):
        Unique(key)
