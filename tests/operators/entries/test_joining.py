"""A join is what ten lines say, however the events of both sides are cut and interleaved."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import run_inline
from flowlike.operators.entering import Join
from flowlike.operators.entries import Joining
from flowlike.operators.notes import Place

HOW = ("inner", "left", "right", "outer")
PLACE = Place(0, 2)


def reference(left, right, how):
    """All pairs with equal keys, and those without."""
    pairs = [(one, r) for r in right for one in left if one[0] == r[0]]
    if how in ("left", "outer"):
        pairs += [(one, None) for one in left if one[0] not in {r[0] for r in right}]
    if how in ("right", "outer"):
        pairs += [(None, r) for r in right if r[0] not in {one[0] for one in left}]
    return pairs


keys = st.one_of(st.integers(0, 6), st.none(), st.booleans(), st.sampled_from(["a", 1.0, (1, 2)]))
events = st.lists(st.tuples(keys, st.integers(0, 3)), max_size=25)


def interleaved(draw, sides):
    """The events of all sides as batches ``(events, upstream)``, in some order, and the ends."""
    left = dict(enumerate(sides))
    while left:
        upstream = draw(st.sampled_from(sorted(left)))
        size = draw(st.integers(0, 10))
        batch, left[upstream] = left[upstream][:size], left[upstream][size:]
        if batch:
            yield batch, upstream
        elif not left[upstream]:
            del left[upstream]
            yield None, upstream


def join(batches, how="inner", function=None, *, lefts=1, rights=1, merges=False, key=0):
    """What leaves at once, and what at the end."""
    joining = Joining(Join(key, key, function, how), PLACE, [0] * lefts + [1] * rights, merges)
    state = joining.start()
    at_once = []
    for batch, upstream in batches:
        if batch is None:
            joining.upstream_ended(upstream)
        else:
            at_once += run_inline(joining.push(state, batch, upstream))
    return at_once, run_inline(joining.finish(state))


@given(left=events, right=events, how=st.sampled_from(HOW), merges=st.booleans(), data=st.data())
def test_one_stage_on_each_side(left, right, how, merges, data):
    cut = interleaved(data.draw, [left, right])
    at_once, at_end = join(cut, how, merges=merges)
    assert Counter(at_once + at_end) == Counter(reference(left, right, how))
    assert Counter(at_once) == Counter(reference(left, right, "inner"))


@given(
    lefts=st.lists(events, min_size=1, max_size=3),
    rights=st.lists(events, min_size=1, max_size=3),
    how=st.sampled_from(HOW),
    data=st.data(),
)
def test_several_stages_on_each_side(lefts, rights, how, data):
    cut = interleaved(data.draw, [*lefts, *rights])
    at_once, at_end = join(cut, how, lefts=len(lefts), rights=len(rights))
    expected = reference([e for part in lefts for e in part], [e for p in rights for e in p], how)
    assert Counter(at_once + at_end) == Counter(expected)


@given(left=events, right=events, how=st.sampled_from(HOW), data=st.data())
def test_two_windows_that_grow_together_are_one(left, right, how, data):
    joining = Joining(Join(0, 0, None, how), PLACE, [0, 1], True)
    states = [joining.start(), joining.start()]
    found = []
    merged = False
    for batch, upstream in interleaved(data.draw, [left, right]):
        if batch is None:
            joining.upstream_ended(upstream)
            continue
        if not merged and data.draw(st.booleans()):
            state, more = joining.merge(*states)
            states, merged = [state, state], True
            found += more
        found += run_inline(joining.push(data.draw(st.sampled_from(states)), batch, upstream))
    if not merged:
        states[0], more = joining.merge(*states)
        found += more
    found += run_inline(joining.finish(states[0]))
    assert Counter(found) == Counter(reference(left, right, how))


def test_matches_leave_in_the_order_of_the_events_that_complete_them():
    left = [(1, "a"), (2, "b"), (1, "c")]
    right = [(2, "x"), (1, "y"), (1, "z"), (3, "-")]
    at_once, at_end = join([(left, 0), (right, 1)], "outer")
    assert at_once == [
        (left[1], right[0]), (left[0], right[1]), (left[2], right[1]), (left[0], right[2]),
        (left[2], right[2]),
    ]  # fmt: skip
    assert at_end == [(None, (3, "-"))]
    at_once, at_end = join([(right, 1), (left, 0)], "outer")
    assert at_once == [
        (left[0], right[1]), (left[0], right[2]), (left[1], right[0]), (left[2], right[1]),
        (left[2], right[2]),
    ]  # fmt: skip
    assert at_end == [(None, (3, "-"))]


def test_one_object_that_comes_twice_is_two_events():
    event = (1, "a")
    right = [(1, "x")]
    assert join([([event, event, (2, "b")], 0), (right, 1)])[0] == [(event, right[0])] * 2
    assert join([([event], 0), ([event], 0), (right, 1)])[0] == [(event, right[0])] * 2


def test_equal_keys_of_different_types_meet():
    at_once, _ = join([([1, True, 1.0], 0), ([1], 1)], key=lambda event: event)
    assert at_once == [(1, 1), (True, 1), (1.0, 1)]
    assert [type(left) for left, _ in at_once] == [int, bool, float]


def test_none_is_a_key_and_an_event_like_another():
    same = {"key": lambda event: event}
    assert join([([None, 1], 0), ([None], 1)], **same)[0] == [(None, None)]
    assert join([([None], 0), ([1], 1)], "outer", **same)[1] == [(None, None), (None, 1)]


def test_the_function_makes_the_event_and_gets_none_for_a_missing_side():
    def sentence(left, right):
        return f"{left and left[1]}-{right and right[1]}"

    batches = [([(1, "a"), (2, "b")], 0), ([(1, "x"), (3, "y")], 1)]
    assert join(batches, "outer", sentence) == (["a-x"], ["b-None", "None-y"])


@dataclass
class Named:
    name: str


def test_keys_by_name_of_mappings_and_objects():
    joining = Joining(Join("name", "name"), PLACE, [0, 1], False)
    state = joining.start()
    assert run_inline(joining.push(state, [{"name": "a"}], 0)) == []
    assert run_inline(joining.push(state, [Named("a")], 1)) == [({"name": "a"}, Named("a"))]


def test_arrays_are_joined_by_their_columns():
    prices = np.array([(1, 9.5), (2, 1.0)], dtype=[("id", "i8"), ("price", "f8")])
    joining = Joining(Join(0, "id"), PLACE, [0, 1], False)
    state = joining.start()
    assert run_inline(joining.push(state, np.array([[1, 7], [3, 8]]), 0)) == []
    assert run_inline(joining.push(state, prices, 1)) == [([1, 7], (1, 9.5))]
    ranges = [(range(3), 0), (range(1, 9), 1)]
    assert join(ranges, key=lambda n: n)[0] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("how", HOW)
def test_what_one_side_brings_after_the_end_of_the_other_is_not_kept_in_vain(how):
    joining = Joining(Join(0, 0, None, how), PLACE, [0, 1], False)
    state = joining.start()
    run_inline(joining.push(state, [(1, "before"), (9, "before")], 1))
    run_inline(joining.push(state, [(1, "small")], 0))
    joining.upstream_ended(0)
    for n in range(100):
        matches = run_inline(joining.push(state, [(1, n)], 1))
        assert matches == [((1, "small"), (1, n))]
    kept = len(list(state.tables[1].without()))
    assert kept == (1 if how in ("right", "outer") else 0)
    assert len(state.matched[0]) == (1 if how in ("left", "outer") else 0)
    expected = {(None, (9, "before"))} if how in ("right", "outer") else set()
    assert set(run_inline(joining.finish(state))) == expected


class Sulky:
    def __hash__(self):
        raise LookupError("no hash today")


def boom(left, right):
    raise LookupError(left)


def stop(*events):
    raise StopIteration


@pytest.mark.parametrize(
    ("batches", "options", "error", "says", "note"),
    [
        (
            [([{"id": 1}, {"name": 2}], 0)],
            {"key": "id"},
            KeyError,
            "id",
            "in the left_key of join('id', 'id', how='inner'), replica 0 of 2, event {'name': 2}",
        ),
        (
            [([3], 1)],
            {"key": "id"},
            AttributeError,
            "no attribute 'id'",
            "in the right_key of join('id', 'id', how='inner'), replica 0 of 2, event 3",
        ),
        (
            [([(1, 2), ([3], 4)], 0)],
            {},
            TypeError,
            r"keys that can be hashed, which \[3\] cannot \(list\)",
            "in the left_key of join(0, 0, how='inner'), replica 0 of 2, event ([3], 4)",
        ),
        (
            [([(Sulky(), 1)], 1)],
            {},
            LookupError,
            "no hash today",
            "in the right_key of join(0, 0, how='inner'), replica 0 of 2, event (",
        ),
        (
            [([1, 2], 0)],
            {"key": stop},
            RuntimeError,
            "raised StopIteration",
            "in the left_key of join(stop, stop, how='inner'), replica 0 of 2, event 1",
        ),
        (
            [([(1, 2)], 0), ([(0, 0), (1, 3)], 1)],
            {"function": boom},
            LookupError,
            "1, 2",
            "in join(0, 0, join=boom, how='inner'), replica 0 of 2, event ((1, 2), (1, 3))",
        ),
        (
            [([(1, 2)], 0), ([(1, 3)], 1)],
            {"function": stop},
            RuntimeError,
            "raised StopIteration",
            "in join(0, 0, join=stop, how='inner'), replica 0 of 2, event ((1, 2), (1, 3))",
        ),
    ],
)
def test_an_error_names_the_side_and_the_event(batches, options, error, says, note):
    with pytest.raises(error, match=says) as caught:
        join(batches, **options)
    assert [each[: len(note)] for each in caught.value.__notes__] == [note]


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((None, 0), TypeError, "join's left_key must be a function, an int"),
        ((0, 1.5), TypeError, "join's right_key must be a function, an int"),
        ((0, 0, "pair"), TypeError, "join's join must be callable"),
        ((0, 0, None, "cross"), ValueError, "join's how must be one of 'inner', 'left'"),
        ((0, 0, None, None), ValueError, "join's how must be one of"),
    ],
)
def test_what_is_no_join(arguments, error, says):
    with pytest.raises(error, match=says):
        Join(*arguments)


def test_a_coroutine_function_is_refused():
    async def fetch(left, right):
        return left

    with pytest.raises(TypeError, match="coroutine function"):
        Join(0, 0, fetch)
