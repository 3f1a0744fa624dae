"""``flow.start()``: a flow that runs while its starter does something else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

import pytest
from contract import HERE, here_only

from flowlike import Flow, GlobalWindow, RunningFlow, RunReport


@here_only("memory")
async def test_it_runs_to_its_end():
    seen = []
    async with Flow.from_iterable(range(100), stages=1).each(seen.append).start() as running:
        assert isinstance(running, RunningFlow)
        report = await running.wait()
    assert isinstance(report, RunReport)
    assert (report.events_in, report.events_out) == (100, 100)
    assert seen == list(range(100))
    assert asyncio.all_tasks() == {asyncio.current_task()}


@here_only("memory")
async def test_leaving_the_block_drains():
    """The source is read no further, and everything that was read is processed."""
    began, go_on = asyncio.Event(), asyncio.Event()
    seen, states, read = [], [], []

    def source():
        for n in count():
            read.append(n)
            yield n

    async def work(n):
        began.set()
        await go_on.wait()
        seen.append(n)
        return n

    flow = Flow.from_iterable(source(), stages=1, max_demand=20).map(work).partition(stages=2)
    flow = flow.collect_batch().each_state(states.extend)
    async with flow.start() as running:
        await began.wait()
        go_on.set()
    assert 1 <= len(read) <= 40
    assert seen == read
    assert sorted(states) == read
    report = running.stats()
    assert report.events_in == len(read)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@here_only("memory")
@pytest.mark.parametrize("source", ["iterable", "async", "thread", "sequence"])
async def test_draining_loses_nothing_of_any_source(source, numbers):
    async def awaited():
        for n in count():
            read.append(n)
            yield n

    def plain():
        for n in count():
            read.append(n)
            yield n

    read, seen = [], []
    began = asyncio.Event()

    def work(n):
        seen.append(n)
        if len(seen) == 500:
            began.set()

    options = {"stages": 1, "max_demand": 50}
    flow = {
        "iterable": lambda: Flow.from_iterable(plain(), **options),
        "thread": lambda: Flow.from_iterable(plain(), read_in="thread", **options),
        "async": lambda: Flow.from_iterable(awaited(), **options),
        "sequence": lambda: Flow.from_iterable(range(10**9), **options),
    }[source]()
    async with flow.each(work).start() as running:
        await began.wait()
        await running.stop()
        report = running.stats()
    assert seen == list(range(len(seen)))
    assert report.events_in == report.events_out == len(seen)
    if read:
        assert read == seen


@here_only("memory")
async def test_stopping_at_once():
    began = asyncio.Event()
    states = []

    async def work(n):
        began.set()
        await asyncio.Event().wait()

    flow = Flow.from_iterable(count()).map(work).partition().collect_batch()
    async with flow.each_state(states.append).start() as running:
        await began.wait()
        await running.stop(drain=False)
        assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not states


async def test_stopping_twice_and_after_the_end():
    async with Flow.from_iterable(range(3)).map(str).start() as running:
        await running.wait()
        await running.stop()
        await running.stop(drain=False)
        first = await running.wait()
    assert first.events_in == running.stats().events_in == 3
    await running.stop()


async def test_leaving_the_block_by_an_exception_stops(numbers):
    source = numbers()

    async def never(n):
        await asyncio.Event().wait()

    with pytest.raises(KeyError, match="mine"):
        async with Flow.from_iterable(source).map(never).start():
            raise KeyError("mine")
    assert source.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_failure_interrupts_the_block(place):
    error = ValueError("flow")

    def fails(n):
        raise error

    with pytest.raises(ValueError, match="flow") as caught:
        async with Flow.from_iterable([1]).map(fails).start():
            await asyncio.Event().wait()
    assert caught.value is error or place != HERE
    assert asyncio.current_task().cancelling() == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@here_only("memory")
async def test_statistics_on_the_way():
    handled, go_on = asyncio.Event(), asyncio.Event()

    async def work(n):
        if n == 5:
            handled.set()
            await go_on.wait()

    async with Flow.from_iterable(range(10), max_demand=1).map(work).start() as running:
        await handled.wait()
        report = running.stats()
        assert 6 <= report.events_in <= 9
        assert report.events_out < 10
        assert report.wall_time > 0
        go_on.set()
        report = await running.wait()
        assert (report.events_in, report.events_out) == (10, 10)
    assert running.stats().wall_time >= report.wall_time


@here_only("memory")
async def test_accumulated_demand(numbers):
    source = numbers(100)
    seen = []
    flow = Flow.from_iterable(source).each(seen.append)
    async with flow.start(demand="accumulate") as running:
        for _ in range(10):
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop
        assert source.read == 0
        running.demand("forward")
        await running.wait()
    assert seen == list(range(100))


@here_only("memory")
async def test_demand_is_held_on_the_way(numbers):
    source = numbers()
    reached = {n: asyncio.Event() for n in (10, 20)}

    def look(n):
        if n in reached:
            reached[n].set()

    async with Flow.from_iterable(source, max_demand=2, stages=1).each(look).start() as running:
        await reached[10].wait()
        running.demand("accumulate")
        for _ in range(10):
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop
        held = source.read
        for _ in range(10):
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop
        assert source.read == held
        running.demand("forward")
        await reached[20].wait()
        with pytest.raises(ValueError, match="mode must be one of 'forward', 'accumulate'"):
            running.demand("backward")
        await running.stop(drain=False)
    assert source.closed == 1


@here_only("memory")
async def test_windows_fire_when_drained():
    fired = []
    began = asyncio.Event()

    def note(state, ctx):
        fired.append((len(state), ctx.trigger))

    window = GlobalWindow().trigger_every(1000, "reset")
    flow = Flow.from_iterable(count(), max_demand=10).each(lambda n: began.set())
    flow = flow.partition(stages=1, window=window).collect_batch().each_state(note)
    async with flow.start() as running:
        await began.wait()
        await running.stop()
    assert fired[-1][1] == "done"
    assert sum(size for size, _ in fired) == running.stats().events_in


@pytest.mark.parametrize("timeout", [0.05, timedelta(milliseconds=50)])
async def test_a_timeout(timeout, numbers):
    source = numbers()
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        async with Flow.from_iterable(source).map(str).start(timeout=timeout) as running:
            await running.wait()
    assert source.closed == 1


async def test_a_timeout_that_is_cancelled_with_the_flow():
    async with Flow.from_iterable([1]).map(str).start(timeout=30) as running:
        await running.wait()
    with pytest.raises(TimeoutError, match="mine"):
        raise TimeoutError("mine")


async def test_outside_of_the_block():
    running = Flow.from_iterable([1]).start()
    with pytest.raises(RuntimeError, match="async with"):
        await running.wait()
    with pytest.raises(RuntimeError, match="async with"):
        await running.stop()


async def test_a_started_flow_is_started_once():
    running = Flow.from_iterable([1]).map(str).start()
    async with running:
        await running.wait()
    with pytest.raises(RuntimeError, match="once"):
        async with running:
            pass


@here_only("memory")
async def test_a_cancelled_starter_closes_everything(numbers):
    source = numbers()
    began = asyncio.Event()

    async def run():
        async with Flow.from_iterable(source).each(lambda n: began.set()).start() as running:
            await running.wait()

    task = asyncio.create_task(run())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancellation_before_the_flow_has_begun(numbers):
    source = numbers()
    task = asyncio.create_task(Flow.from_iterable(source).map(str).arun())
    await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.closed == 1


@here_only("memory")
async def test_leaving_the_block_with_a_stuck_callback(monkeypatch, caplog):
    monkeypatch.setattr("flowlike.flow.running.GRACE", 0.01)
    entered = asyncio.Event()

    async def never(n):
        entered.set()
        await asyncio.Event().wait()

    async with Flow.from_iterable([1]).map(never).start():
        await entered.wait()
    assert "a callback has waited for 0.01 s; it is cancelled" in caplog.text
