"""Failures in running flows: waiting without blocking, stages that take them, every executor."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from contract import here_only, interleaved, run

from flowlike import Consumer, Failure, Flow, Producer, Retry, StageGroup, StageStopped
from flowlike.testing import ProbeConsumer


class Odd(Exception):
    pass


def even(n):
    if n % 2:
        raise Odd(n)
    return n


class Quarantine(Consumer[Failure]):
    def __init__(self):
        self.events = []
        self.ended = 0
        self.arrived = asyncio.Event()

    def handle_events(self, failures, producer):
        self.arrived.set()
        self.events += [failure.event for failure in failures]

    def on_stop(self, reason):
        self.ended += 1


class BrokenStage(Producer[int]):
    def handle_demand(self, demand):
        raise Odd("source")


def failing(times):
    """A coroutine function that fails so many times for each event, and when it was called."""
    calls = []

    async def function(n):
        calls.append((asyncio.get_running_loop().time(), n))
        if [each for _, each in calls].count(n) <= times:
            raise Odd(n)
        return n

    return function, calls


@here_only("clock")
@pytest.mark.parametrize("concurrency", [1, 2])
def test_waiting_takes_time_and_blocks_nobody(concurrency):
    """Two replicas, one event each: both wait their three seconds at the same time."""
    function, calls = failing(2)
    flow = Flow.from_iterable([1, 2], stages=2, max_demand=1)
    policy = Retry(2, wait=lambda attempt: attempt)
    flow = flow.map(function, concurrency=concurrency, on_error=policy)

    async def main():
        events = [event async for event in flow]
        return events, asyncio.get_running_loop().time()

    events, ended = run(main())
    assert sorted(events) == [1, 2]
    assert ended == 3.0
    assert sorted(calls) == [(0, 1), (0, 2), (1, 1), (1, 2), (3, 1), (3, 2)]


@here_only("clock")
def test_a_plain_function_waits_in_its_replica_alone():
    calls = []

    def function(n):
        calls.append(n)
        if calls.count(n) < 2:
            raise Odd(n)
        return n

    async def main():
        loop = asyncio.get_running_loop()
        beats = []
        for second in range(21):
            loop.call_later(second + 0.5, beats.append, second)
        flow = Flow.from_iterable([1, 2, 3], stages=1).map(function, on_error=Retry(1, wait=7))
        return await collected(flow), loop.time(), len(beats)

    assert run(main()) == ([1, 2, 3], 21.0, 21)
    assert calls == [1, 1, 2, 2, 3, 3]


@here_only("clock")
def test_with_concurrency_others_go_on_while_one_waits():
    async def function(n):
        calls.append(n)
        if n == 0 and calls.count(0) < 2:
            raise Odd(n)
        return n

    calls = []
    flow = Flow.from_iterable(range(6), stages=1, max_demand=6, min_demand=0)
    flow = flow.map(function, concurrency=2, on_error=Retry(1, wait=60))
    events = run(collected(flow))
    assert events == list(range(6))
    assert calls[-1] == 0


async def collected(flow):
    return [event async for event in flow]


@here_only("executor")
@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(2), lambda: ProcessPoolExecutor(1)])
def test_executors(make, concurrency):
    failures = []
    with make() as pool:
        flow = Flow.from_iterable(np.arange(20), stages=1)
        policy = Retry(1, then=failures.append)
        flow = flow.map(even, executor=pool, concurrency=concurrency, on_error=policy)
        assert flow.to_list() == list(range(0, 20, 2))
        assert [failure.event for failure in failures] == list(range(1, 20, 2))
        assert all(isinstance(failure.exception, Odd) for failure in failures)
        assert {failure.attempt for failure in failures} == {2}


@here_only("executor")
def test_what_fails_outside_of_the_function_stops():
    with ProcessPoolExecutor(1) as pool:
        flow = Flow.from_iterable([lambda: None]).map(str, executor=pool, on_error="skip")
        with pytest.raises(Exception, match="pickle") as caught:
            flow.run()
    assert any("in map(str), replica" in note for note in caught.value.__notes__)


@interleaved(10)
async def test_a_consumer_gets_the_failures():
    quarantine = Quarantine()
    flow = Flow.from_iterable(range(100), stages=2, max_demand=3).map(even, on_error=quarantine)
    flow = (
        flow.partition(stages=2)
        .map(lambda n: n // 2)
        .each(even, on_error=Retry(1, then=quarantine))
    )
    report = await flow.arun()
    assert sorted(quarantine.events) == sorted([*range(1, 100, 2), *range(1, 50, 2)])
    assert (report.skipped, report.retried) == (75, 25)
    assert quarantine.ended == 1


@here_only("clock")
def test_a_consumer_takes_its_time():
    """Demand for one failure at a time: the operator waits."""

    async def main():
        async with StageGroup() as group:
            probe = ProbeConsumer()
            sink = await group.start(probe)
            done = []
            flow = Flow.from_iterable(range(1, 10, 2), stages=1).map(
                lambda n: done.append(n) or even(n), on_error=sink
            )
            async with flow.start() as running:
                await probe.expect_nothing()
                assert len(done) == 1
                for n in range(1, 10, 2):
                    probe.ask(1)
                    [failure] = await probe.take(1)
                    assert failure.event == n
                await running.wait()
            assert len(done) == 5

    run(main())


def test_a_consumer_that_has_ended_is_no_place_for_failures():
    class Few(Quarantine):
        def handle_events(self, failures, producer):
            super().handle_events(failures, producer)
            self.finish()

    few = Few()
    flow = Flow.from_iterable([1, 2, 3, 5], stages=1, max_demand=1).map(even, on_error=few)
    with pytest.raises(StageStopped, match="Few, the on_error of an operator, has ended"):
        flow.run()
    assert few.ended == 1


def test_a_consumer_that_fails_stops_the_flow():
    class Broken(Quarantine):
        def handle_events(self, failures, producer):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Flow.from_iterable(range(9)).map(even, on_error=Broken()).run()


def test_a_flow_with_a_consumer_runs_again():
    quarantine = Quarantine()
    flow = Flow.from_iterable([1, 2]).map(even, on_error=quarantine)
    assert flow.to_list() == flow.to_list() == [2]
    assert quarantine.events == [1, 1]
    assert quarantine.ended == 2


def test_draining_ends_the_consumer():
    async def main():
        quarantine = Quarantine()
        flow = Flow.from_iterable(iter(int, 1), max_demand=4)
        async with flow.map(lambda n: 1 // n, on_error=quarantine).start() as running:
            await quarantine.arrived.wait()
            await running.stop(drain=True)
            report = await running.wait()
        assert len(quarantine.events) == report.skipped == report.events_in > 0
        assert quarantine.ended == 1

    run(main())


@here_only("clock")
def test_a_timeout_ends_a_wait():
    flow = Flow.from_iterable([1]).map(even, on_error=Retry(1, wait=3600))

    async def main():
        with pytest.raises(TimeoutError):
            await flow.arun(timeout=5)
        return asyncio.get_running_loop().time()

    assert run(main()) == 5


@pytest.mark.parametrize("kind", ["generator", "thread", "async", "stages", "close"])
@pytest.mark.parametrize("run", ["run", "to_list"])
def test_a_failing_source_is_never_a_normal_end(kind, run):
    """Whatever the operators forgive: who reads the source did not reach its end."""

    def broken():
        yield from range(3)
        raise Odd("source")

    async def broken_later():
        for n in range(3):
            yield n
        raise Odd("source")

    def unclosable():
        try:
            yield from range(3)
        finally:
            raise Odd("source")

    sources = {
        "generator": lambda: Flow.from_iterable(broken()),
        "thread": lambda: Flow.from_iterable(broken(), read_in="thread"),
        "async": lambda: Flow.from_iterable(broken_later()),
        "stages": lambda: Flow.from_stages([BrokenStage()]),
        "close": lambda: Flow.from_iterable(unclosable()),
    }
    flow = sources[kind]().map(abs, on_error="skip").map(abs, on_error=Retry(3, then="skip"))
    with pytest.raises(Odd, match="source"):
        getattr(flow, run)()


@here_only("builds")
def test_what_explain_and_errors_call_it():
    with pytest.raises(ValueError, match='map\'s on_error must be "stop", "skip", a Retry'):
        Flow.from_iterable([1]).map(str, on_error="ignore")
    with pytest.raises(TypeError, match=r"on_error must be .*, a Consumer or a StageRef, not <"):
        Flow.from_iterable([1]).map(str, on_error=BrokenStage())
    with pytest.raises(TypeError, match="not the class Quarantine"):
        Flow.from_iterable([1]).map(str, on_error=Quarantine)


@here_only("clock")
@pytest.mark.parametrize(("wait", "ended", "skipped"), [(4, 4, 1), (60, 5, 0)])
def test_leaving_waits_for_a_try_but_not_for_ever(wait, ended, skipped, caplog):
    async def main():
        began = asyncio.Event()

        def fails(n):
            began.set()
            raise Odd(n)

        flow = Flow.from_iterable([1]).map(fails, on_error=Retry(1, wait=wait, then="skip"))
        async with flow.start() as running:
            await began.wait()
        return asyncio.get_running_loop().time(), running.stats().skipped

    assert run(main()) == (ended, skipped)
    assert ("it is cancelled" in caplog.text) == (not skipped)
