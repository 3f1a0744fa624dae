"""Every description checks its arguments when it is made, and has a label."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from flowlike.native import logistic_map
from flowlike.operators import (
    CollectBatch,
    CountBy,
    Each,
    EachState,
    Emit,
    EmitAndReduce,
    Filter,
    FlatMap,
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
    executor_name,
)

PER_EVENT = [Map, FlatMap, Filter, Reject, MapValues, Each]
TAKES_FN = [*PER_EVENT, MapBatch, MapState, EachState, OnTrigger]
WITH_EXECUTOR = [Map, FlatMap, Filter, MapBatch, MapState, partial(ReduceBatch, list)]


async def coroutine(*arguments):
    return None


def parse(event):
    return event


@pytest.mark.parametrize("operator", TAKES_FN)
@pytest.mark.parametrize("value", [None, 3, "parse"])
def test_a_non_callable_is_refused(operator, value):
    argument = "pred" if operator in (Filter, Reject) else "fn"
    says = f"{operator.name}'s {argument} must be callable, not {value!r}"
    with pytest.raises(TypeError, match=says):
        operator(value)


@pytest.mark.parametrize("operator", [Map, FlatMap, Filter, Reject, Each])
def test_concurrency_is_a_count(operator):
    assert operator(parse, concurrency=3).concurrency == 3
    with pytest.raises(ValueError, match=f"{operator.name}'s concurrency must be at least 1"):
        operator(parse, concurrency=0)
    with pytest.raises(TypeError, match=f"{operator.name}'s concurrency must be an integer"):
        operator(parse, concurrency=1.5)


@pytest.mark.parametrize("operator", WITH_EXECUTOR)
def test_executors(operator):
    with ThreadPoolExecutor(1) as pool:
        for executor in (None, "threads", "processes", pool):
            assert operator(parse_state, executor=executor).executor is executor
    accepted = 'must be None, "threads", "processes" or a concurrent.futures.Executor, not'
    with pytest.raises(ValueError, match=f"{accepted} 'gpu'"):
        operator(parse_state, executor="gpu")
    with pytest.raises(TypeError, match=f"{accepted} 4"):
        operator(parse_state, executor=4)


def parse_state(state, other=None):
    return state


@pytest.mark.parametrize("operator", WITH_EXECUTOR)
def test_a_coroutine_function_has_no_executor(operator):
    assert operator(coroutine)
    with pytest.raises(TypeError, match="is a coroutine function, which is awaited in the event"):
        operator(coroutine, executor="threads")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reduce(list, coroutine),
        lambda: Reduce(coroutine, parse),
        lambda: Reduce(list, parse, merge=coroutine),
        lambda: ReduceBatch(coroutine, parse),
        lambda: EmitAndReduce(list, coroutine),
        lambda: GroupBy(coroutine),
        lambda: GroupBy(0, coroutine),
        lambda: CountBy(coroutine),
    ],
)
def test_a_coroutine_function_is_refused_where_nothing_awaits_it(make):
    with pytest.raises(TypeError, match="is a coroutine function, and nothing awaits it here"):
        make()


@pytest.mark.parametrize("operator", [Reduce, ReduceBatch, EmitAndReduce])
def test_init_must_make_states(operator):
    message = rf"{operator.name}'s init must be callable, .*\(such as list, or lambda: 0\), not 0"
    with pytest.raises(TypeError, match=message):
        operator(0, parse)
    with pytest.raises(TypeError, match=f"{operator.name}'s fn must be callable"):
        operator(list, None)


@pytest.mark.parametrize("operator", [Reduce, ReduceBatch])
def test_merge_must_be_callable(operator):
    with pytest.raises(TypeError, match=f"{operator.name}'s merge must be callable, not 1"):
        operator(list, parse, merge=1)


def test_keys_are_named():
    with pytest.raises(TypeError, match="group_by's key must be a function"):
        GroupBy(None)
    with pytest.raises(TypeError, match="group_by's value must be a function"):
        GroupBy(0, 1.5)
    with pytest.raises(TypeError, match="count_by's key must be a function"):
        CountBy(2.5)


def test_emit_has_three_modes():
    with pytest.raises(
        ValueError, match="emit's what must be one of 'events', 'state', 'nothing', not 'all'"
    ):
        Emit("all")


@pytest.mark.parametrize("operator", [MapState, EachState, OnTrigger])
def test_functions_of_states_take_one_or_two_arguments(operator):
    for accepted in (
        lambda state: 0,
        lambda state, ctx: 0,
        lambda *args: 0,
        lambda state, n=3: 0,
        print,
        dict,
    ):
        assert operator(accepted).function is accepted
    for refused in (lambda: 0, lambda a, b, c: 0, lambda state, *, n: 0):
        with pytest.raises(TypeError, match=r"fn must take \(state\) or \(state, ctx\)"):
            operator(refused)


def test_names_of_executors():
    with ThreadPoolExecutor(1) as pool:
        names = [executor_name(choice) for choice in (None, "native", "threads", "processes", pool)]
    assert names == ["loop", "native", "threads", "processes", "ThreadPoolExecutor"]


class Doubler:
    def __call__(self, event):
        return 2 * event


@pytest.mark.parametrize(
    ("operator", "label"),
    [
        (Map(parse), "map(parse)"),
        (Map(lambda event: event), "map(<lambda>)"),
        (Map(partial(parse)), "map(parse)"),
        (Map(Doubler()), "map(Doubler)"),
        (Map(int), "map(int)"),
        (FlatMap(str.split), "flat_map(split)"),
        (Filter(parse), "filter(parse)"),
        (Reject(parse), "reject(parse)"),
        (MapValues(parse), "map_values(parse)"),
        (Each(print), "each(print)"),
        (MapBatch(logistic_map), f"map_batch({logistic_map.name})"),
        (Reduce(list, parse), "reduce(parse)"),
        (ReduceBatch(list, parse), "reduce_batch(parse)"),
        (EmitAndReduce(list, parse), "emit_and_reduce(parse)"),
        (CollectBatch(), "collect_batch()"),
        (GroupBy("word"), "group_by('word')"),
        (GroupBy(0), "group_by(0)"),
        (GroupBy(parse), "group_by(parse)"),
        (GroupByKey(), "group_by_key()"),
        (CountBy(), "count_by()"),
        (CountBy(parse), "count_by(parse)"),
        (MapState(parse), "map_state(parse)"),
        (EachState(parse), "each_state(parse)"),
        (Emit("state"), "emit('state')"),
        (OnTrigger(parse), "on_trigger(parse)"),
    ],
)
def test_labels(operator, label):
    assert operator.label == label


def test_descriptions_do_not_change():
    with pytest.raises(AttributeError):
        Map(parse).concurrency = 2
