from __future__ import annotations

import pytest

from flowlike.errors import FlowBuildError
from flowlike.native import logistic_map
from flowlike.operators import (
    CollectBatch,
    CountBy,
    Each,
    EachState,
    Emit,
    Filter,
    GlobalWindow,
    Layer,
    Map,
    MapBatch,
    MapState,
    OnTrigger,
    Reduce,
    ReduceBatch,
    Reject,
    compile_program,
)


def f(event):
    return event


async def fetch(event):
    return event


def pair(state):
    return [], state


def refused(layer, *parts):
    with pytest.raises(FlowBuildError) as caught:
        layer()
    for part in parts:
        assert part in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_then_gives_a_new_layer():
    first = Layer()
    second = first.then(Map(f))
    assert first.is_empty
    assert not second.is_empty
    assert second.operators == (Map(f),)


def test_a_second_reduce(layer):
    refused(lambda: layer(CountBy(), Reduce(list, f)), "reduce(f)", "count_by()", "partition()")


@pytest.mark.parametrize("operator", [Map(f), Filter(f), Reject(f), Each(f), MapBatch(f)])
def test_an_operator_on_events_after_a_reduce(layer, operator):
    refused(
        lambda: layer(CountBy(), operator), operator.label, "count_by()", "map_state()", "shuffle()"
    )


@pytest.mark.parametrize("operator", [MapState(f), EachState(f), Emit("state"), OnTrigger(f)])
def test_a_trigger_operator_without_a_reduce(layer, operator):
    refused(lambda: layer(Map(f), operator), operator.label, "needs a reduce", "map(f)", "count_by")
    refused(lambda: layer(operator), operator.label, "needs a reduce")


def test_emit_once(layer):
    refused(
        lambda: layer(CountBy(), Emit("state"), Emit("events")),
        "emit('events') after emit('state')",
        "leave one out",
    )


@pytest.mark.parametrize("other", [Emit("state"), MapState(f), OnTrigger(f)])
def test_on_trigger_stands_alone(layer, other):
    refused(lambda: layer(CountBy(), OnTrigger(pair), other), "on_trigger(pair)", other.label)
    refused(lambda: layer(CountBy(), other, OnTrigger(pair)), "on_trigger(pair)", other.label)


def test_on_trigger_and_each_state_go_together(layer):
    assert layer(CountBy(), EachState(f), OnTrigger(pair), EachState(f)).has_reduce


def test_a_window_needs_a_reduce(layer):
    refused(lambda: layer(Map(f), window=GlobalWindow()).check(), "window", "map(f)", "count_by")
    refused(
        lambda: compile_program(Layer(window=GlobalWindow()), partition=0, partitions=1), "window"
    )
    layer(CountBy(), window=GlobalWindow()).check()


@pytest.mark.parametrize(
    ("operators", "executor", "inline"),
    [
        ([], None, True),
        ([Map(f), MapBatch(f)], None, True),
        ([Map(f), Reduce(list, f), MapState(f)], None, True),
        ([Map(f, concurrency=4)], None, True),
        ([Map(f)], "threads", False),
        ([Map(f, executor="threads")], None, False),
        ([Map(fetch)], None, False),
        ([Each(fetch)], None, False),
        ([Each(f)], "threads", False),
        ([Each(f, concurrency=2)], "threads", False),
        ([MapBatch(logistic_map)], None, False),
        ([Map(logistic_map)], None, False),
        ([ReduceBatch(list, fetch)], None, False),
        ([CollectBatch(), MapState(logistic_map)], None, False),
        ([CollectBatch(), EachState(fetch), Emit("state")], None, False),
    ],
)
def test_runs_inline(layer, operators, executor, inline):
    assert layer(*operators, executor=executor).runs_inline is inline


def test_groups_tell_what_runs_together(layer):
    described = layer(
        Map(f),
        Filter(f),
        MapBatch(f),
        Map(f, executor="threads"),
        MapBatch(logistic_map),
        Map(fetch),
        Each(f),
        CollectBatch(),
        EachState(f),
        MapState(logistic_map),
        Emit("state"),
    )
    kernel = logistic_map.name
    assert described.groups == (
        (("map(f)", "filter(f)"), None),
        (("map_batch(f)",), None),
        (("map(f)", f"map_batch({kernel})"), "threads"),
        (("map(fetch)",), None),
        (("each(f)",), None),
        (("collect_batch()", "each_state(f)"), None),
        ((f"map_state({kernel})",), "native"),
        (("emit('state')",), None),
    )


def test_groups_of_a_fused_reduce(layer):
    assert layer(Map(f), CountBy(), Emit("state")).groups == (
        (("map(f)", "count_by()", "emit('state')"), None),
    )
