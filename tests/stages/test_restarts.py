"""Stages that are started again: which, how often, and what they are subscribed to."""

import asyncio

import pytest

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    Producer,
    ProducerConsumer,
    StageGroup,
    StageStopped,
    Subscribe,
)
from flowlike.testing import interleaved, settled


class Logged:
    """Counts its starts and says when there is a new one."""

    def __init__(self):
        self.starts = 0
        self.stops = []
        self.marks = asyncio.Queue()

    def on_start(self):
        self.starts += 1
        self.marks.put_nowait(self.starts)

    def on_stop(self, reason):
        self.stops.append(reason)

    def handle_call(self, request):
        return request

    def handle_cast(self, message):
        if isinstance(message, BaseException):
            raise message
        return message

    async def until(self, starts):
        while self.starts < starts:
            await self.marks.get()


class Fed(Logged, Producer[int]):
    def handle_demand(self, demand):
        return ()


class Pass(Logged, ProducerConsumer[int, int]):
    def handle_events(self, events, producer):
        return list(events)


class Collect(Logged, Consumer[int]):
    def __init__(self):
        super().__init__()
        self.queue = asyncio.Queue()

    def handle_events(self, events, producer):
        for event in events:
            if event < 0:
                raise ValueError(f"{event}")
            self.queue.put_nowait(event)


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def pipeline(group, *, cancel="permanent", restart="permanent"):
    stages = Fed(), Pass(), Collect()
    refs = [await group.start(stages[0], restart=restart)]
    for stage in stages[1:]:
        subscribe = Subscribe(refs[-1], cancel=cancel)
        refs.append(await group.start(stage, subscribe_to=[subscribe], restart=restart))
    return stages, refs


def starts(stages):
    return [stage.starts for stage in stages]


@pytest.mark.parametrize("restart", ["permanent", "transient"])
@pytest.mark.parametrize("cancel", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_events_flow_again_after_a_crash(strategy, which, cancel, restart):
    async with StageGroup(strategy, max_restarts=1) as group:
        stages, refs = await pipeline(group, cancel=cancel, restart=restart)
        refs[0].cast([1, 2])
        assert [await stages[2].queue.get() for _ in range(2)] == [1, 2]
        refs[which].cast(LookupError("crash"))
        await stages[which].until(2)
        assert await refs[which].call("alive") == "alive"
        refs[0].cast([3])
        assert await stages[2].queue.get() == 3
        assert stages[which].stops[0].args == ("crash",)
    follow = cancel != "temporary" and strategy == "one_for_one"
    expected = {
        "one_for_one": [2 if n == which or (follow and n > which) else 1 for n in range(3)],
        "one_for_all": [2, 2, 2],
        "rest_for_one": [2 if n >= which else 1 for n in range(3)],
    }
    assert starts(stages) == expected[strategy]


async def test_stages_are_stopped_in_reverse_order_before_any_is_started_again():
    events = []

    class Said(Fed):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def on_start(self):
            super().on_start()
            events.append(f"start {self.name}")

        async def on_stop(self, reason):
            await asyncio.get_running_loop().run_in_executor(None, str)
            events.append(f"stop {self.name}")

    stages = [Said("a"), Said("b"), Said("c")]
    async with StageGroup("one_for_all") as group:
        refs = [await group.start(stage) for stage in stages]
        del events[:]
        refs[1].cast(KeyError())
        await stages[2].until(2)
        assert set(events[:3]) == {"stop a", "stop b", "stop c"}
        assert events[3:] == ["start a", "start b", "start c"]


async def test_one_restart_too_many_ends_the_group_with_the_original_exception():
    stages = []
    with pytest.raises(LookupError, match="3") as caught:
        async with StageGroup("one_for_one", max_restarts=2) as group:
            stages, refs = await pipeline(group)
            for n in range(4):
                await stages[0].until(n + 1)
                refs[0].cast(LookupError(n + 1))
            await group.wait()
    assert caught.value.__notes__[-1] == "stages were restarted more than 2 times within 5.0 s"
    assert stages[0].starts == 3


async def test_the_same_exception_again_is_another_crash():
    error = LookupError("again")
    with pytest.raises(LookupError, match="again"):
        async with StageGroup("one_for_one", max_restarts=2) as group:
            fed = Fed()
            ref = await group.start(fed)
            for n in range(3):
                await fed.until(n + 1)
                ref.cast(error)
            await group.wait()
    assert fed.starts == 3


async def test_a_permanent_stage_is_started_again_after_a_planned_end():
    fed = Fed()
    async with StageGroup("one_for_one") as group:
        ref = await group.start(fed)
        await ref.stop()
        await fed.until(2)
        assert await ref.call(1) == 1
    assert fed.stops == ["normal", "normal"]


async def test_a_permanent_stage_that_ends_again_and_again():
    with pytest.raises(RuntimeError, match='restart="transient" if it may end'):
        async with StageGroup("one_for_one", max_restarts=1) as group:
            fed = Fed()
            ref = await group.start(fed)
            for n in range(2):
                await fed.until(n + 1)
                await ref.stop()
            await asyncio.Event().wait()


async def test_a_transient_pipeline_ends_by_itself_and_the_group_with_it():
    class Count(Fed):
        def handle_demand(self, demand):
            self.finish()
            return [1, 2, 3]

    sink = Collect()
    async with StageGroup("one_for_all") as group:
        source = await group.start(Count(), restart="transient")
        await group.start(sink, subscribe_to=[source], restart="transient")
        await group.wait()
    assert (sink.queue.qsize(), sink.starts) == (3, 1)


async def test_a_temporary_stage_is_never_started_again(caplog):
    fed, other = Fed(), Fed()
    async with StageGroup("one_for_all") as group:
        ref = await group.start(fed, restart="temporary")
        await group.start(other)
        ref.cast(LookupError("gone"))
        assert isinstance(await ref.wait(), LookupError)
        with pytest.raises(StageStopped):
            await ref.call(1)
    assert (fed.starts, other.starts) == (1, 1)
    assert "stage 'Fed' has crashed and is gone" in caplog.text


async def test_a_callable_makes_another_instance():
    made = []

    def make():
        made.append(Fed())
        return made[-1]

    async with StageGroup("one_for_one") as group:
        ref = await group.start(make)
        ref.cast(LookupError())
        while len(made) < 2:
            await asyncio.get_running_loop().run_in_executor(None, str)
        await made[1].until(1)
        assert await ref.call(1) == 1
    assert starts(made) == [1, 1]


async def test_a_callable_that_fails_when_it_is_called_again():
    calls = iter([Fed()])
    with pytest.raises(RuntimeError) as caught:
        async with StageGroup("one_for_one") as group:

            def make():
                for stage in calls:
                    return stage
                raise RuntimeError("no more")

            ref = await group.start(make)
            ref.cast(LookupError())
            await group.wait()
    assert "in what makes stage 'Fed'" in caught.value.__notes__


async def test_restarts_wait_for_the_backoff_and_who_waits_is_served(monkeypatch):
    loop = asyncio.get_running_loop()
    later = loop.call_later
    delays = []

    def call_later(delay, callback, *arguments, **options):
        if delay == 77:
            delays.append(callback)
            return later(3600, callback, *arguments, **options)
        return later(delay, callback, *arguments, **options)

    monkeypatch.setattr(loop, "call_later", call_later)
    fed, sink = Fed(), Collect()
    async with StageGroup("one_for_one", backoff=77) as group:
        ref = await group.start(fed)
        ref.cast(LookupError())
        await ref.wait()
        assert (fed.starts, len(delays)) == (1, 1)
        starting = asyncio.create_task(group.start(sink, subscribe_to=[ref]))
        waiting = asyncio.create_task(group.wait())
        delays[0]()
        await starting
        assert not waiting.done()
        ref.cast([5])
        assert await sink.queue.get() == 5
        waiting.cancel()
    assert fed.starts == 2


async def test_leaving_the_block_starts_nothing_again():
    fed = Fed()
    async with StageGroup("one_for_one", backoff=3600) as group:
        ref = await group.start(fed)
        ref.cast(LookupError())
        await ref.wait()
    assert fed.starts == 1


async def test_later_subscriptions_are_made_again_too():
    fed, sink = Fed(), Collect()
    async with StageGroup("one_for_one") as group:
        ref = await group.start(fed)
        consumer = await group.start(sink)
        await consumer.subscribe(Subscribe(ref, cancel="temporary", tag=[1]))
        ref.cast([-1])
        await sink.until(2)
        ref.cast([1])
        assert await sink.queue.get() == 1
        ref.cast(LookupError())
        await fed.until(2)
        ref.cast([2])
        assert await sink.queue.get() == 2
    assert (fed.starts, sink.starts) == (2, 2)


async def test_a_consumer_does_not_finish_while_a_producer_is_to_come_back():
    class Twice(Fed):
        def handle_demand(self, demand):
            if self.starts == 1:
                raise LookupError
            self.finish()
            return [7]

    sink = Collect()
    async with StageGroup("one_for_one") as group:
        other = await group.start(Fed(), restart="transient")
        twice = await group.start(Twice(), restart="transient")
        options = [Subscribe(twice, cancel="temporary"), Subscribe(other, cancel="temporary")]
        await group.start(sink, subscribe_to=options, restart="transient")
        other.finish()
        await group.wait()
    assert sink.queue.get_nowait() == 7
    assert (sink.starts, sink.stops) == (1, ["normal"])


async def test_a_consumer_that_crashes_after_its_producer_has_finished():
    class Once(Fed):
        def handle_demand(self, demand):
            self.finish()
            return [1, -1]

    class Slow(Collect):
        async def handle_events(self, events, producer):
            await once.wait()
            super().handle_events(events, producer)

    sink = Slow()
    async with StageGroup("one_for_one") as group:
        once = await group.start(Once(), restart="transient")
        await group.start(sink, subscribe_to=[once], restart="transient")
        await group.wait()
    assert (sink.starts, sink.stops[1]) == (2, "normal")


async def test_a_broadcast_takes_a_restarted_consumer_back():
    class All(Fed):
        dispatcher = BroadcastDispatcher()

    sinks = [Collect(), Collect()]
    async with StageGroup("one_for_one") as group:
        ref = await group.start(All())
        for sink in sinks:
            await group.start(sink, subscribe_to=[Subscribe(ref, selector=lambda n: n < 9)])
        await sinks[0]._running.ref.call(0)
        sinks[0]._running.ref.cast(LookupError())
        await sinks[0].until(2)
        ref.cast([9, 1])
        assert [await sink.queue.get() for sink in sinks] == [1, 1]


async def test_a_stage_that_cannot_be_started_is_not_started_again():
    class Bad(Fed):
        def on_start(self):
            super().on_start()
            raise OSError("port taken")

    bad = Bad()
    async with StageGroup("one_for_one") as group:
        with pytest.raises(OSError, match="port taken"):
            await group.start(bad)
        with pytest.raises(ValueError, match="without partitions"):
            producer = await group.start(Fed())
            await group.start(Collect(), subscribe_to=[Subscribe(producer, partition=1)])
        assert bad.starts == 1
        assert await producer.call(1) == 1


async def test_what_is_no_exception_of_a_program_ends_the_group():
    class Exit(BaseException):
        pass

    with pytest.raises(Exit):
        async with StageGroup("one_for_one") as group:
            ref = await group.start(Fed())
            ref.cast(Exit())
            await group.wait()


async def test_a_stage_that_crashes_before_its_start_was_heard_of():
    class Once(Fed):
        def handle_demand(self, demand):
            self.finish()
            return [-1] if self.starts == 1 else [1]

    source, sink = Once(), Collect()
    async with StageGroup("one_for_all") as group:
        ref = await group.start(source, restart="transient")
        consumer = await group.start(sink, subscribe_to=[ref], restart="transient")
        await group.wait()
        assert await consumer.wait() == "normal"
    assert sink.queue.get_nowait() == 1
    assert isinstance(sink.stops[0], ValueError)
    assert (source.starts, sink.starts) == (2, 2)


@interleaved(5)
async def test_a_crash_just_before_the_block_is_left_is_not_raised_by_it():
    class Slow(Fed):
        async def on_stop(self, reason):
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual

    async with StageGroup("one_for_one") as group:
        ref = await group.start(Slow())
        ref.cast(LookupError("crash"))
        await settled()
    assert isinstance(await ref.wait(), LookupError)


@interleaved(5)
async def test_a_producer_that_ran_again_and_finished_before_its_consumer_heard_of_the_crash():
    class Brief(Fed):
        def on_start(self):
            super().on_start()
            if self.starts > 1:
                self.finish()

    class Slow(Pass):
        async def handle_events(self, events, producer):
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual

    async with StageGroup("one_for_one") as group:
        brief = await group.start(Brief(), restart="transient")
        options = Subscribe(brief, cancel="temporary")
        slow = await group.start(Slow(), subscribe_to=[options], restart="transient")
        await group.start(Collect(), subscribe_to=[slow], restart="transient")
        brief.cast([1])
        brief.cast(LookupError("crash"))
        await group.wait()
        assert await slow.wait() == "normal"
