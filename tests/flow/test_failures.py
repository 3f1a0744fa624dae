"""What fails reaches the caller as it was raised, says where, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import numpy as np
import pytest
from contract import HERE, here_only

from flowlike import Flow, GlobalWindow


class Boom(Exception):
    pass


RAISED = []


def fails(*arguments):
    RAISED.append(Boom("boom"))
    raise RAISED[-1]


async def fails_later(*arguments):
    fails()


@pytest.fixture(autouse=True)
def nothing_raised():
    RAISED.clear()


def is_original(error, place):
    """Whether it is what was raised; from another process comes a copy."""
    return any(error is each for each in RAISED) if place == HERE else type(error) is Boom


EVERY = GlobalWindow().trigger_every(2)


def source(numbers):
    return Flow.from_iterable(numbers, stages=2)


def partitions(numbers, **options):
    return source(numbers).partition(stages=2, **options)


FLOWS = {
    "map": lambda n: source(n).map(fails),
    "flat_map": lambda n: source(n).flat_map(fails),
    "filter": lambda n: source(n).filter(fails),
    "reject": lambda n: source(n).reject(fails),
    "each": lambda n: source(n).each(fails),
    "map_values": lambda n: source(n).map(lambda n: (n, n)).map_values(fails),
    "map_batch": lambda n: source(n).map_batch(fails),
    "map awaited": lambda n: source(n).map(fails_later),
    "map awaited at once": lambda n: source(n).map(fails_later, concurrency=5),
    "map_batch awaited": lambda n: source(n).map_batch(fails_later),
    "map in threads": lambda n: source(n).map(fails, executor="threads"),
    "map in threads at once": lambda n: source(n).map(fails, executor="threads", concurrency=5),
    "map_batch in threads": lambda n: source(n).map_batch(fails, executor="threads"),
    "a second layer": lambda n: partitions(n).map(fails),
    "reduce": lambda n: partitions(n).reduce(list, fails),
    "init": lambda n: partitions(n).reduce(fails, max),
    "reduce_batch": lambda n: partitions(n).reduce_batch(list, fails),
    "reduce_batch awaited": lambda n: partitions(n).reduce_batch(list, fails_later),
    "emit_and_reduce": lambda n: partitions(n).emit_and_reduce(list, fails),
    "group_by": lambda n: partitions(n).group_by(fails),
    "count_by": lambda n: partitions(n).count_by(fails),
    "map_state": lambda n: partitions(n, window=EVERY).collect_batch().map_state(fails),
    "map_state awaited": lambda n: partitions(n, window=EVERY).count_by().map_state(fails_later),
    "each_state": lambda n: partitions(n, window=EVERY).collect_batch().each_state(fails),
    "on_trigger": lambda n: partitions(n, window=EVERY).collect_batch().on_trigger(fails),
}
UNNAMED = {
    "key": lambda n: partitions(n, key=fails).map(str),
    "hash": lambda n: partitions(n, hash=fails).map(str),
    "on_init": lambda n: partitions(n, on_init=fails).map(str),
}

RUNS = {
    "run": lambda flow: flow.run(),
    "to_list": lambda flow: flow.to_list(),
    "to_array": lambda flow: flow.to_array(),
    "for": list,
    "batches": lambda flow: list(flow.batches()),
    "arun": lambda flow: asyncio.run(flow.arun()),
    "start": lambda flow: asyncio.run(started(flow)),
    "async for": lambda flow: asyncio.run(iterated(flow)),
}


async def started(flow):
    try:
        async with flow.start() as running:
            await running.wait()
    finally:
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def iterated(flow):
    try:
        return [event async for event in flow]
    finally:
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("make", [*FLOWS, *UNNAMED])
def test_the_original_with_notes(run, make, numbers, place):
    endless = numbers()
    with pytest.raises(Boom, match="boom") as caught:
        RUNS[run]((FLOWS | UNNAMED)[make](endless))
    assert is_original(caught.value, place)
    assert endless.closed == 1
    notes = "\n".join(caught.value.__notes__)
    if make in FLOWS:
        operator = {"a second layer": "map", "init": "reduce"}.get(make, make.split()[0])
        assert f"in {operator}(" in notes
        assert "replica " in notes
    assert "layer " in notes or "source " in notes


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda flow: flow.map(fails), "in map(fails), replica 0 of 1, event 'x'"),
        (lambda flow: flow.map(fails_later), "in map(fails_later), replica 0 of 1, event 'x'"),
        (lambda flow: flow.filter(fails, executor="threads"), "in filter(fails), replica 0 of 1"),
        (lambda flow: flow.map_batch(fails), "in map_batch(fails), replica 0 of 1, a list of 1"),
        (lambda flow: flow.partition(key=fails, stages=2), "key=fails"),
        (lambda flow: flow.partition(hash=fails, stages=2), "in the hash of the partitions"),
        (lambda flow: flow.partition(key=fails, stages=2), "event 'x'"),
        (lambda flow: flow.partition(hash=fails, stages=2), "event 'x'"),
        (lambda flow: flow.shuffle(on_init=fails, stages=1), "on_init"),
    ],
)
def test_the_note_names_operator_replica_and_event(make, note, place):
    with pytest.raises(Boom) as caught:
        make(Flow.from_iterable(["x"], stages=1)).map(str).to_list()
    assert is_original(caught.value, place)
    assert any(note in each for each in caught.value.__notes__), caught.value.__notes__


def test_long_events_are_shortened():
    with pytest.raises(Boom) as caught:
        Flow.from_iterable(["x" * 10_000]).map(fails).run()
    notes = [note for note in caught.value.__notes__ if "traceback" not in note]
    assert max(map(len, notes)) < 300


@here_only("memory")
def test_of_several_failures_the_first_with_a_note_of_the_others():
    """Two callbacks fail as both are cancelled or awake: in any order, one of them is first."""
    first, second = ValueError("first"), ValueError("second")

    async def main():
        both = asyncio.Event()
        inside = []

        async def fail(n):
            inside.append(n)
            if len(inside) == 2:
                both.set()
            try:
                await both.wait()
                if n == 0:
                    raise first
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise second from None

        await Flow.from_iterable([0, 1], stages=2).map(fail).arun()

    with pytest.raises(ValueError, match="first") as caught:
        asyncio.run(main())
    assert caught.value is first
    assert any("second" in note for note in first.__notes__), first.__notes__


def test_a_source_that_cannot_close_is_a_note_on_what_came_before():
    def generator():
        try:
            yield from count()
        finally:
            raise OSError("cannot close")

    with pytest.raises(Boom) as caught:
        Flow.from_iterable(generator()).map(fails).run()
    assert any("cannot close" in note for note in caught.value.__notes__)


def test_the_cause_is_kept():
    def wrap(n):
        try:
            return 1 // n
        except ZeroDivisionError as error:
            raise ValueError("no") from error

    with pytest.raises(ValueError, match="no") as caught:
        Flow.from_iterable([0]).map(wrap).to_list()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError) as caught:
        Flow.from_iterable([0]).map(lambda n: 1 // n).to_list()
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


@here_only("memory")
def test_a_flow_that_has_failed_can_be_run_again():
    failing = [True]

    def sometimes(n):
        if failing:
            failing.clear()
            raise Boom("boom")
        return n

    flow = Flow.from_iterable(range(3)).map(sometimes)
    with pytest.raises(Boom):
        flow.to_list()
    assert flow.to_list() == [0, 1, 2]


def never_awaited():
    async def never(n):
        await asyncio.Event().wait()

    return never


STUCK = {
    "map": lambda flow: flow.map(never_awaited()),
    "concurrent": lambda flow: flow.map(never_awaited(), concurrency=10),
    "map_batch": lambda flow: flow.map_batch(never_awaited()),
    "map_state": lambda flow: flow.partition(window=EVERY).count_by().map_state(never_awaited()),
}


@pytest.mark.parametrize("run", ["run", "to_list", "to_array", "batches"])
@pytest.mark.parametrize("where", STUCK)
def test_a_timeout_ends_what_is_stuck(where, run, numbers):
    source = numbers()
    flow = STUCK[where](Flow.from_iterable(source))
    with pytest.raises(TimeoutError, match=r"did not end within 0\.05 s"):
        list(getattr(flow, run)(timeout=0.05))
    assert source.closed == 1


def test_a_timeout_ends_endless_work(numbers):
    source = numbers()
    with pytest.raises(TimeoutError):
        Flow.from_iterable(source).partition().count_by(lambda n: n % 10).run(timeout=0.05)
    assert source.closed == 1


def test_a_timeout_that_is_long_enough():
    assert Flow.from_iterable([1]).to_list(timeout=30) == [1]


def test_another_stage_fails_while_one_is_stuck(numbers):
    source = numbers()

    async def waits_for_ever(n):
        await asyncio.Event().wait()

    flow = Flow.from_iterable(source).map(waits_for_ever)

    def broken():
        yield 1
        raise Boom("boom")

    with pytest.raises(Boom):
        Flow.from_iterables([source, broken()]).map(waits_for_ever).run()
    assert source.closed == 1
    assert flow.explain()


@here_only("memory")
def test_threads_that_are_at_work_are_waited_for():
    began, threads = threading.Event(), []

    def works(n):
        threads.append(threading.current_thread())
        if n == 0:
            assert began.wait(20)
            raise Boom("boom")
        began.set()
        return n

    with pytest.raises(Boom):
        Flow.from_iterable(range(2), stages=2).map(works, executor="threads").run()
    assert not any(thread.is_alive() for thread in threads)


@here_only("memory")
async def test_calls_beside_the_one_that_fails_are_cancelled():
    began, cancelled = [], []

    async def call(n):
        began.append(n)
        try:
            if len(began) < 3:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        raise Boom("boom")

    flow = Flow.from_iterable(range(9), stages=1, max_demand=20)
    with pytest.raises(Boom):
        await flow.map(call, concurrency=3).arun()
    assert len(began) == 3
    assert sorted(cancelled) == began[:2]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@here_only("executor")
def test_an_executor_of_ones_own_survives_a_failure():
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            with pytest.raises(Boom):
                Flow.from_iterable(range(9)).map(fails, executor=pool, concurrency=3).run()
        assert pool.submit(abs, -1).result() == 1


@pytest.mark.parametrize("result", [None, 3, "text", np.array(3), {1: 2}])
@pytest.mark.parametrize("executor", [None, "threads"])
def test_map_batch_that_returns_no_batch(result, executor):
    flow = Flow.from_iterable([1]).map_batch(lambda batch: result, executor=executor)
    with pytest.raises(TypeError, match=r"map_batch.*must return a batch"):
        flow.run()


@pytest.mark.parametrize("result", [None, 3])
def test_flat_map_that_returns_no_iterable(result):
    with pytest.raises(TypeError, match="iterable"):
        Flow.from_iterable([1]).flat_map(lambda n: result).run()


@pytest.mark.parametrize("where", ["x", 1.5, 7])
def test_hash_that_returns_no_partition(where):
    with pytest.raises(ValueError, match=r"hash|partition"):
        Flow.from_iterable([1]).partition(hash=lambda n: where, stages=2).run()


def test_a_callback_that_swallows_its_cancellation(numbers):
    """It is cancelled at once, and what it does then is not waited for in vain."""
    source = numbers()

    async def stubborn(n):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return n

    with pytest.raises(TimeoutError):
        Flow.from_iterable(source).map(stubborn).run(timeout=0.05)
    assert source.closed == 1
