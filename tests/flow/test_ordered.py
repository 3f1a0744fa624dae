"""``ordered=True``: what leaves is what a plain loop gives, element for element."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from contract import here_only, run
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlike import Flow


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds)  # noqa: TID251 - the clock is virtual


def some(n: int) -> list[int]:
    return [n] * (n % 4)


PER_EVENT = {
    "map": lambda n: 3 * n - 1,
    "filter": lambda n: n % 3,
    "reject": lambda n: n % 5 == 0,
    "flat_map": some,
    "each": lambda n: None,
}


def next_ones(batch):
    return batch + 1 if isinstance(batch, np.ndarray) else [n + 1 for n in batch]


def odd_ones(batch):
    return batch[batch % 2 == 1] if isinstance(batch, np.ndarray) else [n for n in batch if n % 2]


PER_BATCH = {"map_batch": next_ones, "drop_batch": odd_ones}


def reference(events: list[int], steps: list[str]) -> list[int]:
    """The same, one after the other."""
    for step in steps:
        function: Any = PER_EVENT.get(step) or PER_BATCH.get(step)
        match step:
            case "map":
                events = [function(n) for n in events]
            case "filter":
                events = [n for n in events if function(n)]
            case "reject":
                events = [n for n in events if not function(n)]
            case "flat_map":
                events = [each for n in events for each in function(n)]
            case "map_batch" | "drop_batch":
                events = function(events)
    return events


layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 2, 3, 5]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 40)),
    }
)
steps = st.lists(st.sampled_from([*PER_EVENT, *PER_BATCH, "shuffle"]), max_size=7)


def source_of(kind: str, size: int, **options: Any) -> Flow[int]:
    async def awaited_numbers():
        for n in range(size):
            if n % 7 == 0:
                await pass_time(0)
            yield n

    match kind:
        case "list":
            source: Any = list(range(size))
        case "range":
            source = range(size)
        case "array":
            source = np.arange(size)
        case "async":
            source = awaited_numbers()
        case _:
            source = (n for n in range(size))
            options["read_in"] = "thread" if kind == "thread" else "auto"
    return Flow.from_iterable(source, ordered=True, **options)


def build(flow: Flow[int], steps: list[str], others: dict[str, Any], per_event: Any) -> Flow[int]:
    for step in steps:
        if step == "shuffle":
            flow = flow.shuffle(**others)
        elif step in PER_BATCH:
            flow = flow.map_batch(PER_BATCH[step])
        else:
            function, options = per_event(PER_EVENT[step])
            flow = getattr(flow, step)(function, **options)
    return flow


@given(
    kind=st.sampled_from(["list", "range", "array", "generator", "thread", "async"]),
    size=st.integers(0, 300),
    steps=steps,
    first=layers,
    others=layers,
    executor=st.sampled_from([None, "threads"]),
)
def test_any_pipeline_in_the_loop_and_in_threads(kind, size, steps, first, others, executor):
    flow = source_of(kind, size, executor=executor, **first)
    flow = build(flow, steps, others | {"executor": executor}, lambda function: (function, {}))
    assert flow.to_list() == reference(list(range(size)), steps)


@given(
    kind=st.sampled_from(["list", "range", "array", "generator", "async"]),
    size=st.integers(0, 60),
    steps=steps,
    first=layers,
    others=layers,
    concurrency=st.sampled_from([1, 1, 3]),
    waits=st.lists(st.integers(0, 20), min_size=1, max_size=20),
    seed=st.integers(0, 2**32),
    form=st.sampled_from(["for", "batches", "into", "start"]),
)
def test_any_pipeline_of_coroutines_under_any_interleaving(
    kind, size, steps, first, others, concurrency, waits, seed, form, notes
):
    async def slowly(function, n):
        await pass_time(waits[int(n) % len(waits)] / 5000)
        return function(n)

    def per_event(function):
        return partial(slowly, function), {"concurrency": concurrency}

    async def main():
        flow = build(source_of(kind, size, **first), steps, others, per_event)
        if form == "for":
            return [event async for event in flow]
        if form == "batches":
            return [event async for batch in flow.abatches() for event in batch]
        found = notes()
        # What is behind has one replica.
        async with flow.shuffle(stages=1).each(found.append).start() as running:
            report = await running.wait()
        for each in (report, *report.stages):
            came = each.events_in + each.produced
            assert came == each.events_out + each.filtered + each.consumed
        assert report.events_out == len(found)
        return list(found)

    assert run(main(), seed=seed) == reference(list(range(size)), steps)


@settings(max_examples=30)
@given(
    size=st.integers(0, 200),
    key=st.integers(1, 9),
    layer=layers,
    partitions=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_keys_in_a_partition_come_in_the_order_of_the_source(size, key, layer, partitions, seed):
    async def slowly(n):
        await pass_time(n % 11 / 5000)
        return n

    async def main():
        flow = Flow.from_iterable(range(size), ordered=True, **layer).map(slowly)
        groups = flow.partition(key=lambda n: n % key, stages=partitions).group_by(
            lambda n: n % key
        )
        return dict([group async for group in groups])

    expected: dict[int, list[int]] = {}
    for n in range(size):
        expected.setdefault(n % key, []).append(n)
    assert run(main(), seed=seed) == expected


@here_only("memory")
def test_threads_that_overtake_each_other():
    done: list[threading.Event] = []

    def work(n):
        """Even numbers are overtaken by the next one."""
        done[n].set()
        assert n % 2 or done[n + 1].wait(30)
        return -n

    def flow(ordered):
        done[:] = [threading.Event() for _ in range(200)]
        numbers = Flow.from_iterable(range(200), stages=2, max_demand=1, ordered=ordered)
        return numbers.map(work, executor="threads")

    expected = [-n for n in range(200)]
    assert flow(False).to_list() != expected
    assert flow(True).to_list() == expected
    assert list(flow(True)) == expected
    assert [n for batch in flow(True).batches() for n in batch] == expected


@here_only("executor")
def test_an_executor_of_ones_own():
    with ProcessPoolExecutor(2) as processes:
        flow = Flow.from_iterable(range(-50, 50), stages=3, max_demand=7, ordered=True)
        flow = flow.map(abs, executor=processes, concurrency=2).shuffle(stages=2).map(str)
        assert flow.to_list() == [str(abs(n)) for n in range(-50, 50)]


def test_arrays_stay_arrays():
    numbers = np.arange(100_000, dtype=np.int32)
    flow = Flow.from_iterable(numbers, stages=4, ordered=True).map_batch(lambda batch: batch * 2)
    assert all(isinstance(batch, np.ndarray) for batch in flow.batches())
    found = flow.to_array()
    assert found.dtype == np.int32
    assert (found == numbers * 2).all()
    none = flow.map_batch(lambda batch: batch[:0])
    assert none.to_array().size == 0
