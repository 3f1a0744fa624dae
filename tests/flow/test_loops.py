"""The synchronous doors open anywhere: in scripts, in notebooks, in threads."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from contract import HERE

from flowlike import Flow

FLOW = Flow.from_iterable(range(1000), stages=1).map(lambda n: n + 1)
EVENTS = list(range(1, 1001))

DOORS = {
    "run": lambda flow: [flow.run().events_out] and flow.to_list(),
    "to_list": lambda flow: flow.to_list(),
    "to_array": lambda flow: flow.to_array().tolist(),
    "for": list,
    "batches": lambda flow: [event for batch in flow.batches() for event in batch],
}


@pytest.mark.parametrize("door", DOORS)
def test_in_a_script(door):
    assert DOORS[door](FLOW) == EVENTS


@pytest.mark.parametrize("door", DOORS)
async def test_in_a_running_loop(door):
    loop = asyncio.get_running_loop()
    assert DOORS[door](FLOW) == EVENTS
    assert asyncio.get_running_loop() is loop
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("door", DOORS)
def test_in_another_thread(door):
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(DOORS[door], FLOW).result(30) == EVENTS


def test_in_several_threads_at_once():
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(DOORS["to_list"], [FLOW] * 8)) == [EVENTS] * 8


def fails(n):
    raise ValueError(n)


async def fails_later(n):
    raise ValueError(n)


@pytest.mark.parametrize("function", [fails, fails_later])
@pytest.mark.parametrize("door", DOORS)
async def test_failures_in_a_running_loop(door, function):
    with pytest.raises(ValueError, match="1") as caught:
        DOORS[door](FLOW.map(function))
    assert any("replica 0 of 1, event " in note for note in caught.value.__notes__)


async def test_a_timeout_in_a_running_loop():
    async def never(n):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        FLOW.map(never).to_list(timeout=0.05)


async def test_leaving_a_loop_in_a_running_loop(numbers):
    source = numbers()
    for event in Flow.from_iterable(source, stages=1).map(lambda n: n):
        if event == 100:
            break
    assert source.closed == 1
    assert threading.current_thread() not in source.threads


def test_a_flow_inside_of_a_flow():
    inner = Flow.from_iterable(range(3), stages=1).map(lambda n: n * n)
    outer = Flow.from_iterable(range(2), stages=1)
    assert outer.map(lambda n: sum(inner)).to_list() == [5, 5]
    assert outer.map(lambda n: inner.to_list()[n]).to_list() == [0, 1]


def test_an_iterator_is_dropped_where_another_loop_runs(numbers):
    source = numbers()
    events = [iter(Flow.from_iterable(source, stages=1).map(lambda n: n))]
    assert next(events[0]) == 0

    async def drop():
        events.clear()
        gc.collect()

    asyncio.run(drop())
    assert source.closed == 1


def test_an_iterator_goes_on_where_another_loop_runs(numbers):
    source = numbers(3)
    events = iter(Flow.from_iterable(source, stages=1).map(lambda n: n))
    assert next(events) == 0

    async def go_on():
        assert list(events) == [1, 2]

    asyncio.run(go_on())
    assert source.closed == 1


def test_an_iterator_wanders_between_threads(numbers):
    source = numbers()
    events = iter(Flow.from_iterable(source, stages=1).map(lambda n: n))
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for n in range(20):
            assert (one, other)[n % 2].submit(next, events).result(30) == n
    del events
    assert source.closed == 1


def test_the_event_loop_of_the_thread_stays_as_it_is():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert FLOW.to_list() == EVENTS
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt("by hand"), GeneratorExit()])
@pytest.mark.parametrize("awaits", [False, True])
@pytest.mark.parametrize("where", ["here", "in a running loop"])
def test_exceptions_that_are_no_errors(error, awaits, where, numbers, place):
    source = numbers()

    def leaves(n):
        raise error

    async def leaves_later(n):
        raise error

    flow = Flow.from_iterable(source).map(leaves_later if awaits else leaves)

    async def inside():
        with pytest.raises(type(error)) as caught:
            flow.run()
        assert caught.value is error or place != HERE

    if where == "here":
        with pytest.raises(type(error)) as caught:
            flow.run()
        assert caught.value is error or place != HERE
    else:
        asyncio.run(inside())
    assert source.closed == 1
