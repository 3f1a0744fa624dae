"""How far a source is read, where, and that nobody waits for it in vain."""

from __future__ import annotations

import asyncio
import itertools
import resource
import threading
from time import thread_time

import pytest

from flowlike import Flow
from flowlike.connectors import iterable

READ_IN = ["auto", "loop", "thread"]


@pytest.mark.parametrize("read_in", READ_IN)
@pytest.mark.parametrize("stages", [1, 2])
def test_a_loop_that_is_left_has_read_what_it_was_given(numbers, read_in, stages):
    source = numbers()
    flow = Flow.from_iterable(source, read_in=read_in, max_demand=1, stages=stages)
    for event in flow.map(lambda n: n):
        if event == 5:
            break
    # One event in the hand of each stage and of the caller, and not one more.
    assert 6 <= source.read <= 6 + stages + 1
    assert source.closed == 1


@pytest.mark.parametrize("read_in", READ_IN)
def test_without_a_layer_between_nothing_is_read_ahead_of_demand(numbers, read_in):
    source = numbers()
    events = iter(Flow.from_iterable(source, read_in=read_in, max_demand=1))
    assert source.read == 0
    assert next(events) == 0
    assert source.read <= 2
    assert next(events) == 1
    assert source.read <= 3
    del events
    assert source.closed == 1


@pytest.mark.parametrize("read_in", READ_IN)
@pytest.mark.parametrize("max_demand", [1, 7, "auto"])
def test_to_the_end_and_not_beyond(numbers, read_in, max_demand):
    source = numbers(100)
    flow = Flow.from_iterable(source, read_in=read_in, max_demand=max_demand)
    assert flow.map(str).run().events_in == 100
    assert (source.read, source.closed) == (100, 1)


@pytest.mark.parametrize("read_in", READ_IN)
def test_never_more_in_flight_than_the_demand(numbers, read_in):
    source = numbers(300)
    handled = 0
    ahead = []

    def look(event):
        nonlocal handled
        ahead.append(source.read - handled)
        handled += 1

    Flow.from_iterable(source, read_in=read_in, max_demand=10, stages=1).each(look).run()
    assert handled == 300
    assert max(ahead) <= 10


def test_a_thread_reads_where_it_is_asked_to(numbers):
    sources = {read_in: numbers(10) for read_in in READ_IN}
    for read_in, source in sources.items():
        assert Flow.from_iterable(source, read_in=read_in).to_list() == list(range(10))
    here = {threading.current_thread()}
    assert sources["loop"].threads == here
    assert sources["thread"].threads.isdisjoint(here)
    assert len(sources["thread"].threads) == 1


def test_a_slow_iterator_is_read_in_a_thread_and_holds_up_nobody():
    """The slow source waits for the other one to end: in the loop this would be a deadlock."""
    other_has_ended = threading.Event()
    threads = []

    def slow():
        yield "first"
        # Longer than a next() may take in the loop; nothing else can happen meanwhile.
        assert not other_has_ended.wait(0.01)
        yield "second"
        threads.append(threading.current_thread())
        assert other_has_ended.wait(30)
        yield "third"

    def quick():
        yield from range(1000)
        other_has_ended.set()

    flow = Flow.from_iterables([slow(), quick()], max_demand=10, stages=1)
    events = flow.map(lambda event: event).to_list()
    assert len(events) == 1003
    assert [event for event in events if isinstance(event, str)] == ["first", "second", "third"]
    assert threads != [threading.current_thread()]


@pytest.mark.skipif(
    not hasattr(resource, "RUSAGE_THREAD"), reason="the system does not tell who has waited"
)
def test_a_machine_that_is_busy_with_others_makes_no_iterator_slow(monkeypatch):
    """Time passes in a next() that neither waits nor computes: others had the processor."""
    clock = itertools.count(step=0.001)
    passed = iter([0.0, 0.0, 0.0, 0.5])  # in the third event

    def perf_counter():
        return next(clock) / 1000 + next(passed, 0.5)

    monkeypatch.setattr(iterable, "perf_counter", perf_counter)
    threads = set()

    def source():
        for event in range(100):
            threads.add(threading.current_thread())
            yield event

    assert Flow.from_iterable(source()).to_list() == list(range(100))
    assert threads == {threading.current_thread()}


def test_an_iterator_that_computes_for_long_is_read_in_a_thread():
    threads = []

    def source():
        for event in range(3):
            threads.append(threading.current_thread())
            until = thread_time() + 0.01
            while thread_time() < until:
                pass
            yield event

    assert Flow.from_iterable(source()).to_list() == [0, 1, 2]
    assert threads[0] is threading.current_thread()
    assert threads[2] is not threading.current_thread()


def test_a_source_in_a_thread_holds_up_nobody_from_its_first_event():
    other_has_ended = threading.Event()

    def slow():
        assert other_has_ended.wait(30)
        yield -1

    def quick():
        yield from range(1000)
        other_has_ended.set()

    events = Flow.from_iterables([slow(), quick()], read_in="thread").to_list()
    assert events[-1] == -1
    assert len(events) == 1001


def test_an_async_source_that_waits_hands_on_what_it_has():
    async def main():
        go_on = asyncio.Event()

        async def generator():
            yield 1
            await go_on.wait()
            yield 2

        events = aiter(Flow.from_iterable(generator(), max_demand=100).map(lambda n: n))
        assert await anext(events) == 1
        go_on.set()
        assert await anext(events) == 2
        assert [event async for event in events] == []

    asyncio.run(main())


def test_a_thread_that_waits_hands_on_what_it_has():
    go_on = threading.Event()

    def generator():
        yield 1
        assert go_on.wait(30)
        yield 2

    flow = Flow.from_iterable(generator(), read_in="thread", max_demand=100)
    events = []
    for event in flow.map(lambda n: n):
        events.append(event)
        go_on.set()
    assert events == [1, 2]


@pytest.mark.parametrize("read_in", READ_IN)
@pytest.mark.parametrize("at", [0, 3])
def test_a_source_that_raises(read_in, at):
    error = OSError("unplugged")

    def generator():
        yield from range(at)
        raise error

    with pytest.raises(OSError, match="unplugged") as caught:
        Flow.from_iterable(generator(), read_in=read_in).map(str).to_list()
    assert caught.value is error
    assert any("source 1: generator" in note for note in error.__notes__)


def test_an_async_source_that_never_waits_holds_up_nobody(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(
        "flowlike.connectors.async_iterable.perf_counter", lambda: next(ticks) / 10_000
    )
    turns = []  # how far the source was whenever somebody else had a turn
    read = 0

    async def generator():
        nonlocal read
        for n in range(10_000):
            read = n + 1
            yield n

    async def main():
        loop = asyncio.get_running_loop()

        def turn():
            turns.append(read)
            if read < 10_000:
                loop.call_soon(turn)

        turn()
        report = await Flow.from_iterable(generator()).map(abs).arun()
        assert report.events_in == report.events_out == 10_000

    asyncio.run(main())
    assert max(after - before for before, after in itertools.pairwise(turns)) < 50


def test_an_async_source_that_raises():
    error = OSError("unplugged")

    async def generator():
        yield 1
        raise error

    with pytest.raises(OSError, match="unplugged") as caught:
        Flow.from_iterable(generator()).map(str).to_list()
    assert caught.value is error
    assert any("source" in note for note in error.__notes__)


def test_an_async_source_that_is_cancelled_by_somebody_else():
    async def generator():
        yield 1
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    for run in ("run", "to_list", "__iter__"):
        with pytest.raises(asyncio.CancelledError) as caught:
            list(getattr(Flow.from_iterable(generator()), run)())
        assert any("source 1" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("broken", ["__iter__", "__next__"])
def test_an_iterable_whose_methods_raise(broken):
    error = LookupError(broken)

    class Broken:
        def __iter__(self):
            if broken == "__iter__":
                raise error
            return self

        def __next__(self):
            raise error

    with pytest.raises(LookupError) as caught:
        Flow.from_iterable(Broken()).to_list()
    assert caught.value is error
