"""Batches of plain values in pickles: what comes out is what went in, whatever it is."""

import pickle
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.flat import flat


class Point(NamedTuple):
    x: Any
    y: Any


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
INSTANCES = st.builds(Fraction, st.integers(), st.just(3)) | st.floats(0, 1).map(np.float64)
PAIRS = st.tuples(PLAIN, PLAIN)
EVENTS = st.one_of(
    PLAIN,
    PAIRS,
    st.tuples(PLAIN, PAIRS),
    st.dictionaries(st.text(), PLAIN, max_size=2),
    st.lists(PLAIN, max_size=2),
    st.tuples(st.text(), st.lists(PAIRS, max_size=2)),
    INSTANCES,
    st.builds(Point, PLAIN, INSTANCES),
)


def crossed(batch):
    buffers = []
    data = pickle.dumps(flat(batch), 5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(each.raw()) for each in buffers])


def types(value):
    if isinstance(value, dict):
        return dict, [types(each) for pair in value.items() for each in pair]
    if isinstance(value, (list, tuple)):
        return type(value), [types(each) for each in value]
    return type(value)


@given(st.lists(EVENTS, min_size=1, max_size=5), st.lists(EVENTS, min_size=1, max_size=2))
def test_whatever_it_is(events, others):
    batch = 8 * events + others + 8 * events
    assert crossed(batch) == batch
    assert types(crossed(batch)) == types(batch)


@pytest.mark.parametrize(
    "event", ["text", b"bytes", ("key", 1), ("key", ("a", 2.5)), {"user": "a", "amount": 2.5}]
)
def test_what_is_worth_it(event):
    assert flat([event] * 15) == [event] * 15
    assert type(flat([event] * 16)) is not list
    assert crossed([event] * 1000) == [event] * 1000


@pytest.mark.parametrize("event", [1, 2.5, None, Point(1, 2), [1], ("a", [1]), {"a": [1]}, {1}])
def test_what_is_not(event):
    batch = [event] * 100
    assert flat(batch) is batch


@pytest.mark.parametrize("odd", [Fraction(1, 3), Point(1, 2), np.float64(1), ("a", [Point(1, 2)])])
def test_an_event_of_another_kind_among_many(odd):
    batch = ["text"] * 1001
    batch[500] = odd
    result = crossed(batch)
    assert result == batch
    assert type(result[500]) is type(odd)


def test_one_long_object_among_many_events_is_sent_once():
    long = "x" * 1_000_000
    batch = ["text"] * 1600
    batch[1::100] = [long] * 16
    assert flat(batch) is not batch  # none of them is among those that are looked at
    assert len(pickle.dumps(flat(batch), 5)) < 2_000_000
    assert crossed(batch) == batch


def test_something_that_holds_itself():
    knot = []
    knot.append(knot)
    batch = ["text"] * 1000
    batch[501] = ("a", knot)
    result = crossed(batch)
    assert result[501][1] is result[501][1][0]
