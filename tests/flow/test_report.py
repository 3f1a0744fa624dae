"""What a report says of time, and how a report and a plan are read. Numbers: test_report_laws."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from time import perf_counter

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow, GlobalWindow, ProducerConsumer, Retry, StageGroup, StageReport
from flowlike.flow.planner import make_plan
from flowlike.flow.reporting import bottleneck
from flowlike.native import logistic_map
from flowlike.testing import ProbeConsumer

MOMENT = 0.02
KERNEL = logistic_map.bind(num=50, p=6_700_417, mu=22)


def works(n):
    """Keep a core busy for a moment of real time."""
    until = perf_counter() + MOMENT
    while perf_counter() < until:
        pass
    return n


async def awaits(n):
    """Wait a moment of real time."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(MOMENT, passed.set)
    await passed.wait()
    return n


def numbers():
    for n in range(3):
        yield works(n)


async def numbers_later():
    for n in range(3):
        yield await awaits(n)


def busiest(report):
    assert all(stage.busy >= 0 and stage.waiting >= 0 for stage in report.stages)
    assert all(stage.busy + stage.waiting >= report.wall_time - 1e-6 for stage in report.stages)
    [busy] = {sum(s.busy for s in report.stages if s.name == report.bottleneck)}
    return report.bottleneck, busy


@pytest.mark.parametrize("read_in", ["auto", "loop", "thread"])
def test_the_reading_time_of_a_source(read_in):
    report = Flow.from_iterable(numbers(), read_in=read_in).map(abs).run()
    name, busy = busiest(report)
    assert name == "source 1: generator"
    assert busy >= 3 * MOMENT


def test_the_reading_time_of_an_asynchronous_source():
    name, busy = busiest(Flow.from_iterable(numbers_later()).map(abs).run())
    assert name == "source 1: async_generator"
    assert busy >= 2.9 * MOMENT  # the timer of a loop may ring a little early


def test_reading_that_was_interrupted():
    async def main():
        reading = asyncio.Event()

        async def waits_for_ever():
            reading.set()
            await awaits(0)
            await asyncio.Event().wait()
            yield 0

        async with Flow.from_iterable(waits_for_ever()).map(abs).start() as running:
            await reading.wait()
            await awaits(0)
            await running.stop(drain=False)
            return running.stats()

    assert asyncio.run(main()).stages[0].busy >= 0.9 * MOMENT


BUSY = {
    "in the loop": lambda flow: flow.map(works),
    "in threads": lambda flow: flow.map(works, executor="threads"),
    "awaiting": lambda flow: flow.map(awaits),
    "awaiting at once": lambda flow: flow.map(awaits, concurrency=2),
    "with a policy": lambda flow: flow.map(works, on_error="skip"),
    "awaiting with a policy": lambda flow: flow.map(awaits, on_error="skip"),
    "in threads with a policy": lambda flow: flow.map(works, executor="threads", on_error="skip"),
    "at the end": lambda flow: flow.partition(stages=1).collect_batch().map_state(works),
    "in the key": lambda flow: flow.map(abs).partition(stages=2, key=works).map(abs),
}


@pytest.mark.parametrize("where", BUSY)
def test_the_time_of_functions(where):
    flow = BUSY[where](Flow.from_iterable(range(2), stages=1))
    name, busy = busiest(flow.run())
    assert name.startswith("layer 1: ")
    assert busy >= 0.9 * MOMENT


@here_only("room")
def test_the_time_of_kernels():
    array = np.arange(200_000)
    report = Flow.from_iterable(array, stages=1).map_batch(KERNEL).run()
    name, busy = busiest(report)
    assert "logistic_map" in name
    started = perf_counter()
    KERNEL(array)
    assert busy > (perf_counter() - started) / 10


def test_waiting_for_another_try_is_no_work():
    calls = []

    def fails_once(n):
        calls.append(n)
        if len(calls) == 1:
            raise ValueError(n)

    report = Flow.from_iterable([1]).map(fails_once, on_error=Retry(1, wait=MOMENT)).run()
    assert report.stages[-1].waiting >= 0.9 * MOMENT
    assert report.retried == 1


def test_waiting_for_a_sink_is_no_work():
    async def main():
        async with StageGroup() as group:
            probe = ProbeConsumer()
            flow = Flow.from_iterable([1]).map(fails, on_error=await group.start(probe))
            async with flow.start() as running:
                await awaits(0)
                probe.ask(1)
                return await running.wait()

    def fails(n):
        raise ValueError(n)

    report = asyncio.run(main())
    assert report.skipped == 1
    assert report.stages[-1].waiting >= 0.9 * MOMENT


def stage(name, busy):
    return StageReport(
        name, 0, events_in=0, events_out=0, filtered=0, skipped=0, retried=0, late=0, discarded=0,
        consumed=0, produced=0, busy=busy, waiting=0.0,
    )  # fmt: skip


@here_only("builds")
def test_replicas_that_work_at_the_same_time_count_each_for_itself():
    flow = Flow.from_iterable([1], stages=2).map(awaits).shuffle(stages=2).map(works)
    plan = make_plan(flow)
    source, waiting, working = (node.name for node in plan.nodes)
    seconds = {source: [1.0], waiting: [3.0, 3.0], working: [2.0, 1.5]}
    stages = [stage(name, busy) for name, found in seconds.items() for busy in found]
    assert bottleneck(plan, stages) == working
    assert bottleneck(plan, stages[:3]) == waiting
    assert bottleneck(plan, stages[:1]) == source
    assert bottleneck(plan, [stage(source, 0.0)]) is None


def test_a_report_is_a_table():
    flow = Flow.from_iterable(range(1500), stages=1).filter(lambda n: n % 2).partition(stages=3)
    text = str(flow.map(lambda n: 1 // (n - 3), on_error="skip").run())
    first, head, source, layer, last = text.splitlines()
    assert first.startswith("1,500 events in, 749 out, in ")
    assert "; busiest: " in first
    columns = "replicas in out filtered skipped batch busy waiting"
    assert head.split() == columns.split()
    assert source.split()[4:8] == ["1500", "1", "1,500", "1,500"]
    assert layer.split()[-10:-5] == ["1", "1,500", "750", "750", "0"]
    assert last.split()[-10:-5] == ["3", "750", "749", "0", "1"]
    assert len({len(line) for line in (head, source, layer, last)}) == 1


def test_stages_of_the_users_own_are_in_it():
    class Twice(ProducerConsumer):
        def handle_events(self, events, producer):
            return [*events, *events]

    report = Flow.from_iterable(range(5)).through_stages([Twice()]).map(abs).run()
    [twice] = [stage for stage in report.stages if "Twice" in stage.name]
    assert (twice.events_in, twice.consumed, twice.produced, twice.events_out) == (5, 5, 10, 10)


def test_what_a_full_buffer_drops_adds_up():
    flow = Flow.from_iterable(range(1000), stages=1, buffer_size=0, max_demand=10)
    report = flow.flat_map(lambda n: range(50)).shuffle(stages=1, max_demand=20).map(abs).run()
    layer = report.stages[1]
    assert layer.discarded > 0
    assert layer.events_in + layer.produced == (layer.events_out + layer.consumed + layer.discarded)


def test_a_report_so_far():
    async def main():
        async with Flow.from_iterable(range(3)).map(abs).start(demand="accumulate") as running:
            before = running.stats()
            running.demand("forward")
            return before, await running.wait()

    before, after = asyncio.run(main())
    assert (before.events_in, before.stages[0].busy, before.stages[0].events_in) == (0, 0, 0)
    assert (after.events_in, after.events_out) == (3, 3)


@here_only("builds")
def test_the_plan_says_what_it_holds():
    window = GlobalWindow().trigger_every(5)
    flow = Flow.from_iterables([[1], [2]], stages=2, max_demand=10, min_demand=4).map(abs)
    flow = flow.map(str, on_error="skip").map(str)
    flow = flow.partition(stages=3, max_demand=100, window=window).count_by()
    assert flow.explain().splitlines() == [
        "source 1: list of 1",
        "source 2: list of 1",
        "layer 1: map(abs)",
        "    from   source 1: list of 1, source 2: list of 1, by shuffle",
        "    in     2 stages",
        "    demand 10 of each producer, again at 4",
        "    holds  at most 40 events",
        "    loop   map(abs)",
        "    loop   map(str), on error skip",
        "    loop   map(str)",
        "layer 2: count_by()",
        "    from   layer 1: map(abs), by partition()",
        "    in     3 stages",
        "    demand 100 of each producer, again at 50",
        "    holds  at most 600 events",
        "    window GlobalWindow().trigger_every(5, 'keep')",
        "    loop   count_by()",
        "collector",
        "    from   layer 2: count_by()",
        "    holds  at most 300 events",
        "in flight: at most 940 events",
    ]


@here_only("builds")
def test_the_plan_says_how_long_batches_are_to_take():
    flow = Flow.from_iterable([1], stages=1).map(abs)
    with ThreadPoolExecutor(1) as threads, ProcessPoolExecutor(1) as processes:
        plans = {
            name: flow.map(abs, executor=executor).explain()
            for name, executor in [("loop", None), ("threads", threads), ("processes", processes)]
        }
    assert (
        "auto, at most 1048576 of each producer, in batches that take about 2 ms\n" in plans["loop"]
    )
    assert "about 2 ms\n" in plans["threads"]
    assert "about 10 ms\n" in plans["processes"]
    waiting = Flow.from_iterable([1], stages=1).map(awaits, concurrency=4)
    assert "about 2 ms, 4 or more\n" in waiting.explain()


def test_the_sizes_of_batches_are_in_it():
    flow = Flow.from_iterable(range(20_000), stages=1, max_demand=100).map(abs)
    source, fixed, chosen = flow.shuffle(stages=1).map(abs).run().stages
    assert (source.batch, fixed.batch) == (0, 50)
    assert chosen.batch > 50
