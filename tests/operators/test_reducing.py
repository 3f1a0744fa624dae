"""Reducers against a reference that knows no batches."""

from __future__ import annotations

from collections import Counter
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import (
    CountBy,
    Emit,
    EmitAndReduce,
    Filter,
    GlobalWindow,
    GroupBy,
    GroupByKey,
    Layer,
    Map,
    MapState,
    MapValues,
    Reduce,
    ReduceBatch,
    compile_program,
    run_inline,
)


def cut(events, sizes):
    """The events as batches of these sizes, again and again."""
    batches = []
    position = 0
    turn = 0
    while position < len(events):
        size = sizes[turn % len(sizes)]
        batches.append(events[position : position + size])
        position += size
        turn += 1
    return batches


def drive(operators, batches, window=None):
    layer = Layer(window=window)
    for operator in operators:
        layer = layer.then(operator)
    program = compile_program(layer, partition=0, partitions=1)
    left = []
    for batch in batches:
        left += run_inline(program.push(batch))
    left += run_inline(program.finish())
    return [event for batch in left for event in batch]


def add(state, event):
    return [*state, event]


def groups(events):
    found = {}
    for event in events:
        found.setdefault(event % 3, []).append(event)
    return found


def windows(events, size, action):
    """The states' events of a count trigger, one list for each fire."""
    start = 0
    fired = []
    for stop in range(size, len(events) + 1, size):
        fired.append(events[start:stop])
        start = stop if action == "reset" else 0
    return [*fired, events[start:]]


REDUCERS = [
    (Reduce(list, add), list),
    (Reduce(lambda: 100, lambda state, event: 2 * state - event), lambda events: reduce(
        lambda state, event: 2 * state - event, events, 100
    )),
    (ReduceBatch(list, lambda state, batch: state + list(batch)), list),
    (EmitAndReduce(list, lambda state, event: ((), [*state, event])), list),
    (CountBy(), Counter),
    (CountBy(lambda n: n % 3), lambda events: Counter(n % 3 for n in events)),
    (GroupBy(lambda n: n % 3), groups),
    (GroupBy(lambda n: n % 3, str), lambda events: {
        key: list(map(str, values)) for key, values in groups(events).items()
    }),
]  # fmt: skip

numbers = st.lists(st.integers(-10, 10), max_size=30)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=5)
triggers = st.one_of(st.none(), st.tuples(st.integers(1, 12), st.sampled_from(["keep", "reset"])))


@pytest.mark.parametrize(
    ("reducer", "reference"), REDUCERS, ids=lambda part: getattr(part, "label", "")
)
@given(
    events=numbers,
    sizes=sizes,
    trigger=triggers,
    mapped=st.booleans(),
    kind=st.sampled_from([list, np.array]),
)
def test_however_the_input_is_cut(reducer, reference, events, sizes, trigger, mapped, kind):
    before = [Map(lambda n: n + 1), Filter(lambda n: n != 4)] if mapped else []
    window = GlobalWindow() if trigger is None else GlobalWindow().trigger_every(*trigger)
    entered = [n + 1 for n in events if n != 3] if mapped else events
    fired = [entered] if trigger is None else windows(entered, *trigger)
    batches = [kind(batch) for batch in cut(events, sizes)]
    left = drive([*before, reducer, Emit("state")], batches, window)
    assert left == [reference(part) for part in fired]


@given(events=numbers, sizes=sizes)
def test_emit_and_reduce_emits_at_once(events, sizes):
    def running(total, event):
        return [total + event] * (event % 3), total + event

    expected = []
    total = 0
    for event in events:
        total += event
        expected += [total] * (event % 3)
    left = drive([EmitAndReduce(int, running), Emit("state")], cut(events, sizes))
    assert left == [*expected, total]


def test_emitted_events_and_fired_states_are_in_order():
    left = drive(
        [EmitAndReduce(list, lambda s, e: ([e], [*s, e])), Emit("state")],
        [[1, 2, 3], [4, 5]],
        GlobalWindow().trigger_every(2, "reset"),
    )
    assert left == [1, 2, [1, 2], 3, 4, [3, 4], 5, [5]]


def test_emit_and_reduce_under_run_leaves_its_events_alone(layer, batches):
    def numbers(event):
        iterated.append(event)
        yield event

    called = []
    iterated = []
    described = layer(EmitAndReduce(int, lambda s, e: (called.append(e) or numbers(e), s)))
    assert batches(described, [[1, 2]], emits=False) == []
    assert called == [1, 2]
    assert iterated == []


def test_group_by_key():
    pairs = [("a", 1), ("b", 2), ["a", 3]]
    assert drive([GroupByKey(), Emit("state")], [pairs]) == [{"a": [1, 3], "b": [2]}]
    assert drive([GroupByKey()], [pairs[:2], pairs[2:]]) == [("a", [1, 3]), ("b", [2])]


def test_the_values_of_pairs_before_a_reduce():
    left = drive([MapValues(str), GroupByKey(), Emit("state")], [[("a", 1), ("b", 2)]])
    assert left == [{"a": ["1"], "b": ["2"]}]


def test_keys_that_are_equal_in_python_are_one_group():
    left = drive([GroupBy(lambda n: n), Emit("state")], [[1, 1.0, True]])
    assert left == [{1: [1, 1.0, True]}]


@pytest.mark.parametrize(
    ("reducer", "batches", "expected"),
    [
        (GroupBy(0), [[("a", 1)], [("a", 2)]], [{"a": [("a", 1)]}, {"a": [("a", 1), ("a", 2)]}]),
        (GroupByKey(), [[("a", 1)], [("a", 2)]], [{"a": [1]}, {"a": [1, 2]}]),
        (CountBy(0), [[("a", 1)], [("a", 2)]], [Counter(a=1), Counter(a=2)]),
    ],
)
def test_kept_built_in_states_are_emitted_as_snapshots(reducer, batches, expected):
    left = drive([reducer, Emit("state")], batches, GlobalWindow().trigger_every(1, "keep"))
    assert left == [*expected, expected[-1]]


@pytest.mark.parametrize("reducer", [CountBy(), GroupBy(lambda n: n)])
def test_a_function_after_the_reduce_cannot_change_what_is_kept(reducer):
    def clear(state):
        keys = set(state)
        state.clear()
        return keys

    window = GlobalWindow().trigger_every(1, "keep")
    left = drive([reducer, MapState(clear), Emit("state")], [[1], [2]], window)
    assert left == [{1}, {1, 2}, {1, 2}]


def test_a_users_own_mutable_state_is_emitted_as_it_is():
    def extend(state, event):
        state.append(event)
        return state

    window = GlobalWindow().trigger_every(1, "keep")
    first, second, done = drive([Reduce(list, extend), Emit("state")], [[1], [2]], window)
    assert first is second is done


def test_but_its_events_are_copied():
    def extend(state, event):
        state.append(event)
        return state

    window = GlobalWindow().trigger_every(1, "keep")
    left = drive([Reduce(list, extend), Emit("events")], [[1], [2]], window)
    assert left == [1, 1, 2, 1, 2]


def test_reduce_batch_sees_the_kind_of_batch_that_came():
    seen = []

    def look(state, batch):
        seen.append(batch)
        return state

    array = np.arange(4)
    drive([ReduceBatch(list, look)], [array, range(3), [7]])
    assert seen[0] is array
    assert seen[1:] == [range(3), [7]]
    seen.clear()
    drive([ReduceBatch(list, look)], [np.arange(5)], GlobalWindow().trigger_every(3))
    assert [part.tolist() for part in seen] == [[0, 1, 2], [3, 4]]
    assert isinstance(seen[0], np.ndarray)


def test_init_is_called_for_each_window():
    made = []

    def init():
        made.append(None)
        return 0

    drive(
        [Reduce(init, lambda s, e: s), Emit("state")],
        [[1, 2, 3]],
        GlobalWindow().trigger_every(1, "reset"),
    )
    assert len(made) == 4
