"""What an ordered flow reads ahead, how it ends, what its plan shows, and what it refuses."""

from __future__ import annotations

import asyncio
import math

import pytest
from contract import here_only, run

from flowlike import Flow, FlowBuildError
from flowlike.flow.plan import ReorderPlan
from flowlike.flow.planner import make_plan
from flowlike.testing import settled


async def pass_time(seconds: float) -> None:
    await asyncio.sleep(seconds / 1000)  # noqa: TID251 - the clock is virtual here


class Gate:
    """A function that waits at one event until it is opened."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.opened = asyncio.Event()
        self.done: list[int] = []

    async def __call__(self, n: int) -> int:
        if n == self.at:
            await self.opened.wait()
        self.done.append(n)
        return n


class Reader:
    """A task that reads a flow."""

    def __init__(self, flow: Flow[int]) -> None:
        self.found: list[int] = []
        self.task = asyncio.ensure_future(self.read(flow))

    async def read(self, flow: Flow[int]) -> None:
        async for n in flow:
            self.found.append(n)


@here_only("clock")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("stages", [2, 5])
@pytest.mark.parametrize("demand", [1, 4, 40])
@pytest.mark.parametrize("at", [0, 700])
def test_a_slow_event_keeps_the_others_within_their_bound(numbers, seed, stages, demand, at):
    async def main():
        source, gate = numbers(900), Gate(at)
        flow = Flow.from_iterable(
            source, read_in="loop", ordered=True, stages=stages, max_demand=demand
        )
        reader = Reader(flow.map(gate))
        await settled()
        found = len(reader.found)
        assert at - demand < found <= at
        assert reader.found == list(range(found))
        # In each replica, and behind it, at most so many as were asked for.
        assert source.read <= found + 2 * stages * demand
        assert len(gate.done) > at
        gate.opened.set()
        await reader.task
        assert reader.found == list(range(900))

    run(main(), seed=seed)


@here_only("clock")
@pytest.mark.parametrize("seed", range(5))
def test_with_auto_a_slow_event_keeps_them_within_1024_events_or_8_batches(seed):
    async def main():
        gate, sizes = Gate(5000), []
        flow = Flow.from_iterable(range(100_000), ordered=True, stages=3)
        reader = Reader(flow.map_batch(lambda batch: sizes.append(len(batch)) or batch).map(gate))
        await settled()
        found = len(reader.found)
        assert found <= 5000
        assert reader.found == list(range(found))
        # One batch more is in the replica that has no demand for it.
        assert 0 < len(gate.done) - found <= 3 * (max(1024, 8 * max(sizes)) + max(sizes))
        gate.opened.set()
        await reader.task
        assert reader.found == list(range(100_000))

    run(main(), seed=seed)


def test_a_caller_who_wants_one_event_has_few_read():
    read = []

    def source():
        for n in range(100_000):
            read.append(n)
            yield n

    for n in Flow.from_iterable(source(), ordered=True, stages=4, max_demand=10).map(str):
        assert n == "0"
        break
    assert len(read) <= 200


@pytest.mark.parametrize("seed", range(10))
def test_a_failure_is_raised_and_what_came_before_it_has_left(seed):
    async def fails(n):
        await pass_time(1 / (n + 1))
        return 1 // (50 - n)

    async def main():
        found = []
        flow = Flow.from_iterable(range(1000), ordered=True, stages=3, max_demand=5).map(fails)
        with pytest.raises(ZeroDivisionError) as raised:
            async for n in flow:
                found.append(n)  # noqa: PERF401 - those before the failure
        assert "in map(" in "".join(raised.value.__notes__)
        assert found == [1 // (50 - n) for n in range(len(found))]

    run(main(), seed=seed)


async def skipped_or_tried(n):
    await pass_time(n % 5)
    if n % 3 == 0:
        raise ValueError(n)
    return n


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("concurrency", [1, 3])
def test_events_that_a_policy_drops_leave_no_gap(seed, concurrency):
    async def main():
        flow = Flow.from_iterable(range(100), ordered=True, stages=3, max_demand=7)
        flow = flow.map(skipped_or_tried, on_error="skip", concurrency=concurrency)
        assert [n async for n in flow] == [n for n in range(100) if n % 3]
        nothing = flow.filter(lambda n: False)
        assert [n async for n in nothing] == []

    run(main(), seed=seed)


@here_only("clock")
@pytest.mark.parametrize("seed", range(10))
def test_draining_hands_on_all_that_was_read_in_order(numbers, seed):
    async def slowly(n):
        await pass_time(n % 7)
        return n

    async def main():
        source, found = numbers(), []
        flow = Flow.from_iterable(source, read_in="loop", ordered=True, stages=3).map(slowly)
        async with flow.shuffle(stages=1).each(found.append).start(demand="accumulate") as running:
            await pass_time(5)
            assert source.read == 0
            running.demand("forward")
            await pass_time(100)
            await running.stop(drain=True)
        assert len(found) > 20
        assert found == list(range(source.read))

    run(main(), seed=seed)


@here_only("clock")
def test_a_timeout_ends_it():
    async def never(n):
        await asyncio.Event().wait()

    async def main():
        flow = Flow.from_iterable(range(10), ordered=True, stages=3).map(never)
        with pytest.raises(TimeoutError):
            await flow.arun(timeout=5)

    run(main())


def order_of(flow):
    return [node.name for node in make_plan(flow).nodes if isinstance(node, ReorderPlan)]


@here_only("builds")
def test_only_layers_that_could_change_the_order_have_a_stage_more():
    ordered = Flow.from_iterable(range(9), ordered=True, stages=2).map(str)
    assert order_of(ordered) == ["order of layer 1"]
    assert order_of(ordered.shuffle(stages=1).map(str)) == ["order of layer 1"]
    assert order_of(ordered.shuffle(stages=2).map(str)) == ["order of layer 1", "order of layer 2"]
    assert order_of(ordered.partition(stages=2).count_by()) == ["order of layer 1"]
    assert order_of(ordered.partition(stages=2).map(str).shuffle(stages=2).map(str)) == [
        "order of layer 1"
    ]
    assert order_of(Flow.from_iterable(range(9), stages=2).map(str)) == []
    assert order_of(Flow.from_iterable(range(9), ordered=True).map(str)) == []
    assert order_of(Flow.from_iterable(range(9), ordered=True, stages=2).unique()) == []
    assert order_of(Flow.from_iterable(range(9), ordered=True, stages=2).count_by()) == []
    assert order_of(Flow.merge([ordered, ordered], stages=2).map(str)) == [
        "order of layer 1",
        "order of layer 2",
    ]


@here_only("builds")
def test_the_plan_tells():
    flow = Flow.from_iterable(range(9), ordered=True, stages=3, max_demand=20).map(str)
    text = flow.explain()
    assert "from   source 1: range of 9, by shuffle, numbered" in text
    assert "order of layer 1\n    from   layer 1: map(str), in the order of its source" in text
    assert "    ahead  by 20 events of each replica\n    holds  at most 60 events" in text
    assert "in flight: at most 140 events" in text
    assert (
        "8 batches or 1,024 events"
        in Flow.from_iterable("ab", ordered=True, stages=2).map(str).explain()
    )
    svg = flow.graph().svg
    assert "order of layer 1" in svg
    assert "by number" in svg


@here_only("builds")
def test_one_source_only():
    with pytest.raises(TypeError, match=r"from_iterables\(\) takes no 'ordered'.*chain"):
        Flow.from_iterables([[1], [2]], ordered=True)
    with pytest.raises(TypeError, match=r"shuffle\(\) takes no 'ordered'"):
        Flow.from_iterable([1]).shuffle(ordered=True)
    with pytest.raises(TypeError, match="ordered must be True or False, not 'yes'"):
        Flow.from_iterable([1], ordered="yes")


def test_a_buffer_that_may_drop_events_is_refused():
    flow = Flow.from_iterable([1], ordered=True, buffer_size=5).map(str)
    with pytest.raises(FlowBuildError, match=r"layer 1: map\(str\) has buffer_size=5 .* leave"):
        flow.to_list()
    assert Flow.from_iterable([1], ordered=True, buffer_size=math.inf).map(str).to_list() == ["1"]
    assert Flow.from_iterable([1], ordered=True, buffer_size=5).collect_batch().to_list() == [1]
