"""What becomes of an event whose function raises, as plain generators: no loop, no waiting."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import pytest

from flowlike import Failure, Retry
from flowlike.operators import (
    CountBy,
    Each,
    Emit,
    Filter,
    FlatMap,
    Layer,
    Map,
    MapBatch,
    MapValues,
    Reduce,
    ReduceBatch,
    Reject,
    compile_program,
    run_inline,
)


class Odd(Exception):
    pass


def even(n):
    if n % 2:
        raise Odd(n)
    return n


async def even_later(n):
    return even(n)


def even_batch(batch):
    return [even(n) for n in batch]


def two(n):
    yield n
    yield even(n)


PER_EVENT = {
    "map": (Map, even, [0, 2, 4]),
    "flat_map": (FlatMap, two, [0, 0, 2, 2, 4, 4]),
    "filter": (Filter, even, [2, 4]),
    "reject": (Reject, even, [0]),
    "each": (Each, even, [0, 2, 4]),
}


class FailsAtFirst:
    """Raises for each event as often as it is told to, then gives it back."""

    def __init__(self, times):
        self.times = times
        self.calls = []

    def __call__(self, n):
        self.calls.append(n)
        if self.calls.count(n) <= self.times:
            raise Odd(n)
        return n


@pytest.mark.parametrize("executor", [None, "threads"])
@pytest.mark.parametrize("kind", PER_EVENT)
def test_skip(kind, executor, layer, events):
    operator, function, expected = PER_EVENT[kind]
    described = layer(operator(function, executor=executor, on_error="skip"))
    assert events(described, [range(6)]) == expected
    assert events(described, [np.arange(6)]) == expected
    assert events(described, [[1], [0, 1], list(range(2, 6))]) == expected


@pytest.mark.parametrize("concurrency", [1, 3])
def test_coroutine_functions(layer, events, concurrency):
    described = layer(Map(even_later, concurrency, on_error="skip"), Map(str))
    assert events(described, [range(6)]) == ["0", "2", "4"]


def test_pairs(layer, events):
    pairs = [("a", 0), ("b", 1), "no pair", ("c", 2)]
    assert events(layer(MapValues(even, on_error="skip")), [pairs]) == [("a", 0), ("c", 2)]


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("executor", [None, "threads"])
def test_a_function_gets_the_failures_in_order(layer, events, executor, concurrency):
    failures = []
    described = layer(Map(even, concurrency, executor, on_error=failures.append))
    found = events(described, [range(5)], partition=1, partitions=3)
    assert found == [0, 2, 4]
    assert [failure.event for failure in failures] == [1, 3]
    first = failures[0]
    assert isinstance(first, Failure)
    assert (first.operator, first.replica, first.attempt) == ("map(even)", 1, 1)
    assert isinstance(first.exception, Odd)
    assert first.exception.args == (1,)


def test_here_a_failure_is_handled_before_the_next_event():
    seen = []

    def function(n):
        seen.append(n)
        return even(n)

    program = compiled(Map(function, on_error=lambda failure: seen.append("handled")))
    run_inline(program.push(range(4)))
    assert seen == [0, 1, "handled", 2, 3, "handled"]


def test_a_coroutine_function_handles_failures(layer, events):
    failures = []

    async def keep(failure):
        failures.append(failure.event)

    assert events(layer(Map(even, on_error=keep)), [range(4)]) == [0, 2]
    assert failures == [1, 3]


@pytest.mark.parametrize("awaited", [False, True])
def test_a_handler_that_raises_shows_both_errors(awaited):
    def broken(failure):
        raise KeyError("disk full")

    async def broken_later(failure):
        broken(failure)

    program = compiled(Map(even, on_error=broken_later if awaited else broken))
    with pytest.raises(KeyError, match="disk full") as caught:
        run_inline(program.push([7]))
    assert isinstance(caught.value.__cause__, Odd)
    [note] = caught.value.__notes__
    assert note == "in the on_error of map(even), replica 0 of 1, event 7, which has raised Odd(7)"


def test_a_handler_that_raises_what_it_was_given():
    def again(failure):
        raise failure.exception

    with pytest.raises(Odd) as caught:
        run_inline(compiled(Map(even, on_error=again)).push([7]))
    assert caught.value.__cause__ is None
    assert caught.value.__notes__ == ["in map(even), replica 0 of 1, event 7"]


def test_retry_in_place(layer, events):
    function = FailsAtFirst(2)
    program = compiled(Map(function, on_error=Retry(2)))
    assert run_inline(program.push([1, 2, 3])) == [[1, 2, 3]]
    assert function.calls == [1, 1, 1, 2, 2, 2, 3, 3, 3]  # one after the other
    assert program.tally.retried == 6


@pytest.mark.parametrize("executor", [None, "threads"])
@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("wait", [0, 5])
def test_retry_wherever_it_runs(layer, batches, executor, concurrency, wait):
    function = FailsAtFirst(2)
    described = layer(Map(function, concurrency, executor, on_error=Retry(2, wait)))
    assert batches(described, [[1, 2, 3]]) == [[1, 2, 3]]
    assert sorted(function.calls) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_after_the_last_retry_the_flow_stops():
    function = FailsAtFirst(3)
    with pytest.raises(Odd) as caught:
        run_inline(compiled(Map(function, on_error=Retry(2))).push([1]))
    assert function.calls == [1, 1, 1]
    assert caught.value.__notes__ == ["in map(FailsAtFirst), replica 0 of 1, event 1"]


def test_then_is_any_policy():
    failures = []
    function = FailsAtFirst(9)
    policy = Retry(1, then=Retry(2, then=failures.append))
    program = compiled(Map(function, on_error=policy))
    assert run_inline(program.push([1])) == []
    assert function.calls == [1] * 4
    assert failures[0].attempt == 4
    assert (program.tally.retried, program.tally.skipped) == (3, 1)


def test_other_exceptions_go_to_then_at_once():
    calls = []

    def function(n):
        calls.append(n)
        raise KeyError(n)

    policy = Retry(5, on=(OSError, Odd), then=Retry(1, on=LookupError, then="skip"))
    assert run_inline(compiled(Map(function, on_error=policy)).push([1])) == []
    assert calls == [1, 1]


def test_the_wait_of_each_attempt():
    """The delays are on the works that the driver is asked for."""
    function = FailsAtFirst(9)
    waits = []

    def wait(attempt):
        waits.append(attempt)
        return 10.0**attempt

    steps = compiled(Map(function, on_error=Retry(3, wait, then="skip"))).push([1])
    calls = next(steps)
    [work] = calls.arguments
    delays = [work.delay]
    while work := calls.again(work, calls.function(work)):
        delays.append(work.delay)
    assert delays == [10.0, 100.0, 1000.0]
    assert waits == [1, 2, 3]


@pytest.mark.parametrize("wait", [lambda attempt: -1, lambda attempt: "soon"])
def test_a_wait_that_is_none(wait):
    with pytest.raises((TypeError, ValueError), match="what Retry's wait returns") as caught:
        run_inline(compiled(Map(even, on_error=Retry(3, wait))).push([1]))
    assert isinstance(caught.value.__cause__, Odd)
    assert "in the on_error of map(even)" in caught.value.__notes__[0]


@pytest.mark.parametrize("executor", [None, "threads"])
def test_a_batch_fails_as_a_whole(layer, batches, executor):
    failures = []
    described = layer(MapBatch(even_batch, executor, failures.append))
    assert batches(described, [[0, 2], [4, 5], range(6, 7)]) == [[0, 2], [6]]
    assert failures[0].event == [4, 5]
    assert failures[0].operator == "map_batch(even_batch)"


@pytest.mark.parametrize("executor", [None, "threads"])
def test_a_batch_that_is_not_reduced_leaves_the_state(layer, events, executor):
    def add(total, batch):
        return total + sum(even_batch(batch))

    failures = []
    described = layer(ReduceBatch(int, add, None, executor, failures.append), Emit("state"))
    assert events(described, [[2, 4], [1, 8], [6]]) == [12]
    assert failures[0].event == [1, 8]
    stopping = compiled(ReduceBatch(int, add, None, executor, Retry(1)))
    with pytest.raises(Odd) as caught:
        run_inline(stopping.push([1, 8]))
    assert caught.value.__notes__ == ["in reduce_batch(add), replica 0 of 1, a list of 2 events"]


def test_stop_iteration_is_a_failure_like_others(layer, events):
    def stops(n):
        raise StopIteration

    failures = []
    assert events(layer(Map(stops, on_error=failures.append)), [[1]]) == []
    assert isinstance(failures[0].exception, RuntimeError)
    with pytest.raises(RuntimeError, match="StopIteration"):
        events(layer(Map(stops, on_error=Retry(1))), [[1]])
    with pytest.raises(RuntimeError, match="StopIteration"):
        events(layer(Map(even, on_error=stops)), [[1]])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_never_caught(error):
    def interrupted(n):
        raise error

    with pytest.raises(error):
        run_inline(compiled(Map(interrupted, on_error="skip")).push([1]))


def test_numbers_of_a_replica(layer):
    described = layer(
        Filter(even, on_error="skip"), FlatMap(two), Reject(lambda n: n == 2), MapBatch(list)
    )
    program = compile_program(described, partition=0, partitions=1)
    assert run_inline(program.push(range(6))) == [[4, 4]]
    counts = program.tally.counts()
    assert (counts.skipped, counts.filtered) == (3, 1 + 2)
    assert counts.produced - counts.consumed == 2


@pytest.mark.parametrize("ending", [Reduce(int, lambda total, n: total + n), CountBy()])
def test_what_is_dropped_in_the_loop_of_a_reduce(layer, ending):
    """Of 10 events 5 go into the flat_map, which makes 10, of which 2 are dropped."""
    described = layer(
        Filter(lambda n: n < 5), FlatMap(lambda n: [n, n]), Reject(lambda n: n == 3), ending
    )
    program = compile_program(described, partition=0, partitions=1)
    assert run_inline(program.push(range(10))) == []
    counts = program.tally.counts()
    assert counts.filtered == 5 + 2
    assert counts.produced - counts.consumed == (2 if ending.name == "reduce" else 10 - 5)


def test_what_runs_in_an_executor_can_be_pickled(layer):
    described = layer(Map(even, executor="processes", on_error="skip"))
    calls = next(compile_program(described, partition=0, partitions=1).push([1, 2]))
    copy = pickle.loads(pickle.dumps(calls.function))
    outcome = pickle.loads(pickle.dumps(copy(calls.arguments[0])))
    assert (outcome.made, outcome.failed) == ([2], 1)


@pytest.mark.parametrize("operator", [Map, FlatMap, Filter, Reject, MapValues, Each, MapBatch])
@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ("ignore", ValueError),
        (None, TypeError),
        (3, TypeError),
        (ValueError, TypeError),
        (Retry(1, then="ignore"), ValueError),
        (Retry(1, then=3), TypeError),
    ],
)
def test_what_is_no_policy(operator, policy, error):
    with pytest.raises(error, match=rf'{operator.name}\'s on_error must be "stop", "skip"'):
        operator(even, on_error=policy)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"times": 0}, ValueError, "times"),
        ({"times": 1.5}, TypeError, "times"),
        ({"times": 1, "wait": -1}, ValueError, "wait"),
        ({"times": 1, "wait": "long"}, TypeError, "wait"),
        ({"times": 1, "wait": even_later}, TypeError, "wait"),
        ({"times": 1, "on": KeyboardInterrupt}, TypeError, "on"),
        ({"times": 1, "on": ()}, TypeError, "on"),
        ({"times": 1, "on": (OSError, "text")}, TypeError, "on"),
    ],
)
def test_what_is_no_retry(arguments, error, says):
    with pytest.raises(error, match=f"Retry's {says}"):
        Retry(**arguments)


def compiled(operator):
    return compile_program(Layer().then(operator), partition=0, partitions=1)
