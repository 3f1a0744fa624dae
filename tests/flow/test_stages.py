"""Flows over, through and into stages of the user's own, running or not yet started."""

from __future__ import annotations

import asyncio

import pytest
from contract import here_only, interleaved
from plain_stages import Collect, Count, Double, Fed

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    Flow,
    StageGroup,
    StageStopped,
    Subscribe,
)
from flowlike.testing import ProbeConsumer


class Stuck(Consumer[int]):
    async def handle_events(self, events, producer):
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def test_over_producers_that_the_flow_starts():
    producers = [Count(500), Count(300)]
    flow = Flow.from_stages(producers).map(lambda n: n + 1)
    assert sorted(flow.to_list()) == sorted([*range(1, 501), *range(1, 301)])
    assert [producer.stopped for producer in producers] == ["normal", "normal"]


@pytest.mark.parametrize("stages", [1, 3])
def test_a_partition_may_follow_at_once(stages):
    flow = Flow.from_stages([Count(1000)]).partition(stages=stages).count_by()
    assert sorted(flow.to_list()) == [(n, 1) for n in range(1000)]


async def test_the_report_counts_what_came_from_stages():
    async with Flow.from_stages([Count(100)], stages=1).start() as running:
        report = await running.wait()
    assert (report.events_in, report.events_out) == (100, 100)
    assert [stage.name for stage in report.stages] == ["stages 1: Count", "layer 1: shuffle"]


async def test_over_a_stage_that_runs_already():
    numbers = Count()
    async with StageGroup() as group:
        ref = await group.start(numbers)
        seen = []
        events = aiter(Flow.from_stages([ref], stages=1, max_demand=10).map(str))
        async for event in events:
            seen.append(event)
            if len(seen) == 25:
                break
        await events.aclose()
        await numbers.cancelled.wait()
        assert seen == [str(n) for n in range(25)]
        assert numbers.stopped is None


async def test_the_planned_end_of_a_running_stage_is_the_end_of_a_source(notes):
    async with StageGroup() as group:
        first, second = await group.start(Fed()), await group.start(Fed())
        seen = notes()
        flow = Flow.from_stages([first, second], stages=1, max_demand=9)
        flow = flow.collect_batch().each_state(seen.extend)
        async with flow.start() as running:
            first.cast([1, 2])
            await first.stop()
            second.cast([3])
            await second.stop()
            report = await running.wait()
        assert sorted(seen) == [1, 2, 3]
        assert report.events_in == 3


async def test_draining_takes_no_more_and_loses_nothing(notes):
    own, foreign = Count(), Count()
    states = notes()
    async with StageGroup() as group:
        ref = await group.start(foreign)
        flow = Flow.from_stages([own, ref], stages=1, max_demand=8).partition(stages=2)
        flow = flow.collect_batch().each_state(states.extend)
        async with flow.start() as running:
            while running.stats().events_in < 100:
                await asyncio.get_running_loop().run_in_executor(None, str)
        assert own.stopped == "normal"
        assert foreign.stopped is None
        sent = ref.counts().events_out
        assert sorted(states) == sorted([*range(own.next), *range(sent)])
        assert running.stats().events_in == len(states)


async def test_stopping_at_once_leaves_running_stages_alone():
    numbers = Count()
    async with StageGroup() as group:
        ref = await group.start(numbers)
        async with Flow.from_stages([ref], stages=2, max_demand=5).start() as running:
            await running.stop(drain=False)
        await numbers.cancelled.wait()
        assert numbers.stopped is None


async def test_demand_can_be_held():
    numbers = Count(10)
    flow = Flow.from_stages([numbers], stages=1)
    async with flow.start(demand="accumulate") as running:
        assert numbers.next == 0
        running.demand("forward")
        await running.wait()
    assert numbers.next == 10


async def test_a_running_stage_that_crashes_fails_the_flow():
    with pytest.raises(LookupError, match="crash"):
        async with StageGroup() as group:
            ref = await group.start(Fed())
            with pytest.raises(LookupError, match="crash"):
                async with Flow.from_stages([ref]).start() as running:
                    ref._stage.end(LookupError("crash"))
                    await running.wait()
            await group.wait()


async def test_a_stage_that_has_ended():
    async with StageGroup() as group:
        ref = await group.start(Fed())
        await ref.stop()
        with pytest.raises(StageStopped, match="'Fed' has ended"):
            await Flow.from_stages([ref]).arun()


async def test_a_stage_of_another_loop():
    async with StageGroup() as group:
        ref = await group.start(Fed())
        with pytest.raises(RuntimeError, match="runs on another event loop"):
            Flow.from_stages([ref]).run(timeout=5)


def test_through_stages_that_the_flow_starts():
    stages = [Double(), Double()]
    flow = Flow.from_iterable(range(2000)).map(lambda n: n + 1).through_stages(stages).map(str)
    assert sorted(flow.to_list()) == sorted(str(2 * n) for n in range(1, 2001))
    assert [stage.stopped for stage in stages] == ["normal", "normal"]


def test_through_stages_between_partitions():
    flow = Flow.from_iterable(range(100)).partition(stages=2).through_stages([Double()], stages=1)
    flow = flow.through_stages([Double()]).partition(stages=2).collect_batch()
    assert sorted(flow.to_list()) == [4 * n for n in range(100)]


async def test_through_a_stage_that_runs_already():
    double = Double()
    async with StageGroup() as group:
        ref = await group.start(double)
        flow = Flow.from_iterable(range(1000)).through_stages([ref], stages=1)
        assert [event async for event in flow] == [2 * n for n in range(1000)]
        await ref.wait()
    assert double.stopped == "normal"


async def test_into_consumers():
    sinks = [Collect(), Collect()]
    async with Flow.from_iterable(range(1000)).map(abs).into_stages(sinks) as running:
        report = await running.wait()
    assert sorted(sinks[0].events + sinks[1].events) == list(range(1000))
    assert [sink.stopped for sink in sinks] == ["normal", "normal"]
    assert report.events_out == 1000


async def test_into_consumers_with_the_options_of_every_run(capsys):
    flow = Flow.from_iterable(range(1000)).map(abs)
    async with flow.into_stages([Collect()], progress=True) as running:
        await running.wait()
    assert "1000/1000" in capsys.readouterr().err
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        async with flow.into_stages([Stuck()], timeout=0.01) as running:
            await running.wait()
    with pytest.raises(TypeError, match="runner must be"):
        flow.into_stages([Collect()], runner="here")


def test_leaving_the_block_waits_for_consumers_as_long_as_they_move(run_virtual, caplog):
    class Slow(Collect):
        def __init__(self):
            super().__init__()
            self.entered = asyncio.Event()

        async def handle_events(self, events, producer):
            self.entered.set()
            await asyncio.sleep(3)  # noqa: TID251 - the clock is virtual
            super().handle_events(events, producer)

    async def main():
        slow = Slow()
        async with Flow.from_iterable(range(10_000)).into_stages([slow]):
            await slow.entered.wait()
        assert asyncio.get_running_loop().time() > 5
        return slow.events

    assert run_virtual(main()) == list(range(1000))
    assert not caplog.text


async def test_what_a_reduce_emits_goes_into_consumers():
    sink = Collect()
    flow = Flow.from_iterable([1, 2, 1], stages=1).reduce(lambda: 0, lambda acc, n: acc + n)
    async with flow.emit("state").into_stages([sink]) as running:
        await running.wait()
    assert sink.events == [4]


async def test_into_running_consumers_by_their_options():
    sink, slow = Collect(), Collect()
    async with StageGroup() as group:
        ref = await group.start(sink)
        other = await group.start(Fed())
        kept = await group.start(slow, subscribe_to=[other])
        flow = Flow.from_iterable(range(100))
        async with flow.into_stages([Subscribe(ref, max_demand=3), kept]) as running:
            await running.wait()
        await ref.wait()
        other.cast([1000])
        while 1000 not in slow.events:
            assert await kept.buffered_count() == 0
            await asyncio.get_running_loop().run_in_executor(None, str)
    assert sorted(sink.events + slow.events) == [*range(100), 1000]


async def test_into_consumers_of_a_broadcast():
    class All(Double):
        dispatcher = BroadcastDispatcher()

    sinks = [Collect(), Collect()]
    flow = Flow.from_iterable(range(50)).through_stages([All()], stages=2)
    async with flow.into_stages(sinks) as running:
        await running.wait()
    assert len(sinks[0].events + sinks[1].events) == 100


async def test_a_consumer_that_fails_is_the_failure_of_the_flow():
    class Bad(Collect):
        def handle_events(self, events, producer):
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        async with Flow.from_iterable(range(9)).into_stages([Bad()]) as running:
            await running.wait()


class First(ProbeConsumer):
    """Has seen enough after so many events."""

    def __init__(self, count):
        super().__init__(manual=False)
        self.count = count

    def handle_events(self, events, producer):
        super().handle_events(events, producer)
        if len(self.events) >= self.count:
            self.finish()


@pytest.mark.parametrize("foreign", [True, False])
def test_the_end_of_the_last_consumer_ends_the_flow(foreign):
    @interleaved(10)
    async def test():
        source, sinks = Count(), [First(20), First(50)]
        async with StageGroup() as group:
            into = [await group.start(sink) for sink in sinks] if foreign else sinks
            flow = Flow.from_stages([source]).map(str).partition(stages=2).map(str)
            async with flow.into_stages(into) as running:
                report = await running.wait()
                assert source.stopped == "normal"
            assert report.events_in >= 70
            assert [sink.reason for sink in sinks] == ["normal", "normal"]
        assert min(len(sinks[0].events) - 20, len(sinks[1].events) - 50) >= 0

    test()


@interleaved(10)
async def test_the_end_of_a_stage_in_between_ends_what_comes_before_it():
    class Enough(Double):
        def handle_events(self, events, producer):
            self.finish()
            return super().handle_events(events, producer)

    source = Count()
    flow = Flow.from_stages([source], stages=1).map(int).through_stages([Enough()], stages=1)
    sink = ProbeConsumer(manual=False)
    async with flow.into_stages([sink]) as running:
        await running.wait()
    assert source.stopped == "normal"
    assert sink.events[:1] == [0]


@here_only("clock")
@interleaved(10)
async def test_a_consumer_that_is_started_again_has_not_ended():
    class Fragile(ProbeConsumer):
        def handle_events(self, events, producer):
            if 3 in events and not self.crashed:
                self.crashed = True
                raise LookupError("once")
            super().handle_events(events, producer)

    sink = Fragile(manual=False)
    sink.crashed = False
    async with StageGroup("one_for_one", backoff=10) as group:
        ref = await group.start(sink, restart="transient")
        flow = Flow.from_iterable(range(9), stages=1).map(int)
        into = Subscribe(ref, max_demand=1)
        async with flow.into_stages([into]) as running:
            report = await running.wait()
        assert report.events_out == 9
        assert await ref.wait() == "normal"
    assert sink.events == [0, 1, 2, 4, 5, 6, 7, 8]


async def test_a_running_consumer_that_has_ended():
    async with StageGroup() as group:
        ref = await group.start(Collect())
        await ref.stop()
        with pytest.raises(StageStopped, match="'Collect' has ended"):
            async with Flow.from_iterable(range(9)).into_stages([ref]) as running:
                await running.wait()


@here_only("builds")
def test_plans_name_the_stages():
    flow = Flow.from_stages([Count(1), Count(1)]).through_stages([Double()], stages=1)
    assert repr(flow) == "Flow(Count and 1 more).through_stages(Double)"
    lines = flow.explain().splitlines()
    assert lines[0] == "stages 1: Count and 1 more"
    assert "stages 2: Double" in lines
    assert "    from   layer 1: shuffle" in lines


@here_only("builds")
async def test_what_is_no_stage():
    flow = Flow.from_iterable(range(3))
    async with StageGroup() as group:
        producer = await group.start(Fed())
        consumer = await group.start(Collect())
        for make, wrong, error, text in [
            (Flow.from_stages, [], ValueError, "at least one producer"),
            (Flow.from_stages, [Double()], TypeError, "takes instances of Producer"),
            (Flow.from_stages, [consumer], TypeError, "emits nothing"),
            (flow.through_stages, [], ValueError, "at least one stage"),
            (flow.through_stages, [Fed()], TypeError, "takes instances of ProducerConsumer"),
            (flow.through_stages, [producer], TypeError, "is no ProducerConsumer"),
            (flow.into_stages, [], ValueError, "at least one consumer"),
            (flow.into_stages, [5], TypeError, "takes instances of Consumer"),
            (flow.into_stages, [producer], TypeError, "consumes nothing"),
            (Flow.from_stages, producer, TypeError, r"several stages: give from_stages\(\["),
            (Flow.from_stages, Fed(), TypeError, r"several stages: give from_stages\(\["),
            (flow.through_stages, Double(), TypeError, r"several stages: give through_stages"),
            (flow.into_stages, Subscribe(consumer), TypeError, "several stages: give into_st"),
            (flow.into_stages, None, TypeError, "several stages: give into_stages"),
        ]:
            with pytest.raises(error, match=text):
                make(wrong)
        with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
            Flow.from_stages([Count(1)], foo=1)
