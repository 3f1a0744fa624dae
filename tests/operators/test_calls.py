"""What a program asks its driver for: where calls run, how many at once, in which order."""

from __future__ import annotations

import asyncio
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from flowlike.native import logistic_map
from flowlike.operators import (
    CollectBatch,
    Each,
    Emit,
    Filter,
    FlatMap,
    GlobalWindow,
    Map,
    MapBatch,
    MapState,
    MapValues,
    Reduce,
    ReduceBatch,
    Reject,
    compile_program,
    run_inline,
)

KERNEL = logistic_map.bind(num=3, p=97, mu=5)


def add_one(n):
    return n + 1


def is_even(n):
    return n % 2 == 0


def twice(n):
    return [n, n]


def backwards(batch):
    return batch[::-1]


def total(state, batch):
    return state + sum(batch)


async def awaited_add_one(n):
    return n + 1


async def awaited_is_even(n):
    return n % 2 == 0


async def awaited_twice(n):
    return (n, n)


async def awaited_backwards(batch):
    return batch[::-1]


async def awaited_total(state, batch):
    return state + sum(batch)


def shown(calls):
    return [(call.label, len(call.arguments), call.executor, call.limit) for call in calls]


def test_plain_functions_need_no_driver(layer):
    described = layer(Map(add_one), MapBatch(backwards), Reduce(int, lambda a, e: a + e))
    program = compile_program(described, partition=0, partitions=1)
    with pytest.raises(StopIteration):
        next(program.push([1, 2]))


def test_operators_with_one_executor_are_one_call_with_the_batch(layer, events):
    calls = []
    described = layer(
        Map(add_one, executor="threads"),
        Filter(is_even, executor="threads"),
        MapBatch(backwards, executor="threads"),
        FlatMap(twice, executor="threads"),
        Map(add_one),
        Map(add_one, executor="processes"),
    )
    assert events(described, [range(4)], calls=calls) == [6, 6, 4, 4]
    assert shown(calls) == [
        (
            "map(add_one) | filter(is_even) | map_batch(backwards) | flat_map(twice)",
            1,
            "threads",
            1,
        ),
        ("map(add_one)", 1, "processes", 1),
    ]


def test_the_layers_executor_is_the_default_of_those_that_can_have_one(layer, events):
    calls = []
    with ThreadPoolExecutor(1) as pool:
        described = layer(
            Map(add_one), Reject(is_even), Map(add_one, executor="processes"), executor=pool
        )
        assert events(described, [range(4)], calls=calls) == [2, 4]
        assert [call.executor for call in calls] == [pool, "processes"]


def test_a_batch_that_becomes_empty_asks_for_nothing_more(layer, events):
    calls = []
    described = layer(
        Filter(lambda n: False, executor="threads"),
        MapBatch(backwards, executor="threads"),
        MapBatch(backwards, executor="processes"),
    )
    assert events(described, [[1]], calls=calls) == []
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("operator", "left"),
    [
        (Map(awaited_add_one, concurrency=3), [2, 3, 4, 5]),
        (FlatMap(awaited_twice, concurrency=3), [1, 1, 2, 2, 3, 3, 4, 4]),
        (Filter(awaited_is_even, concurrency=3), [2, 4]),
        (Reject(awaited_is_even, concurrency=3), [1, 3]),
        (Each(awaited_add_one, concurrency=3), [1, 2, 3, 4]),
        (Map(add_one, concurrency=3, executor="threads"), [2, 3, 4, 5]),
        (FlatMap(twice, concurrency=3, executor="threads"), [1, 1, 2, 2, 3, 3, 4, 4]),
        (Filter(is_even, concurrency=3, executor="threads"), [2, 4]),
    ],
)
def test_calls_for_each_event(layer, events, operator, left):
    for batch in ([1, 2, 3, 4], range(1, 5), np.arange(1, 5)):
        calls = []
        assert events(layer(operator), [batch], calls=calls) == left
        assert shown(calls) == [(operator.label, 4, operator.executor, 3)]
        assert calls[0].arguments == [1, 2, 3, 4]


def test_awaited_map_values(layer, events):
    calls = []
    pairs = [("a", 1), ("b", 2)]
    assert events(layer(MapValues(awaited_add_one)), [pairs], calls=calls) == [("a", 2), ("b", 3)]
    assert calls[0].arguments == [1, 2]


def test_concurrency_of_a_plain_function_in_the_loop_is_no_call(layer, events):
    calls = []
    assert events(layer(Map(add_one, concurrency=9)), [[1]], calls=calls) == [2]
    assert calls == []


def test_each_with_concurrency_uses_the_layers_executor(layer, events):
    calls = []
    described = layer(Each(add_one, concurrency=2), executor="threads")
    assert events(described, [[1, 2]], calls=calls) == [1, 2]
    assert shown(calls) == [("each(add_one)", 2, "threads", 2)]


def test_awaited_functions_everywhere(layer, events):
    calls = []
    described = layer(
        MapBatch(awaited_backwards),
        ReduceBatch(int, awaited_total),
        MapState(awaited_add_one),
        Emit("state"),
    )
    assert events(described, [[1, 2], [3]], calls=calls) == [7]
    assert [call.label for call in calls] == [
        "map_batch(awaited_backwards)",
        "reduce_batch(awaited_total)",
        "map_batch(awaited_backwards)",
        "reduce_batch(awaited_total)",
        "map_state(awaited_add_one)",
    ]


def test_an_awaited_map_batch_must_return_a_batch(layer, events):
    async def nothing(batch):
        return None

    with pytest.raises(TypeError, match=r"map_batch\(nothing\) must return a batch"):
        events(layer(MapBatch(nothing)), [[1]])


@pytest.mark.parametrize("executor", [None, "processes"])
def test_kernels_have_a_place_of_their_own_unless_told_otherwise(layer, events, executor):
    calls = []
    array = np.arange(5)
    described = layer(MapBatch(KERNEL, executor=executor))
    assert events(described, [array], calls=calls) == KERNEL(array).tolist()
    assert calls[0].executor == (executor or "native")
    assert calls[0].events == 5


@pytest.mark.parametrize("place", [0, 1])
def test_a_kernel_goes_along_with_neighbours_in_threads(layer, events, place):
    calls = []
    operators = [MapBatch(np.copy, executor="threads")]
    operators.insert(place, MapBatch(KERNEL))
    array = np.arange(5)
    assert events(layer(*operators), [array], calls=calls) == KERNEL(array).tolist()
    assert [call.executor for call in calls] == ["threads"]


def test_a_kernel_takes_the_layers_executor(layer, events):
    calls = []
    events(layer(CollectBatch(), MapState(KERNEL), executor="processes"), [[]], calls=calls)
    assert [call.executor for call in calls] == ["processes"]


def test_the_state_goes_along_with_reduce_batch(layer, events):
    calls = []
    described = layer(ReduceBatch(int, total, executor="threads"), Emit("state"))
    assert events(described, [[1, 2], range(3)], calls=calls) == [6]
    assert [call.arguments for call in calls] == [[(0, [1, 2])], [(3, range(3))]]


def test_a_count_trigger_cuts_what_is_sent(layer, events):
    calls = []
    described = layer(
        ReduceBatch(int, total, executor="threads"),
        Emit("state"),
        window=GlobalWindow().trigger_every(2, "reset"),
    )
    assert events(described, [[1, 2, 3]], calls=calls) == [3, 3]
    assert [call.arguments for call in calls] == [[(0, [1, 2])], [(0, [3])]]


def test_what_is_sent_can_be_pickled(layer):
    described = layer(
        Map(add_one), Filter(is_even), MapBatch(backwards), FlatMap(twice), executor="processes"
    )
    program = compile_program(described, partition=0, partitions=1)
    request = next(program.push([1, 2, 3]))
    copy = pickle.loads(pickle.dumps(request.function))
    batch, counts = copy([1, 2, 3])
    assert batch == [4, 4, 2, 2]
    assert (counts.filtered, counts.consumed, counts.produced) == (1, 4, 6)


def fails_at_2(n):
    if n == 2:
        raise ValueError("boom")
    return n


def in_processes(generator, pool):
    answer = None
    failure = None
    try:
        while True:
            request = generator.throw(failure) if failure else generator.send(answer)
            failure = None
            try:
                answer = [
                    pool.submit(request.function, argument).result(timeout=30)
                    for argument in request.arguments
                ]
            except ValueError as error:
                failure = error
    except StopIteration as end:
        return end.value


def test_everything_through_a_process_and_notes_come_back(layer):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        described = layer(
            MapBatch(sorted),
            ReduceBatch(int, total),
            MapState(add_one),
            Emit("state"),
            executor="processes",
        )
        program = compile_program(described, partition=0, partitions=1)
        assert in_processes(program.push([3, 1]), pool) == []
        assert in_processes(program.finish(), pool) == [[5]]
        for concurrency in (1, 2):
            failing = layer(Map(fails_at_2, executor="processes", concurrency=concurrency))
            program = compile_program(failing, partition=0, partitions=1)
            with pytest.raises(ValueError, match="boom") as caught:
                in_processes(program.push([1, 2, 3]), pool)
            note = "in map(fails_at_2), replica 0 of 1, event 2"
            assert note in caught.value.__notes__


def test_run_inline_refuses_to_wait(layer):
    async def waits(event):
        await asyncio.get_running_loop().create_future()

    async def drive():
        program = compile_program(layer(Map(waits)), partition=0, partitions=1)
        run_inline(program.push([1]))

    with pytest.raises(RuntimeError, match="waits for something, and no event loop runs here"):
        asyncio.run(drive())
