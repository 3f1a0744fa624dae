"""executor="processes": functions in worker processes, and the same results."""

import functools
import itertools
import logging
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from flowlike import Flow, FlowBuildError, LocalRunner, Retry
from flowlike.flow.planner import cpus
from flowlike.native import logistic_map

KERNEL = logistic_map.bind(num=2, p=6_700_417, mu=22)


@pytest.fixture(scope="module")
def runner():
    """One set of workers for all tests that do not need their own."""
    with LocalRunner() as warm:
        yield warm


@pytest.fixture(autouse=True)
def nothing_left():
    """The workers of this file outlive its tests."""


def numbers(count=100, stages=1, **options):
    return Flow.from_iterable(range(count), stages=stages, **options)


class Times:
    def __init__(self, factor):
        self.factor = factor

    def of(self, n):
        return n * self.factor

    def __call__(self, n):
        return n * self.factor


def closing_over(factor):
    return lambda n: n * factor


@pytest.mark.parametrize(
    "function",
    [
        lambda n: n * 3,
        Times(3),
        Times(3).of,
        functools.partial(int.__mul__, 3),
        closing_over(3),
    ],
)
@pytest.mark.parametrize("options", [{}, {"concurrency": 4}, {"on_error": "skip"}])
def test_any_function_runs_there_and_a_single_replica_keeps_the_order(runner, function, options):
    flow = numbers(1000).map(function, executor="processes", **options)
    assert flow.to_list(runner=runner) == [3 * n for n in range(1000)]


def test_it_is_another_process(runner):
    pids = set(
        numbers(4, stages=2).map(lambda n: os.getpid(), executor="processes").to_list(runner=runner)
    )
    assert pids
    assert os.getpid() not in pids


def test_one_replica_gives_work_to_all_workers(runner):
    flow = numbers(10_000).map(lambda n: os.getpid(), executor="processes")
    assert len(set(flow.to_list(runner=runner))) == cpus()


def test_every_operator_that_can_be_sent(runner):
    flow = (
        numbers(1000, executor="processes")
        .flat_map(lambda n: [n, -n])
        .filter(lambda n: n % 2)
        .reject(lambda n: n % 3)
        .map(lambda n: (n % 5, n))
        .map_values(lambda n: n + 1)
        .map_batch(lambda batch: batch[::-1])
        .each(lambda pair: None)
    )
    plain = [(n % 5, n + 1) for m in range(1000) for n in (m, -m) if n % 2 and not n % 3]
    assert sorted(flow.to_list(runner=runner)) == sorted(plain)
    report = flow.run(runner=runner)
    assert report.events_out == len(plain)


def test_the_counts_of_a_divided_batch_add_up(runner):
    flow = numbers(999).filter(lambda n: n % 3, executor="processes")
    report = flow.run(runner=runner)
    assert (report.events_in, report.filtered, report.events_out) == (999, 333, 666)


def test_states(runner):
    def add(state, batch):
        return state + sum(batch)

    flow = numbers(1000).partition(stages=1).reduce_batch(int, add, executor="processes")
    assert flow.emit("state").to_list(runner=runner) == [499500]
    collected = numbers(100).partition(stages=1).collect_batch()
    assert collected.map_state(sum, executor="processes").emit("state").to_list(runner=runner) == [
        4950
    ]


def test_arrays_stay_arrays_and_can_be_written(runner):
    def negate(batch):
        batch *= -1
        return batch

    array = np.arange(200_000)
    flow = Flow.from_iterable(array.copy(), stages=1).map_batch(negate, executor="processes")
    assert flow.to_array(runner=runner).tolist() == (-array).tolist()


def test_a_coroutine_function_of_the_layer_stays_in_the_loop(runner):
    async def here(n):
        return os.getpid()

    flow = numbers(5, executor="processes").map(here).map(lambda pid: (pid, os.getpid()))
    for pid, other in flow.to_list(runner=runner):
        assert pid == os.getpid() != other


def test_what_cannot_be_sent_is_refused_before_anything_is_read(runner):
    lock = threading.Lock()
    read = []

    def source():
        read.append(1)
        yield 1

    flow = Flow.from_iterable(source(), stages=1).map(lambda n: lock, executor="processes")
    with pytest.raises(FlowBuildError, match=r"map\(<lambda>\) .* lock, in the closure of .* lock"):
        flow.run(runner=runner)
    assert not read


def test_a_kernel_of_flowlike_runs_there(runner):
    flow = Flow.from_iterable(np.arange(100), stages=1).map_batch(KERNEL, executor="processes")
    assert flow.to_array(runner=runner).tolist() == KERNEL(np.arange(100)).tolist()


class Own(Exception):
    pass


class Picky(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


def test_an_exception_arrives_as_it_was_raised_with_where_it_was(runner):
    def fails(n):
        if n == 77:
            raise KeyError("no", n)
        return n

    with pytest.raises(KeyError) as caught:
        numbers().map(fails, executor="processes").run(runner=runner)
    assert caught.value.args == ("no", 77)
    notes = "\n".join(caught.value.__notes__)
    assert "in map(" in notes
    assert "replica 0 of 1, event 77" in notes
    assert 'raise KeyError("no", n)' in notes


@pytest.mark.parametrize("options", [{}, {"concurrency": 3}, {"on_error": Retry(times=1)}])
def test_an_exception_that_cannot_cross_is_described(runner, options):
    from flowlike import RemoteError  # noqa: PLC0415

    def fails(n):
        raise Picky(3, "no")

    with pytest.raises(RemoteError, match=r"Picky: 3: no"):
        numbers(3).map(fails, executor="processes", **options).run(runner=runner)


def test_a_result_that_cannot_cross_says_so(runner):
    with pytest.raises(TypeError, match="generator") as caught:
        numbers(3).map(lambda n: (m for m in ()), executor="processes").run(runner=runner)
    assert any("while the result was pickled" in note for note in caught.value.__notes__)
    assert any("in map(" in note for note in caught.value.__notes__)


def test_an_argument_that_cannot_cross_says_so(runner):
    locks = Flow.from_iterable([threading.Lock()], stages=1)
    with pytest.raises(TypeError, match="lock") as caught:
        locks.map(lambda lock: 1, executor="processes").run(runner=runner)
    assert any("in map(" in note for note in caught.value.__notes__)
    assert numbers(3).map(str, executor="processes").to_list(runner=runner) == ["0", "1", "2"]


def test_failures_under_a_policy(runner):
    failures = []
    fails = {3, 50}

    def sometimes(n):
        if n in fails:
            raise Own(n)
        return n

    flow = numbers().map(sometimes, executor="processes", on_error=failures.append)
    assert flow.to_list(runner=runner) == [n for n in range(100) if n not in fails]
    assert [failure.event for failure in failures] == [3, 50]
    assert all(type(failure.exception) is Own for failure in failures)


def test_tries_again_in_a_worker(runner, tmp_path):
    mark = str(tmp_path / "mark")

    def second_time(n):
        try:
            os.mkdir(mark)  # noqa: PTH102
        except FileExistsError:
            return n
        raise OSError("not yet")

    flow = numbers(1).map(second_time, executor="processes", on_error=Retry(times=3))
    assert flow.run(runner=runner).retried == 1
    assert flow.to_list(runner=runner) == [0]


def test_log_records_reach_the_handlers_here(runner, caplog):
    def logs(n):
        log = logging.getLogger("of.a.worker")
        log.warning("event %d", n)
        log.debug("not wanted")
        try:
            raise ValueError("traced")
        except ValueError:
            log.exception("failed")
        return n

    with caplog.at_level(logging.INFO):
        numbers(1).map(logs, executor="processes").run(runner=runner)
    warning, error = [record for record in caplog.records if record.name == "of.a.worker"]
    assert (warning.getMessage(), warning.levelname) == ("event 0", "WARNING")
    assert warning.process != os.getpid()
    assert "ValueError: traced" in error.getMessage()


def test_a_record_that_cannot_be_read_here_is_no_result(runner, caplog):
    class Odd:
        def __reduce__(self):
            return (int, ("no number",))

    def logs(n):
        logging.getLogger("of.a.worker").warning("odd", extra={"odd": Odd()})
        return n

    assert numbers(3).map(logs, executor="processes").to_list(runner=runner) == [0, 1, 2]
    assert "cannot be read here" in caplog.text


def test_an_early_exit_from_a_loop(runner):
    flow = Flow.from_iterable(itertools.repeat(0), stages=1).map(lambda n: n, executor="processes")
    for event in flow.batches(runner=runner):
        assert event
        break


def test_a_call_that_does_not_end_does_not_hold_a_timeout(runner):
    with pytest.raises(TimeoutError):
        numbers(1).map(lambda n: threading.Event().wait(), executor="processes").run(
            runner=runner, timeout=0.01
        )
    assert numbers(1).map(str, executor="processes").to_list(runner=runner) == ["0"]


async def test_draining_and_stopping():
    flow = Flow.from_iterable(itertools.repeat(0), stages=2)
    flow = flow.map(lambda n: n, executor="processes")
    async with flow.start() as running:
        pass
    assert running.stats().events_in == running.stats().events_out
    async with (
        numbers(1).map(lambda n: threading.Event().wait(), executor="processes").start() as running
    ):
        await running.stop(drain=False)


def test_two_runs_at_once_have_workers_of_their_own(runner):
    def inner(n):
        return n + sum(numbers(3).map(lambda m: m, executor="processes").to_list(runner=runner))

    assert numbers(2).map(inner).map(str, executor="processes").to_list(runner=runner) == ["3", "4"]


def test_explain_says_where_it_runs():
    assert "processes map(str)" in numbers().map(str, executor="processes").explain()


def test_a_runner_is_entered_once():
    with LocalRunner() as warm, pytest.raises(RuntimeError, match="in a with block already"):
        warm.__enter__()


def test_instances_of_a_class_of_the_script_cross_with_their_class(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass, replace
            from flowlike import Flow, ProcessRunner

            @dataclass(frozen=True)
            class Row:
                user: str
                size: int

            rows = [Row(f"u{n % 7}", n) for n in range(5000)]
            flow = Flow.from_iterable(rows).map(lambda row: replace(row, size=row.size + 1))
            flow = flow.partition(key="user").map(lambda row: row)
            result = flow.to_list(runner=ProcessRunner(2))
            assert all(type(row) is Row for row in result)
            assert sorted(row.size for row in result) == list(range(1, 5001))
            print("ok")
            """
        )
    )
    command = [sys.executable, str(script)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "ok\n"
