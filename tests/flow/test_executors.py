"""Where functions run, how many at once, and that nothing else changes by it."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow
from flowlike.native import logistic_map

KERNEL = logistic_map.bind(num=2, p=6_700_417, mu=22)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3, thread_name_prefix="own") as pool:
        yield pool


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    # Not forked: this process has threads.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(abs, 1).result()  # its own thread is there before a test counts them
        yield pool


class Inline(Executor):
    """Runs what is submitted at once, and counts it."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, function, /, *arguments, **keywords):
        self.calls += 1
        future: Future = Future()
        try:
            future.set_result(function(*arguments, **keywords))
        except BaseException as error:  # noqa: BLE001 - as every executor does
            future.set_exception(error)
        return future


def here(event):
    return threading.current_thread()


@here_only("executor")
def test_the_event_loop_by_default():
    flow = Flow.from_iterable(range(100)).map(here)
    assert set(flow.to_list()) == {threading.current_thread()}


@here_only("executor")
def test_the_threads_of_the_run():
    seen = set(Flow.from_iterable(range(100), stages=2).map(here, executor="threads").to_list())
    assert threading.current_thread() not in seen
    assert all(thread.name.startswith("flowlike") for thread in seen)
    assert not any(thread.is_alive() for thread in seen)


@here_only("executor")
def test_an_executor_of_ones_own_stays_open(threads):
    for _ in range(2):
        seen = Flow.from_iterable(range(100)).map(here, executor=threads).to_list()
        assert all(thread.name.startswith("own") for thread in seen)
    assert threads.submit(abs, -1).result() == 1


@here_only("executor")
@pytest.mark.parametrize("operator", ["map", "flat_map", "filter", "map_batch"])
def test_the_executor_of_the_layer_is_every_operators(operator, threads):
    names = set()

    def note(argument):
        names.add(threading.current_thread().name[:3])
        return [argument] if operator == "flat_map" else argument

    flow = Flow.from_iterable(range(1, 100), executor=threads)
    assert sorted(getattr(flow, operator)(note).to_list()) == list(range(1, 100))
    assert names == {"own"}


@here_only("executor")
def test_the_operators_own_choice_wins(threads):
    names = Flow.from_iterable(range(9), executor=threads).map(here, executor="threads").to_list()
    assert all(thread.name.startswith("flowlike") for thread in names)


@here_only("executor")
def test_reduces_and_states_in_threads(threads):
    names = set()

    def note(*arguments):
        names.add(threading.current_thread().name[:3])
        return sum(arguments[-1])

    flow = Flow.from_iterable(range(10)).partition(stages=1)
    reduced = flow.reduce_batch(int, lambda acc, batch: acc + note(batch), executor=threads)
    assert reduced.emit("state").to_list() == [45]
    assert names == {"own"}
    names.clear()
    mapped = flow.collect_batch().map_state(note, executor=threads).emit("state")
    assert mapped.to_list() == [45]
    assert names == {"own"}


@here_only("executor")
def test_processes_of_ones_own(processes):
    flow = Flow.from_iterable(range(100), stages=2)
    assert sorted(flow.map(math.factorial, executor=processes).to_list()) == sorted(
        map(math.factorial, range(100))
    )
    # A function that every process knows; the event says what is to be found out there.
    pids = Flow.from_iterable(["__import__('os').getpid()"] * 20).map(eval, executor=processes)  # noqa: S307
    assert os.getpid() not in pids.to_list()


@here_only("executor")
def test_processes_at_every_operator(processes):
    flow = Flow.from_iterable(["a b", "", "c"], stages=1, executor=processes)
    assert flow.filter(bool).flat_map(str.split).map(str.upper).to_list() == ["A", "B", "C"]
    roots = Flow.from_iterable(np.arange(4.0), stages=1).map_batch(np.sqrt, executor=processes)
    assert roots.to_array().tolist() == np.sqrt(np.arange(4.0)).tolist()
    total = Flow.from_iterable(range(10)).partition(stages=1).collect_batch()
    assert total.map_state(sum, executor=processes).emit("state").to_list() == [45]


@here_only("executor")
def test_a_failure_in_a_process(processes):
    with pytest.raises(ValueError, match="invalid literal") as caught:
        Flow.from_iterable(["1", "x"], stages=1).map(int, executor=processes).to_list()
    assert any("map(int), replica 0 of 1, event 'x'" in note for note in caught.value.__notes__)


@here_only("executor")
def test_what_cannot_be_pickled(processes):
    with pytest.raises(Exception, match="pickle") as caught:
        Flow.from_iterable([1]).map(lambda n: n, executor=processes).to_list()
    assert any("map(<lambda>)" in note for note in caught.value.__notes__)


@here_only("executor")
def test_any_executor():
    inline = Inline()
    assert Flow.from_iterable(range(5), stages=1).map(str, executor=inline).to_list() == list(
        "01234"
    )
    assert inline.calls >= 1
    with pytest.raises(ZeroDivisionError):
        Flow.from_iterable([0]).map(lambda n: 1 // n, executor=inline).run()


@here_only("executor")
def test_an_executor_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shutdown") as caught:
        Flow.from_iterable([1]).map(str, executor=pool).run()
    assert any("map(str)" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("stages", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_kernels_in_threads_by_themselves(stages, size):
    array = np.arange(size)
    flow = Flow.from_iterable(array, stages=stages).map_batch(KERNEL)
    assert np.sort(flow.to_array()).tolist() == np.sort(KERNEL(array)).tolist()


@pytest.mark.parametrize("executor", [None, "threads"])
def test_functions_around_a_kernel(executor):
    flow = Flow.from_iterable(np.arange(1000), stages=1, executor=executor)
    result = flow.map_batch(np.negative).map_batch(KERNEL).map_batch(np.abs).to_array()
    assert result.tolist() == np.abs(KERNEL(-np.arange(1000))).tolist()


@here_only("memory")
@pytest.mark.parametrize("executor", [None, "threads"])
@pytest.mark.parametrize("concurrency", [1, 3, 100])
def test_calls_at_once_keep_the_order(executor, concurrency, at_once):
    """Every call waits until as many are inside as may be: fewer at once would stand still."""
    together = min(concurrency, 12)
    calls = []

    if executor is None:
        barrier = asyncio.Condition()

        async def call(n):
            with at_once:
                calls.append(n)
                async with barrier:
                    barrier.notify_all()
                    await barrier.wait_for(lambda: at_once.most >= together)
            return -n
    else:
        gate = threading.Condition()

        def call(n):
            with at_once:
                calls.append(n)
                with gate:
                    gate.notify_all()
                    assert gate.wait_for(lambda: at_once.most >= together, 20)
            return -n

    # One batch of all twelve: the demand is a number.
    flow = Flow.from_iterable(range(12), stages=1, max_demand=24)
    mapped = flow.map(call, concurrency=concurrency, executor=executor)
    assert mapped.to_list() == [-n for n in range(12)]
    assert at_once.most == together
    assert sorted(calls) == list(range(12))


@pytest.mark.parametrize("operator", ["filter", "reject", "flat_map", "each"])
@pytest.mark.parametrize("executor", [None, "threads"])
def test_other_operators_at_once(operator, executor):
    def plain(n):
        return [n, n] if operator == "flat_map" else n % 2

    async def awaited(n):
        return plain(n)

    flow = Flow.from_iterable(range(50), stages=1, executor=executor)
    found = getattr(flow, operator)(plain if executor else awaited, concurrency=5).to_list()
    assert (
        found
        == {
            "filter": list(range(1, 50, 2)),
            "reject": list(range(0, 50, 2)),
            "flat_map": [n for n in range(50) for _ in range(2)],
            "each": list(range(50)),
        }[operator]
    )


def test_coroutine_functions_wherever_they_are_awaited():
    async def state(value):
        return value

    async def reduced(acc, batch):
        return acc + sum(batch)

    async def triggered(value):
        return [value], value

    flow = Flow.from_iterable(range(4), stages=1).map(state).map_batch(state)
    flow = flow.partition(stages=1)
    assert flow.collect_batch().map_state(state).each_state(state).to_list() == [0, 1, 2, 3]
    assert flow.reduce_batch(int, reduced).emit("state").to_list() == [6]
    assert flow.collect_batch().on_trigger(triggered).to_list() == [[0, 1, 2, 3]]
    pairs = Flow.from_iterable([("a", 1)]).map_values(state)
    assert pairs.to_list() == [("a", 1)]


def test_partials_and_callable_objects_that_are_awaited():
    async def add(m, n):
        return m + n

    class Add:
        async def __call__(self, n):
            return n + 10

    assert Flow.from_iterable([1]).map(partial(add, 5)).map(Add()).to_list() == [16]


@here_only("memory")
@pytest.mark.parametrize("executor", ["threads", None])
def test_a_replicas_state_is_touched_by_one_call_at_a_time(executor, at_once):
    def reduced(acc, batch):
        with at_once:
            acc.extend(batch)
        return acc

    flow = Flow.from_iterable(range(5000), max_demand=10).partition(stages=1, max_demand=10)
    states = flow.reduce_batch(list, reduced, executor=executor).emit("state").to_list()
    assert [sorted(state) for state in states] == [list(range(5000))]
    assert at_once.most == 1


@here_only("memory")
def test_slow_events_spread_over_the_replicas(at_once):
    """Four replicas work at the same time, or none of them goes on."""
    gate = threading.Condition()

    def slow(n):
        with at_once, gate:
            gate.notify_all()
            assert gate.wait_for(lambda: at_once.most >= 4, 20)

    Flow.from_iterable(range(8), stages=4).map(slow, executor="threads").run()
    assert at_once.most == 4
