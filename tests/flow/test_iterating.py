"""``for`` and ``async for``: streams that the reader sets the pace of."""

from __future__ import annotations

import asyncio
from itertools import count

import numpy as np
import pytest
from contract import HERE, here_only

from flowlike import Flow


def double(n):
    return 2 * n


def test_for():
    assert list(Flow.from_iterable(range(1000), stages=1).map(double)) == list(range(0, 2000, 2))


@here_only("cost")
def test_two_loops_over_one_flow_are_two_runs():
    flow = Flow.from_iterable(range(3), stages=1).map(double)
    pairs = [(a, b) for a in flow for b in flow]
    assert pairs == [(a, b) for a in (0, 2, 4) for b in (0, 2, 4)]
    assert [*zip(flow, flow, strict=True)] == [(0, 0), (2, 2), (4, 4)]


def test_an_endless_source_and_a_break():
    found = next(n for n in Flow.from_iterable(count(), stages=1).map(double) if n > 1000)
    assert found == 1002


def test_batches_of_arrays():
    batches = list(Flow.from_iterable(np.arange(1000), stages=1).map_batch(np.negative).batches())
    assert all(isinstance(batch, np.ndarray) and len(batch) for batch in batches)
    assert np.concatenate(batches).tolist() == list(range(0, -1000, -1))


def test_batches_of_a_fixed_demand():
    sizes = {len(batch) for batch in Flow.from_iterable(range(100), max_demand=10).batches()}
    assert max(sizes) <= 10


def test_the_caller_is_a_consumer_with_the_demand_of_the_last_layer(numbers):
    source = numbers()
    flow = Flow.from_iterable(source, stages=1, max_demand=50).map(double)
    flow = flow.shuffle(stages=1, max_demand=4).map(double)
    events = iter(flow)
    for n in range(200):
        assert next(events) == 4 * n
        # Fifty in the first layer, four in the second, four at the caller.
        assert source.read <= n + 1 + 50 + 4 + 4
    del events
    assert source.closed == 1


def test_no_empty_batches():
    flow = Flow.from_iterable(range(100), max_demand=2).filter(lambda n: n > 90)
    assert all(len(batch) for batch in flow.batches())
    flow = Flow.from_iterable(np.arange(100), max_demand=2, stages=1)
    flow = flow.map_batch(lambda batch: batch[batch > 90])
    assert all(len(batch) for batch in flow.batches())
    assert flow.to_list() == list(range(91, 100))


def test_exceptions_in_the_body_are_the_bodys(numbers):
    source = numbers()
    with pytest.raises(ZeroDivisionError) as caught:
        for event in Flow.from_iterable(source).map(double):
            event // 0
    assert not hasattr(caught.value, "__notes__")
    assert source.closed == 1


def test_a_failure_reaches_the_loop_after_what_came_before_it(place):
    error = ValueError("three")

    def fails_at_3(n):
        if n == 3:
            raise error
        return n

    seen = []
    flow = Flow.from_iterable(range(10), stages=1, max_demand=1).map(fails_at_3)
    with pytest.raises(ValueError, match="three") as caught:
        seen.extend(flow)
    assert caught.value is error or place != HERE
    assert seen in ([], [0], [0, 1], [0, 1, 2])


def test_a_timeout_while_the_caller_iterates():
    async def never(n):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        list(Flow.from_iterable([1]).map(never).batches(timeout=0.05))


async def test_async_for():
    flow = Flow.from_iterable(range(1000), stages=1).map(double)
    assert [event async for event in flow] == list(range(0, 2000, 2))
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_async_batches_that_are_left(numbers):
    source = numbers()
    batches = Flow.from_iterable(source, stages=1).map(double).abatches()
    async for batch in batches:
        assert batch == [0]
        break
    assert source.closed == 0
    await batches.aclose()
    assert source.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [batch async for batch in batches] == []


async def test_async_events_that_are_left(numbers):
    source = numbers()
    events = aiter(Flow.from_iterable(source, stages=1).map(double))
    assert [await anext(events), await anext(events)] == [0, 2]
    await events.aclose()
    assert source.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


@here_only("memory")
async def test_an_async_reader_that_is_cancelled(numbers):
    source = numbers()
    began = asyncio.Event()

    async def never(n):
        began.set()
        await asyncio.Event().wait()

    async def read():
        async for _ in Flow.from_iterable(source).map(never):
            raise AssertionError

    reader = asyncio.create_task(read())
    await began.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    # The generator of an `async for` is closed by the loop, in a task that it starts.
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    assert source.closed == 1


async def test_the_reader_works_while_the_flow_does():
    """Both ends wait for each other, which only two that run at the same time survive."""
    seen = asyncio.Queue()

    async def source():
        yield 0
        for n in range(1, 5):
            assert await seen.get() == n - 1
            yield n

    async for event in Flow.from_iterable(source(), stages=1).map(lambda n: n):
        seen.put_nowait(event)
    assert seen.get_nowait() == 4
