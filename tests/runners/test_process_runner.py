"""ProcessRunner: the same results as LocalRunner, from worker processes."""

import asyncio
import logging
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from flowlike import (
    Consumer,
    Flow,
    FlowBuildError,
    NodeLost,
    ProcessRunner,
    RemoteError,
)
from flowlike.flow.collectors import Ignore
from flowlike.native import logistic_map

KERNEL = logistic_map.bind(num=2, p=6_700_417, mu=22)


@pytest.fixture(scope="module")
def runner():
    """Two warm workers for all tests that do not need their own."""
    with ProcessRunner(2) as warm:
        yield warm


def numbers(count=100, **options):
    return Flow.from_iterable(range(count), **options)


class Sink(Consumer):
    def __init__(self):
        self.taken = []

    def handle_events(self, events, producer):
        self.taken.extend(events)


def test_replicas_live_in_all_workers(runner):
    pids = numbers(1000, max_demand=10).map(lambda n: os.getpid()).to_list(runner=runner)
    assert len(set(pids)) == 2
    assert os.getpid() not in pids


def test_a_chain_of_exchanges(runner):
    flow = numbers(10_000).map(lambda n: n % 100).partition(stages=3).count_by()
    flow = flow.partition(key=1, stages=4).group_by(lambda pair: pair[1], lambda pair: pair[0])
    assert [(count, sorted(keys)) for count, keys in flow.to_list(runner=runner)] == [
        (100, list(range(100)))
    ]


def test_words(runner):
    lines = ["to be or not to be", "that is the question"] * 500
    flow = Flow.from_iterable(lines).flat_map(str.split).partition().count_by()
    assert dict(flow.to_list(runner=runner)) == Counter(" ".join(lines).split())


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_arrays_stay_arrays(runner, stages):
    array = np.arange(300_000)
    flow = Flow.from_iterable(array).partition(stages=stages).map_batch(KERNEL)
    result = flow.to_array(runner=runner)
    assert result.dtype == np.int64
    assert sorted(result) == sorted(KERNEL(array))


def test_order_that_was_asked_for(runner):
    flow = numbers(50_000, ordered=True).map(lambda n: n * 2)
    assert flow.to_list(runner=runner) == list(range(0, 100_000, 2))


def test_the_report_adds_up(runner):
    flow = numbers(10_000).filter(lambda n: n % 2).partition(stages=3).reduce(int, int.__add__)
    report = flow.run(runner=runner)
    assert report.events_in == 10_000
    assert report.filtered == 5_000
    assert report.consumed == 5_000
    assert [stage.replica for stage in report.stages] == [0, 0, 1, 0, 1, 2]
    for stage in report.stages:
        assert stage.events_in + stage.produced == (
            stage.events_out
            + stage.filtered
            + stage.skipped
            + stage.late
            + stage.discarded
            + stage.consumed
        )


def test_an_exception_is_that_which_was_raised(runner):
    def fails(n):
        if n == 77:
            raise KeyError("seventy-seven")
        return n

    with pytest.raises(KeyError, match="seventy-seven") as caught:
        numbers().map(fails).partition().map(abs).run(runner=runner)
    notes = caught.value.__notes__
    assert any("in map(fails), replica" in note and "event 77" in note for note in notes)
    assert any("the traceback in the worker process" in note for note in notes)
    assert not any("after it" in note for note in notes)


def test_what_cannot_be_sent_is_refused_before_anything_is_read(runner):
    lock = threading.Lock()
    source = iter([1])
    flow = Flow.from_iterable(source).map(abs).partition(key=lambda n: lock)
    with pytest.raises(
        FlowBuildError, match=r"partition\(key=.*key cannot be sent there: lock, in"
    ):
        flow.count_by().run(runner=runner)
    assert next(source) == 1


def test_a_worker_that_dies(runner):
    flow = numbers(1000, max_demand=1).map(lambda n: n == 500 and os.kill(os.getpid(), 9))
    with pytest.raises(
        NodeLost, match=r"worker process \d .* SIGKILL .* with layer 1: map"
    ) as caught:
        flow.run(runner=runner)
    assert caught.value.status == -9
    assert numbers(3).to_list(runner=runner) == [0, 1, 2]
    assert sorted(numbers(3).map(abs).to_list(runner=runner)) == [0, 1, 2]


def test_a_function_that_does_not_return_does_not_hold_a_timeout(runner):
    with pytest.raises(TimeoutError, match=r"within 0\.1 s"):
        numbers().map(lambda n: threading.Event().wait()).run(runner=runner, timeout=0.1)
    assert sorted(numbers(3).map(abs).to_list(runner=runner)) == [0, 1, 2]


def test_leaving_a_loop_stops_the_flow(runner):
    for _ in range(3):
        for event in numbers(10**12).map(abs).batches(runner=runner):
            assert list(event)
            break


async def test_draining(runner):
    reading = asyncio.Event()

    async def source():
        for n in range(10**12):
            yield n
            if n == 1000:
                reading.set()

    flow = Flow.from_iterable(source()).map(abs).partition().count_by()
    async with flow.start(runner=runner) as running:
        await reading.wait()
        await running.stop()
    report = running.stats()
    assert report.consumed == report.events_in > 0


def test_failures_reach_a_stage_of_the_parent(runner):
    sink = Sink()
    result = numbers().map(lambda n: 1 // (n % 10), on_error=sink).to_list(runner=runner)
    assert len(result) == 90
    assert sorted(failure.event for failure in sink.taken) == list(range(0, 100, 10))


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_executors_are_those_of_the_workers(runner, executor):
    flow = numbers().map(lambda n: (n, os.getpid()), executor=executor)
    result = flow.to_list(runner=runner)
    assert sorted(n for n, _ in result) == list(range(100))
    assert os.getpid() not in {pid for _, pid in result}


def test_an_executor_of_the_users_is_refused(runner):
    with ThreadPoolExecutor(1) as pool:
        flow = numbers().map(abs, executor=pool)
        with pytest.raises(FlowBuildError, match=r"map\(abs\) .* executor cannot be sent"):
            flow.run(runner=runner)


def test_log_records_reach_the_handlers_here(runner, caplog):
    with caplog.at_level(logging.INFO):
        numbers(1).each(lambda n: logging.getLogger("mine").info("event %s", n)).run(runner=runner)
    assert [record.getMessage() for record in caplog.records] == ["event 0"]


def test_a_runner_that_keeps_nothing():
    assert sorted(numbers(10).map(abs).to_list(runner=ProcessRunner(3))) == list(range(10))


@pytest.mark.parametrize(
    ("workers", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (1.5, TypeError)]
)
def test_bad_numbers_of_workers(workers, error):
    with pytest.raises(error, match="workers"):
        ProcessRunner(workers)


def test_a_runner_is_entered_once(runner):
    with pytest.raises(RuntimeError, match="in a with block already"):
        runner.__enter__()


class Numbers:
    """Makes its events: it can be iterated again, and holds nothing."""

    def __init__(self, start, stop):
        self.start, self.stop = start, stop

    def __iter__(self):
        for n in range(self.start, self.stop):
            yield n, os.getpid()


class AsyncNumbers(Numbers):
    __iter__ = None

    async def __aiter__(self):
        for n in range(self.start, self.stop):
            yield n, os.getpid()


@pytest.mark.parametrize("kind", [Numbers, AsyncNumbers])
def test_sources_that_make_their_events_are_read_in_the_workers(runner, kind):
    flow = Flow.from_iterables([kind(0, 100), kind(100, 200)]).map(lambda pair: pair)
    result = flow.to_list(runner=runner)
    assert sorted(n for n, _ in result) == list(range(200))
    assert len({pid for _, pid in result} - {os.getpid()}) == 2


def test_a_source_that_cannot_be_sent_is_read_here(runner):
    source = Numbers(0, 10)
    source.lock = threading.Lock()
    result = Flow.from_iterable(source).map(lambda pair: pair).to_list(runner=runner)
    assert {pid for _, pid in result} == {os.getpid()}


def test_a_source_that_fails_in_a_worker(runner):
    class Fails(Numbers):
        def __iter__(self):
            yield 1
            raise OSError("no such server")

    with pytest.raises(OSError, match="no such server"):
        Flow.from_iterable(Fails(0, 1)).map(abs).run(runner=runner)


def test_a_source_in_a_worker_is_closed(runner, tmp_path):
    class Endless(Numbers):
        def __iter__(self):
            try:
                while True:
                    yield 1
            finally:
                (tmp_path / "closed").touch()

    for event in Flow.from_iterable(Endless(0, 0)).map(abs).batches(runner=runner):
        assert event[0] == 1
        break
    assert (tmp_path / "closed").exists()


def test_what_nobody_wants_does_not_come_here(runner, monkeypatch):
    came = []
    monkeypatch.setattr(Ignore, "handle_events", lambda self, events, producer: came.append(events))
    report = numbers(1000).map(lambda n: n + 1).run(runner=runner)
    assert (report.events_in, report.events_out) == (1000, 1000)
    assert came == []


def test_the_plan_for_a_runner():
    flow = numbers().map(abs).partition(stages=3).count_by()
    assert "in     1 stage\n" in flow.explain()
    plan = flow.explain(runner=ProcessRunner(2))
    assert "in     2 stages in 2 worker processes\n" in plan
    assert "in     3 stages in 2 worker processes\n" in plan
    assert "2 worker processes" in flow.graph(runner=ProcessRunner(2)).svg
    with pytest.raises(TypeError, match="runner must be a runner"):
        flow.explain(runner=ProcessRunner)


class Particular(Exception):
    """Cannot be made from its text alone, as pickle does it."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def test_a_failure_with_an_exception_that_cannot_be_pickled_reaches_a_stage(runner):
    def fails(n):
        raise Particular(n, "that") if n else ValueError(threading.Lock())

    sink = Sink()
    assert numbers(2).map(fails, on_error=sink).to_list(runner=runner) == []
    first, second = sorted(sink.taken, key=lambda failure: failure.event)
    assert isinstance(first.exception, RemoteError)
    assert first.exception.kind == "ValueError"
    assert isinstance(second.exception, RemoteError)
    assert second.exception.text == "1 and that"
    assert (second.operator, second.event, second.attempt) == ("map(fails)", 1, 1)


def test_workers_have_the_environment_and_the_arguments_of_now(runner, monkeypatch):
    flow = numbers(1).map(lambda n: (os.environ.get("FLOWLIKE_TEST"), sys.argv))
    for value in ("one", "two"):
        monkeypatch.setenv("FLOWLIKE_TEST", value)
        monkeypatch.setattr(sys, "argv", ["program", value])
        assert flow.to_list(runner=runner) == [(value, ["program", value])]
    monkeypatch.delenv("FLOWLIKE_TEST")
    assert flow.to_list(runner=runner)[0][0] is None
