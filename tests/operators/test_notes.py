"""What a user's function raises arrives unchanged, with a note that says where it was."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from flowlike.operators import (
    CollectBatch,
    CountBy,
    Each,
    EachState,
    EmitAndReduce,
    Filter,
    FlatMap,
    GlobalWindow,
    GroupBy,
    GroupByKey,
    Map,
    MapBatch,
    MapState,
    MapValues,
    OnTrigger,
    Reduce,
    ReduceBatch,
    Reject,
    compile_program,
)

BOOM = ValueError("boom")


def same(event):
    return event


def fails(*arguments):
    raise BOOM


def fails_at_3(event):
    if event == 3:
        raise BOOM
    return [event]


async def awaited_fails(event):
    raise BOOM


@pytest.fixture
def boom(layer, batches):
    """``boom(operators, inputs)``: the notes on the very exception that was raised."""

    def drive(operators, inputs, **options):
        BOOM.__notes__ = []
        with pytest.raises(ValueError, match="boom") as caught:
            batches(layer(*operators, **options), inputs, partition=1, partitions=4)
        assert caught.value is BOOM
        assert BOOM.__cause__ is None
        return caught.value.__notes__

    return drive


@pytest.mark.parametrize("operator", [Map, FlatMap, Filter, Reject, Each])
@pytest.mark.parametrize("before", [(), (Map(same),), (Each(same), Filter(lambda e: True))])
@pytest.mark.parametrize("after", [(), (Map(same),), (Each(same), CountBy(str))])
@pytest.mark.parametrize("batch", [[1, 2, 3, 4], range(1, 5), np.arange(1, 5)])
def test_the_operator_and_the_event(boom, operator, before, after, batch):
    notes = boom([*before, operator(fails_at_3), *after], [[1, 2], batch])
    assert notes == [f"in {operator.name}(fails_at_3), replica 1 of 4, event 3"]


def test_the_event_is_the_one_that_entered(boom):
    notes = boom([Map(lambda n: n + 1), FlatMap(lambda n: [n, n]), Map(fails_at_3)], [[1, 2]])
    assert notes == ["in map(fails_at_3), replica 1 of 4, event 2"]


def test_behind_a_batch_operator_it_is_the_one_that_left_it(boom):
    notes = boom(
        [Map(str), MapBatch(lambda batch: [int(n) for n in batch]), Map(fails_at_3)], [[3]]
    )
    assert notes == ["in map(fails_at_3), replica 1 of 4, event 3"]


def test_a_builtin_that_raises(layer, batches):
    with pytest.raises(ValueError, match="invalid literal") as caught:
        batches(layer(Map(same), Map(int), Map(same)), [["1", "x"]])
    assert caught.value.__notes__ == ["in map(int), replica 0 of 1, event 'x'"]


def test_the_values_of_pairs(boom):
    assert boom([MapValues(fails)], [[("k", 1)]]) == [
        "in map_values(fails), replica 1 of 4, event ('k', 1)"
    ]


def test_an_iterable_that_fails_on_its_way(boom):
    def numbers(n):
        yield n
        fails()

    assert boom([FlatMap(numbers), Map(same)], [[5]]) == [
        "in flat_map(numbers), replica 1 of 4, event 5"
    ]


@pytest.mark.parametrize(
    "reduce",
    [
        Reduce(list, fails),
        EmitAndReduce(list, fails),
        GroupBy(fails),
        GroupBy(same, fails),
        CountBy(fails),
    ],
)
@pytest.mark.parametrize("window", [None, GlobalWindow().trigger_every(2)])
def test_reducing(boom, reduce, window):
    assert boom([Map(same), reduce], [["e"]], window=window) == [
        f"in {reduce.label}, replica 1 of 4, event 'e'"
    ]


def test_batches_are_described_by_their_size(boom):
    assert boom([MapBatch(fails)], [np.arange(3)]) == [
        "in map_batch(fails), replica 1 of 4, an array of 3 int64 events"
    ]
    assert boom([ReduceBatch(list, fails)], [[1, 2]]) == [
        "in reduce_batch(fails), replica 1 of 4, a list of 2 events"
    ]


@pytest.mark.parametrize(
    ("reduce", "shown"),
    [
        (Reduce(list, list.append), "event 2"),
        (ReduceBatch(list, list.append), "a list of 1 events"),
    ],
)
def test_a_reduce_that_returns_nothing(layer, batches, reduce, shown):
    with pytest.raises(TypeError, match="NoneType") as caught:
        batches(layer(Filter(same), reduce), [[1], [2]])
    (note,) = caught.value.__notes__
    assert note.endswith(f"{shown} and a state of None; the function must return the new state")
    with pytest.raises(TypeError, match=r"is None: its function must return the new state; if"):
        batches(layer(reduce), [[1]])


@pytest.mark.parametrize("reduce", [Reduce(fails, same), ReduceBatch(fails, same)])
def test_init(boom, reduce):
    assert boom([reduce], []) == [f"in {reduce.label}, replica 1 of 4, init()"]


@pytest.mark.parametrize("operator", [MapState, EachState, OnTrigger])
def test_functions_of_states(boom, operator):
    for function in (fails, lambda state, ctx: fails()):
        notes = boom([Reduce(int, lambda count, _: count + 1), operator(function)], [[1]])
        label = operator(function).label
        assert notes == [f"in {label}, replica 1 of 4, a state of type int (1)"]


def test_a_state_that_fails_when_it_is_iterated(boom):
    def numbers(state):
        yield 1
        fails()

    notes = boom([CountBy(), MapState(numbers)], [[1]])
    assert notes == ["in map_state(numbers), replica 1 of 4, a state of type generator"]


@pytest.mark.parametrize("function", [fails, awaited_fails])
def test_calls_elsewhere(boom, function):
    where = {} if function is awaited_fails else {"executor": "threads"}
    for operator in (
        Map(function, **where),
        Map(function, concurrency=2, **where),
        FlatMap(function, **where),
        Filter(function, **where),
    ):
        notes = boom([operator], [["e", "f"]])
        assert notes == [f"in {operator.label}, replica 1 of 4, event 'e'"]
    assert boom([MapBatch(function, **where)], [["e"]]) == [
        f"in map_batch({function.__name__}), replica 1 of 4, a list of 1 events"
    ]
    assert boom([CollectBatch(), MapState(function, **where)], [["e"]]) == [
        f"in map_state({function.__name__}), replica 1 of 4, a state of type list"
    ]
    assert boom([ReduceBatch(list, lambda *a: fails(), executor="threads")], [["e"]]) == [
        "in reduce_batch(<lambda>), replica 1 of 4, a list of 1 events"
    ]


@pytest.mark.parametrize(
    ("operators", "what"),
    [
        ([Map(same, executor="processes")], "a list of 2 events"),
        ([Map(same, executor="processes", concurrency=2)], "a list of 2 events"),
        ([ReduceBatch(list, same, executor="processes")], "a list of 2 events"),
        ([CollectBatch(), MapState(same, executor="processes")], "a state of type list"),
    ],
)
def test_what_fails_outside_of_the_functions_is_noted_too(layer, operators, what):
    window = None if len(operators) == 1 else GlobalWindow().trigger_every(2)
    program = compile_program(layer(*operators, window=window), partition=0, partitions=2)
    push = program.push([1, 2])
    next(push)
    error = pickle.PicklingError("a lambda")
    error.add_note("a note of someone else's")
    with pytest.raises(pickle.PicklingError) as caught:
        push.throw(error)
    assert caught.value.__notes__[1:] == [f"in {operators[-1].label}, replica 0 of 2, {what}"]


def test_an_exception_raised_twice_says_both_places(layer, batches):
    error = ValueError("always the same")

    def fail(event):
        raise error

    for event in (1, 2):
        with pytest.raises(ValueError, match="always the same"):
            batches(layer(Map(fail)), [[event]])
    assert error.__notes__ == [
        "in map(fail), replica 0 of 1, event 1",
        "in map(fail), replica 0 of 1, event 2",
    ]


def test_a_long_event_is_shortened(boom):
    (note,) = boom([Map(fails)], [[["x" * 5000] * 50]])
    assert len(note) < 150
    (note,) = boom([Map(fails)], [["x" * 5000]])
    assert len(note) < 150


def test_a_broken_repr_hides_nothing(boom):
    class Unspeakable:
        def __repr__(self):
            raise RuntimeError("no repr")

    (note,) = boom([Map(fails)], [[Unspeakable()]])
    assert note.startswith("in map(fails), replica 1 of 4, event <Unspeakable")


def test_even_one_that_the_shortening_stumbles_over(boom):
    class array:  # noqa: N801 - reprlib takes it for array.array by its name
        pass

    assert boom([Map(fails)], [[array()]]) == [
        "in map(fails), replica 1 of 4, event <array, whose repr failed>"
    ]


@pytest.mark.parametrize(
    "operators",
    [
        [Map(lambda e: next(iter([])))],
        [FlatMap(lambda e: next(iter([])))],
        [Filter(lambda e: next(iter([])))],
        [MapBatch(lambda b: next(iter([])))],
        [Map(lambda e: next(iter([])), executor="threads")],
        [Map(lambda e: next(iter([])), executor="threads", concurrency=2)],
        [Reduce(list, lambda s, e: next(iter([])))],
        [Reduce(lambda: next(iter([])), same)],
        [CountBy(lambda e: next(iter([])))],
        [CountBy(), MapState(lambda s: next(iter([])))],
        [CountBy(), OnTrigger(lambda s: next(iter([])))],
    ],
)
def test_stop_iteration_ends_nothing_silently(layer, batches, operators):
    with pytest.raises(RuntimeError, match="raised StopIteration") as caught:
        batches(layer(*operators), [[1]])
    assert isinstance(caught.value.__cause__, StopIteration)
    assert caught.value.__notes__[0].startswith("in ")


@pytest.mark.parametrize(
    ("operators", "event", "message"),
    [
        ([FlatMap(same)], 3, r"flat_map\(same\) must return an iterable of events: 'int' object"),
        ([FlatMap(same), CountBy()], 3, r"flat_map\(same\) must return an iterable of events"),
        ([MapValues(same)], 3, r"map_values\(same\) takes events that are \(key, value\) pairs"),
        ([MapValues(same)], (1, 2, 3), r"map_values\(same\) takes .* pairs: too many values"),
        ([MapValues(same), CountBy()], (1,), r"map_values\(same\) takes .* pairs: not enough"),
        ([GroupByKey()], 3, r"group_by_key\(\) takes events that are \(key, value\) pairs"),
        (
            [EmitAndReduce(list, lambda s, e: e)],
            3,
            r"emit_and_reduce\(<lambda>\) must return a pair \(events, state\), not 3",
        ),
        (
            [EmitAndReduce(list, lambda s, e: (e, s))],
            3,
            r"must return a pair \(events, state\) with an iterable of events: 'int'",
        ),
    ],
)
def test_a_function_or_an_event_that_does_not_fit(layer, batches, operators, event, message):
    with pytest.raises(TypeError, match=message) as caught:
        batches(layer(*operators), [[event]])
    (note,) = caught.value.__notes__
    assert note.endswith(f"replica 0 of 1, event {event}")


async def gives_a_generator_that_fails(event):
    return (fails(n) for n in [event])


def test_an_awaited_flat_map_whose_iterable_fails(boom):
    assert boom([FlatMap(gives_a_generator_that_fails)], [["e"]]) == [
        "in flat_map(gives_a_generator_that_fails), replica 1 of 4, event 'e'"
    ]


async def gives_3(event):
    return 3


def test_an_awaited_flat_map_that_gives_no_iterable(layer, batches):
    with pytest.raises(TypeError, match=r"flat_map\(gives_3\) must return an iterable") as caught:
        batches(layer(FlatMap(gives_3)), [["e"]])
    assert caught.value.__notes__ == ["in flat_map(gives_3), replica 0 of 1, event 'e'"]


def test_awaited_map_values_of_no_pairs(layer, batches):
    with pytest.raises(TypeError, match=r"map_values\(gives_3\) takes .* pairs") as caught:
        batches(layer(MapValues(gives_3)), [["e"]])
    assert caught.value.__notes__ == ["in map_values(gives_3), replica 0 of 1, event 'e'"]


def test_a_type_error_of_the_users_own_is_left_alone(layer, batches):
    error = TypeError("mine is not iterable")

    def numbers(n):
        yield n
        raise error

    with pytest.raises(TypeError) as caught:
        batches(layer(FlatMap(numbers)), [[1]])
    assert caught.value is error


def test_unhashable_events_and_keys(layer, batches):
    for operators in ([CountBy()], [GroupBy(same)], [CountBy(same)]):
        with pytest.raises(TypeError, match=r"needs keys that can be hashed.*; give a") as caught:
            batches(layer(*operators), [[[1]]])
        (note,) = caught.value.__notes__
        assert note.startswith(f"in {operators[0].label}, replica 0 of 1")
