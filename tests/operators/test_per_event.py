"""Per-event and per-batch operators against a reference of ten lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import (
    CollectBatch,
    Each,
    Emit,
    Filter,
    FlatMap,
    Layer,
    Map,
    MapBatch,
    MapValues,
    Reduce,
    Reject,
    compile_program,
    run_inline,
)


def reference(operators, events):
    for operator in operators:
        f = operator.function
        match operator:
            case Map():
                events = [f(e) for e in events]
            case FlatMap():
                events = [x for e in events for x in f(e)]
            case Filter():
                events = [e for e in events if f(e)]
            case Reject():
                events = [e for e in events if not f(e)]
            case MapValues():
                events = [(k, f(v)) for k, v in events]
            case MapBatch():
                events = list(f(events))
    return events


STEPS = [
    Map(lambda n: n + 1),
    Map(lambda n: -3 * n),
    FlatMap(lambda n: range(n % 4)),
    FlatMap(lambda n: [n, n] if n % 2 else ()),
    Filter(lambda n: n % 3),
    Reject(lambda n: n > 5),
    Each(lambda n: None),
    MapBatch(lambda batch: [n for n in batch if n != 2]),
]


def build(operators):
    layer = Layer()
    for operator in operators:
        layer = layer.then(operator)
    return layer


def drive(layer, batches):
    program = compile_program(layer, partition=0, partitions=1)
    left = []
    for batch in batches:
        left += run_inline(program.push(batch))
    return left + run_inline(program.finish())


@st.composite
def split(draw):
    """Batches of every kind."""
    values = st.integers(-20, 20)
    return draw(
        st.lists(
            st.one_of(
                st.lists(values, min_size=1, max_size=8),
                st.lists(values, min_size=1, max_size=8).map(np.array),
                st.integers(1, 8).map(range),
            ),
            max_size=6,
        )
    )


def flat(batches):
    return [event for batch in batches for event in np.asarray(batch).tolist()]


@given(st.lists(st.sampled_from(STEPS), max_size=6), split())
def test_any_operators_over_any_batches_are_the_reference(operators, batches):
    layer = build(operators)
    assert flat(drive(layer, batches)) == reference(operators, flat(batches))


@given(st.lists(st.sampled_from(STEPS), max_size=6), split())
def test_fused_with_a_reduce_they_are_the_same(operators, batches):
    layer = build([*operators, Reduce(list, lambda seen, n: [*seen, n]), Emit("state")])
    assert drive(layer, batches) == [[reference(operators, flat(batches))]]


@given(st.lists(st.sampled_from(STEPS), max_size=6), split())
def test_collected_they_are_the_same(operators, batches):
    layer = build([*operators, CollectBatch()])
    assert flat(drive(layer, batches)) == reference(operators, flat(batches))


def test_an_event_goes_through_all_fused_operators_before_the_next(layer, events):
    seen = []
    described = layer(
        Each(lambda n: seen.append(("a", n))),
        Map(lambda n: 10 * n),
        Each(lambda n: seen.append(("b", n))),
    )
    assert events(described, [[1, 2]]) == [10, 20]
    assert seen == [("a", 1), ("b", 10), ("a", 2), ("b", 20)]


def test_functions_see_python_scalars_of_an_array(layer, events):
    seen = []
    events(layer(Map(lambda n: seen.append(type(n)))), [np.arange(2), np.array([0.5])])
    assert seen == [int, int, float]


def test_map_batch_sees_the_batch_itself_and_arrays_stay_arrays(layer, batches):
    array = np.arange(4)
    seen = []

    def double(batch):
        seen.append(batch)
        return batch * 2

    (left,) = batches(layer(MapBatch(double), MapBatch(lambda batch: batch + 1)), [array])
    assert seen[0] is array
    assert isinstance(left, np.ndarray)
    assert left.tolist() == [1, 3, 5, 7]


def test_an_empty_layer_passes_the_batch_itself(layer, batches):
    array = np.arange(3)
    assert batches(layer(), [array])[0] is array


def test_empty_batches_are_dropped_and_not_shown_to_anyone(layer, batches):
    seen = []
    described = layer(
        Filter(lambda n: n > 9),
        MapBatch(lambda batch: seen.append(batch) or batch),
        MapBatch(lambda batch: np.empty(0)),
    )
    assert batches(described, [[1], [10], [2]]) == []
    assert seen == [[10]]


@pytest.mark.parametrize("result", [None, 7, "text", {1: 2}, (1, 2), np.array(3)])
def test_map_batch_must_return_a_batch(layer, batches, result):
    def broken(batch):
        return result

    with pytest.raises(TypeError, match=r"map_batch\(broken\) must return a batch") as caught:
        batches(layer(MapBatch(broken)), [[1]])
    assert caught.value.__notes__ == ["in map_batch(broken), replica 0 of 1"]


def test_map_values_keeps_keys(layer, events):
    assert events(layer(MapValues(len)), [[("a", "xyz"), ["b", ""]]]) == [("a", 3), ("b", 0)]


def test_more_operators_than_python_nests_loops(layer, events):
    steps = [
        FlatMap(lambda n: [n, n + 1]) if n % 20 == 0 else FlatMap(lambda n: [n]) for n in range(60)
    ]
    assert events(layer(*steps), [[0]]) == reference(steps, [0])
    counted = layer(*steps, Reduce(int, lambda count, _: count + 1), Emit("state"))
    assert events(counted, [[0]]) == [8]


def test_run_calls_everything_and_hands_on_nothing(layer, batches):
    seen = []
    described = layer(Map(lambda n: n + 1), Each(seen.append), FlatMap(lambda n: iter([n])))
    assert batches(described, [[1, 2]], emits=False) == []
    assert seen == [2, 3]
