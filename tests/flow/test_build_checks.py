"""What is wrong with a flow is said where it is written, with the cure."""

from __future__ import annotations

import inspect
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow, FlowBuildError, GlobalWindow, LocalRunner

pytestmark = here_only("builds")

FLOW = Flow.from_iterable(range(3))
GROUPED = FLOW.count_by()


async def awaited(*arguments):
    return arguments


DOORS = {
    "from_iterable": lambda **layer: Flow.from_iterable([1], **layer),
    "from_iterables": lambda **layer: Flow.from_iterables([[1]], **layer),
    "partition": FLOW.partition,
    "shuffle": FLOW.shuffle,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"stages": 0}, ValueError, "stages must be at least 1, not 0"),
        ({"stages": -3}, ValueError, "stages must be at least 1, not -3"),
        ({"stages": 1.5}, TypeError, r"stages must be an integer .* not 1\.5"),
        ({"stages": True}, TypeError, "stages must be an integer .* not True"),
        ({"stages": "2"}, TypeError, "stages must be an integer .* not '2'"),
        ({"max_demand": 0}, ValueError, "max_demand must be at least 1, not 0"),
        ({"max_demand": "all"}, ValueError, "max_demand must be a number or \"auto\", not 'all'"),
        ({"max_demand": 2.0}, TypeError, "max_demand must be an integer"),
        ({"max_demand": None}, TypeError, "max_demand must be an integer"),
        ({"max_demand": 9, "min_demand": -1}, ValueError, "min_demand must be at least 0, not -1"),
        ({"max_demand": 9, "min_demand": 9}, ValueError, r"smaller than max_demand \(9\), not 9"),
        ({"max_demand": 9, "min_demand": 10}, ValueError, r"smaller than max_demand \(9\)"),
        ({"min_demand": 5}, ValueError, "min_demand=5 cannot be combined .* leave min_demand out"),
        ({"max_demand": "auto", "min_demand": 0}, ValueError, "give max_demand as a number"),
        ({"buffer_size": -1}, ValueError, "buffer_size must be at least 0"),
        ({"buffer_size": "big"}, TypeError, "buffer_size must be an integer"),
        ({"buffer_keep": "newest"}, ValueError, "buffer_keep must be one of 'last', 'first'"),
        ({"executor": "fibers"}, ValueError, 'executor must be None, "threads"'),
        ({"executor": 3}, TypeError, 'executor must be None, "threads"'),
        ({"executor": ThreadPoolExecutor}, TypeError, 'executor must be None, "threads"'),
        ({"window": "global"}, TypeError, r"window must be a window such as GlobalWindow\(\)"),
        ({"window": GlobalWindow}, TypeError, "window must be a window"),
        ({"on_init": 3}, TypeError, "on_init must be callable, not 3"),
        ({"on_init": awaited}, TypeError, "on_init is a coroutine function"),
        ({"stage": 2}, TypeError, "unexpected keyword argument 'stage'; a layer takes stages"),
    ],
)
def test_the_options_of_every_layer(door, options, error, says):
    with pytest.raises(error, match=says):
        DOORS[door](**options)


@pytest.mark.parametrize("source", [3, None, 1.5, object(), int, len, np.float64(1)])
def test_a_source_that_is_not_iterable(source):
    with pytest.raises(TypeError, match="must be iterable"):
        Flow.from_iterable(source)
    with pytest.raises(TypeError, match="must be iterable"):
        Flow.from_iterables([[1], source])


def test_an_array_without_an_axis():
    with pytest.raises(TypeError, match="an array needs an axis"):
        Flow.from_iterable(np.array(3))


def test_a_flow_is_no_source():
    with pytest.raises(TypeError, match=r"partition.*merge"):
        Flow.from_iterable(FLOW)
    with pytest.raises(TypeError, match=r"partition.*merge"):
        Flow.from_iterables([FLOW, [1]])


def test_no_sources_at_all():
    with pytest.raises(ValueError, match="at least one source"):
        Flow.from_iterables([])
    with pytest.raises(TypeError):
        Flow.from_iterables(3)


def test_read_in_is_one_of_three_words():
    for door in (Flow.from_iterable, Flow.from_iterables):
        with pytest.raises(ValueError, match="read_in must be one of 'auto', 'loop', 'thread'"):
            door([[1]], read_in="process")


def test_a_flow_is_made_by_its_doors():
    with pytest.raises(TypeError, match="from_iterable"):
        Flow()


@pytest.mark.parametrize(
    "name", ["map", "flat_map", "filter", "reject", "map_values", "each", "map_batch"]
)
def test_an_operator_takes_what_can_be_called(name):
    argument = "pred" if name in ("filter", "reject") else "fn"
    with pytest.raises(TypeError, match=f"{name}'s {argument} must be callable, not 3"):
        getattr(FLOW, name)(3)


@pytest.mark.parametrize("name", ["map_state", "each_state", "on_trigger"])
def test_a_trigger_operator_takes_what_can_be_called(name):
    with pytest.raises(TypeError, match="must be callable, not 3"):
        getattr(GROUPED, name)(3)


@pytest.mark.parametrize("name", ["map", "flat_map", "filter", "reject", "each"])
def test_concurrency_is_a_count(name):
    with pytest.raises(ValueError, match="concurrency must be at least 1, not 0"):
        getattr(FLOW, name)(str, concurrency=0)
    with pytest.raises(TypeError, match="concurrency must be an integer"):
        getattr(FLOW, name)(str, concurrency=2.5)


@pytest.mark.parametrize("name", ["map", "flat_map", "filter", "map_batch"])
def test_executors_of_operators(name):
    with pytest.raises(ValueError, match="executor must be None"):
        getattr(FLOW, name)(str, executor="thread")
    with pytest.raises(TypeError, match="executor must be None"):
        getattr(FLOW, name)(str, executor=2)
    with pytest.raises(TypeError, match=r"coroutine function.*leave executor out"):
        getattr(FLOW, name)(awaited, executor="threads")


@pytest.mark.parametrize(
    "build",
    [
        lambda: FLOW.reduce(3, awaited),
        lambda: FLOW.reduce(int, 3),
        lambda: FLOW.reduce(int, max, merge=3),
        lambda: FLOW.reduce_batch(3, max),
        lambda: FLOW.reduce_batch(int, 3),
        lambda: FLOW.emit_and_reduce(3, max),
        lambda: FLOW.emit_and_reduce(int, 3),
        lambda: FLOW.partition(hash=3),
        lambda: FLOW.partition(key=1.5),
        lambda: FLOW.group_by(1.5),
        lambda: FLOW.group_by(0, 1.5),
        lambda: FLOW.count_by(b"x"),
        lambda: FLOW.reduce(awaited, max),
        lambda: FLOW.reduce(int, awaited),
        lambda: FLOW.reduce(int, max, merge=awaited),
        lambda: FLOW.reduce_batch(awaited, max),
        lambda: FLOW.emit_and_reduce(awaited, max),
        lambda: FLOW.emit_and_reduce(int, awaited),
        lambda: FLOW.partition(key=awaited),
        lambda: FLOW.partition(hash=awaited),
        lambda: FLOW.group_by(awaited),
        lambda: FLOW.group_by(0, awaited),
        lambda: FLOW.count_by(awaited),
    ],
)
def test_functions_of_the_wrong_kind(build):
    with pytest.raises(TypeError, match=r"callable|coroutine function|key"):
        build()


def test_key_and_hash_exclude_each_other():
    with pytest.raises(ValueError, match="either key or hash"):
        FLOW.partition(key=0, hash=int)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (GROUPED.count_by, "one reduce.*partition"),
        (lambda: GROUPED.reduce(int, max), "one reduce.*partition"),
        (lambda: GROUPED.map(str), "map_state.*partition"),
        (lambda: GROUPED.filter(str), "map_state.*partition"),
        (lambda: GROUPED.map_batch(str), "map_state.*partition"),
        (lambda: GROUPED.map_state(len).map(str), r"map\(str\) after"),
        (lambda: FLOW.emit("state"), "needs a reduce before it"),
        (lambda: FLOW.map(str).map_state(len), "needs a reduce.*it comes after map"),
        (lambda: FLOW.each_state(len), "needs a reduce before it"),
        (lambda: FLOW.on_trigger(len), "needs a reduce before it"),
        (lambda: GROUPED.emit("state").emit("events"), "emits once"),
        (lambda: GROUPED.on_trigger(len).on_trigger(len), "one on_trigger"),
        (lambda: GROUPED.on_trigger(len).emit("state"), "on_trigger says itself"),
        (lambda: GROUPED.map_state(len).on_trigger(len), "on_trigger says itself"),
        (lambda: FLOW.shuffle(window=GlobalWindow()).shuffle(), "window.*no reduce"),
        (lambda: FLOW.shuffle(window=GlobalWindow()).partition(), "window.*no reduce"),
        (lambda: FLOW.shuffle(window=GlobalWindow()).to_list(), "window.*no reduce"),
        (lambda: FLOW.shuffle(window=GlobalWindow()).explain(), "window.*no reduce"),
    ],
)
def test_operators_that_do_not_fit_together(build, says):
    with pytest.raises(FlowBuildError, match=says) as caught:
        build()
    assert isinstance(caught.value, ValueError)


def test_what_emit_lets_out_is_one_of_three_words():
    with pytest.raises(ValueError, match="'events', 'state', 'nothing'"):
        GROUPED.emit("all")


RUNS = {
    "run": FLOW.run,
    "to_list": FLOW.to_list,
    "to_array": FLOW.to_array,
    "start": FLOW.start,
    "batches": lambda **same: list(FLOW.batches(**same)),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"timeout": 0}, ValueError, "timeout must be more than 0 seconds, not 0"),
        ({"timeout": -1.5}, ValueError, "timeout must be more than 0"),
        ({"timeout": float("nan")}, ValueError, "timeout must be a finite number of seconds"),
        ({"timeout": "1"}, TypeError, "timeout must be a timedelta or a number of seconds"),
        ({"runner": "local"}, TypeError, r"runner must be a runner such as LocalRunner\(\)"),
        ({"runner": 3}, TypeError, "runner must be a runner"),
        ({"runner": LocalRunner}, TypeError, r"LocalRunner\(\), not <class"),
    ],
)
def test_the_options_of_a_run(run, options, error, says):
    with pytest.raises(error, match=says):
        RUNS[run](**options)


def test_demand_is_forward_or_accumulate():
    with pytest.raises(ValueError, match="demand must be one of 'forward', 'accumulate'"):
        FLOW.start(demand="backward")


TRIGGERING = ("map_state", "each_state", "emit", "on_trigger")


def arguments():
    """Every argument of a method that adds an operator: what is wrong with it is told by name."""
    for name, member in vars(Flow).items():
        if name.startswith("_") or name == "through_stages" or not callable(member):
            continue
        signature = inspect.signature(member)
        if not str(signature.return_annotation).startswith("Flow["):
            continue
        for each, parameter in signature.parameters.items():
            if each != "self" and parameter.kind != parameter.VAR_KEYWORD:
                yield name, each


GOOD = {
    "fn": len, "pred": len, "init": list, "merge": max, "key": 0, "n": 1, "what": "state",
    "right": FLOW, "left_key": 0, "right_key": 0, "hash": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "argument"), list(arguments()))
def test_an_error_names_the_argument_as_the_method_does(name, argument):
    flow = GROUPED if name in ("departition", "take_sort", *TRIGGERING) else FLOW
    needed = {
        each: GOOD[each]
        for each, parameter in inspect.signature(getattr(Flow, name)).parameters.items()
        if each in GOOD and parameter.default is parameter.empty
    }
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(flow, name)(**{**needed, argument: 3.5})
    if argument == "right":
        assert "join takes another flow" in str(caught.value)
    else:
        assert re.search(rf"\b{argument}\b", str(caught.value))
