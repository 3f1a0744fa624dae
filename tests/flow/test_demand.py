"""What is asked for: dropped events, exact batches, calls at once, keys of one partition."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from contract import HERE

from flowlike import Flow


def halves(n):
    return None if n < 5000 else n % 2


@pytest.mark.parametrize("make", [range, np.arange, lambda size: iter(range(size))])
def test_events_that_a_hash_drops_are_asked_for_again(make):
    flow = Flow.from_iterable(make(10_000)).partition(stages=2, hash=halves)
    assert sorted(flow.to_list()) == list(range(5000, 10_000))


def test_the_only_event_may_be_the_last():
    flow = Flow.from_iterable([0, 1]).partition(stages=1, hash=lambda n: 0 if n else None)
    assert flow.to_list() == [1]


async def endless():
    n = 0
    while True:
        yield n
        n += 1


async def test_a_hash_that_fails_ends_an_asynchronous_source():
    flow = Flow.from_iterable(endless()).partition(stages=2, hash=lambda n: 1 // (99 - n))
    with pytest.raises(ZeroDivisionError):
        await flow.arun()


def test_a_hash_that_fails_ends_a_source_in_a_thread():
    source = Flow.from_iterable(iter(range(1000)), read_in="thread")
    with pytest.raises(ZeroDivisionError):
        source.partition(stages=2, hash=lambda n: 1 // (99 - n)).run()


@pytest.mark.parametrize(("maximum", "minimum"), [(7, 3), (100, 30), (1000, 1), (10, 5), (5, 4)])
@pytest.mark.parametrize("source", [range(5000), list(range(5000)), np.arange(5000)])
def test_batches_are_max_less_min_where_the_source_has_so_many(maximum, minimum, source, place):
    flow = Flow.from_iterable(source, stages=1, max_demand=maximum, min_demand=minimum)
    sized = flow.map_batch(lambda batch: [(n, len(batch)) for n in batch]).to_list()
    assert [n for n, _ in sized] == list(range(5000))
    # From afar the rest of what was asked for may come before what is asked for again.
    smaller = set() if place == HERE else {minimum}
    assert {size for _, size in sized[:-maximum]} | smaller == {maximum - minimum} | smaller


async def test_so_many_calls_at_once_as_were_allowed_from_the_first():
    inside = 0
    reached = asyncio.Event()

    async def together(n):
        nonlocal inside
        inside += 1
        if inside == 20:
            reached.set()
        await reached.wait()
        return n

    source = Flow.from_iterable(range(20), stages=1)
    assert [n async for n in source.map(together, concurrency=20)] == list(range(20))


@pytest.mark.parametrize("stages", [1, 2])
def test_a_key_is_looked_up_however_many_partitions_there_are(stages):
    with pytest.raises(KeyError) as caught:
        Flow.from_iterable([{"a": 1}]).partition(stages=stages, key="b").to_list()
    assert "in partition(key='b'), event {'a': 1}" in caught.value.__notes__
    with pytest.raises(TypeError, match="not hashable"):
        Flow.from_iterable([([1], 2)]).partition(stages=stages, key=0).to_list()


def test_stop_iteration_in_a_key_names_the_operator():
    flow = Flow.from_iterable([5]).partition(stages=2, key=lambda n: next(iter([])))
    with pytest.raises(RuntimeError, match=r"partition\(key=<lambda>\) raised StopIteration"):
        flow.run()
