"""Stages that run: callbacks, ends, crashes, and that nothing stays behind."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from plain_stages import Collect, Count, Fed, Gate

from flowlike import (
    Consumer,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    StageGroup,
    StageStopped,
    Subscribe,
)
from flowlike.testing import interleaved, settled


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def test_a_crash_ends_the_group_with_the_original_exception():
    class Broken(Collect):
        def handle_events(self, events, producer):
            raise RuntimeError("no")

    source = Count()
    reached = False
    with pytest.raises(RuntimeError, match="no") as caught:
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(Broken(), subscribe_to=[producer], name="broken")
            await asyncio.Event().wait()
            reached = True
    assert caught.value.__notes__ == ["in handle_events of stage 'broken'"]
    assert not reached
    assert source.stopped is not None


async def test_the_first_of_several_crashes_has_a_note_of_the_others():
    class First(Consumer[int]):
        def handle_events(self, events, producer):
            raise ValueError("one")

    class Second(Consumer[int]):
        def on_stop(self, reason):
            raise LookupError("two")

    with pytest.raises(ValueError, match="one") as caught:
        async with StageGroup() as group:
            producer = await group.start(Count())
            await group.start(Second())
            await group.start(First(), subscribe_to=[producer])
            await group.wait()
    assert "after it: LookupError('two')" in caught.value.__notes__


async def test_what_the_block_raises_stops_the_stages():
    gate = Gate()
    with pytest.raises(KeyError):
        async with StageGroup() as group:
            producer = await group.start(Count())
            consumer = await group.start(gate, subscribe_to=[producer])
            await gate.entered.wait()
            raise KeyError
    assert await consumer.wait() == "shutdown"


async def test_cancelling_the_block_stops_the_stages():
    source, gate = Count(), Gate()

    async def block():
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(gate, subscribe_to=[producer])
            await group.wait()

    task = asyncio.create_task(block())
    await gate.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.stopped == "shutdown"


@pytest.mark.parametrize(
    ("mode", "lives"), [("permanent", False), ("transient", True), ("temporary", True)]
)
@interleaved(3)
async def test_cancel_modes_when_a_producer_is_stopped(mode, lives):
    sink = Collect()
    async with StageGroup() as group:
        first = await group.start(Count(3))
        second = await group.start(Fed())
        third = await group.start(Fed())
        await group.start(sink, subscribe_to=[first, Subscribe(second, cancel=mode), third])
        await settled()
        assert sink.events == [0, 1, 2]
        await second.stop()
        await settled()
        assert (sink.stopped is None) == lives


async def test_calls_casts_and_messages():
    class Server(Fed):
        def __init__(self):
            self.heard = []

        def handle_call(self, request):
            if request == "fail":
                raise LookupError("unknown")
            return request * 2

        def handle_info(self, message):
            self.heard.append(message)

    class Slow(Fed):
        async def handle_call(self, request):
            await asyncio.Event().wait()

    server = Server()
    async with StageGroup() as group:
        stage = await group.start(server)
        assert await stage.call(21) == 42
        with pytest.raises(LookupError, match="unknown"):
            await stage.call("fail")
        stage.send("hello")
        assert await stage.call("a") == "aa"
        assert server.heard == ["hello"]
        slow = await group.start(Slow())
        with pytest.raises(TimeoutError):
            await slow.call(1, timeout=0.01)
        slow._stage.end("shutdown")
        await stage.stop()
        with pytest.raises(StageStopped, match="has ended"):
            await stage.call(1)


async def test_emit_after_the_end():
    fed = Fed()
    with pytest.raises(StageStopped, match="not running"):
        fed.emit([1])
    async with StageGroup() as group:
        stage = await group.start(fed)
        await stage.stop()
        with pytest.raises(StageStopped, match="not running"):
            fed.emit([1])


@interleaved(3)
async def test_callbacks_may_be_coroutines_and_are_called_one_at_a_time():
    class Async(ProducerConsumer[int, int]):
        running = 0
        started = stopped = False

        async def on_start(self):
            self.started = True

        async def handle_events(self, events, producer):
            assert self.running == 0
            self.running += 1
            await settled()
            self.running -= 1
            return [event + 1 for event in events]

        async def on_stop(self, reason):
            await settled()
            self.stopped = True

    middle, sink = Async(), Collect()
    async with StageGroup() as group:
        producer = await group.start(Count(50))
        stage = await group.start(middle, subscribe_to=[Subscribe(producer, max_demand=8)])
        assert middle.started
        await group.start(sink, subscribe_to=[stage])
        await group.wait()
    assert sink.events == list(range(1, 51))
    assert middle.stopped


class Wrong(Producer[int]):
    def __init__(self, result):
        self.result = result

    def handle_demand(self, demand):
        return self.result


@pytest.mark.parametrize("result", [5, "text", {1: 2}])
async def test_a_callback_that_returns_no_batch(result):
    with pytest.raises(TypeError, match=r"Wrong.handle_demand must return a batch"):
        async with StageGroup() as group:
            producer = await group.start(Wrong(result))
            await group.start(Collect(), subscribe_to=[producer])
            await group.wait()


async def test_a_consumer_that_returns_events():
    class Emits(Consumer[int]):
        def handle_events(self, events, producer):
            return events

    with pytest.raises(TypeError, match="a Consumer emits nothing"):
        async with StageGroup() as group:
            producer = await group.start(Count(1))
            await group.start(Emits(), subscribe_to=[producer])
            await group.wait()


async def test_stages_in_wrong_places():
    async with StageGroup() as group:
        producer = await group.start(Count())
        consumer = await group.start(Gate())
        with pytest.raises(TypeError, match="is a Producer and cannot subscribe"):
            await group.start(Count(), subscribe_to=[producer])
        with pytest.raises(TypeError, match="cannot subscribe to anything"):
            await producer.subscribe(producer)
        with pytest.raises(TypeError, match="is a consumer and emits nothing"):
            await consumer.subscribe(consumer)
        with pytest.raises(TypeError, match="takes the StageRef"):
            Subscribe(Count())
        with pytest.raises(TypeError, match="start takes a Producer"):
            await group.start(5)
        with pytest.raises(ValueError, match="without partitions"):
            await consumer.subscribe(Subscribe(producer, partition=3))
        with pytest.raises(ValueError, match="cancel must be one of"):
            Subscribe(producer, cancel="never")
        with pytest.raises(ValueError, match="mode must be one of"):
            await producer.demand("stop")
        with pytest.raises(TypeError, match="is no producer"):
            await consumer.demand("forward")
        running = Count()
        await group.start(running)
        with pytest.raises(TypeError, match="runs already"):
            await group.start(running)
    with pytest.raises(RuntimeError, match="inside the `async with"):
        await group.start(Count())
    with pytest.raises(StageStopped, match="has ended"):
        await consumer.subscribe(producer)


async def test_a_callable_makes_the_stage():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(lambda: Count(3), name="made")
        assert producer.name == "made"
        await group.start(sink, subscribe_to=[producer])
        await group.wait()
    assert sink.events == [0, 1, 2]


async def test_on_stop_that_fails_is_the_failure_of_the_group():
    class Bad(Collect):
        def on_stop(self, reason):
            raise OSError("disk")

    with pytest.raises(OSError, match="disk") as caught:
        async with StageGroup() as group:
            producer = await group.start(Count(1))
            await group.start(Bad(), subscribe_to=[producer])
            await group.wait()
    assert caught.value.__notes__ == ["in on_stop of stage 'Bad'"]


@interleaved(3)
async def test_a_hash_that_fails_ends_the_group_whenever_it_is_called():
    class Split(Fed):
        dispatcher = PartitionDispatcher(1, hash=lambda n: n // 0)

    for first in ("buffered", "asked"):
        with pytest.raises(ZeroDivisionError) as caught:
            async with StageGroup() as group:
                producer = await group.start(Split())
                if first == "buffered":
                    producer.cast([1])
                    await settled()
                await group.start(Collect(), subscribe_to=[Subscribe(producer, partition=0)])
                producer.cast([2])
                await asyncio.Event().wait()
        event = 1 if first == "buffered" else 2
        assert f"in the hash of the partitions, event {event}" in caught.value.__notes__


async def test_a_call_to_a_stage_that_was_ended_before_its_turn_is_answered():
    async with StageGroup() as group:
        stage = await group.start(Fed())
        stage.send("wakes it")
        group.end()
        with pytest.raises(StageStopped, match="has ended"):
            await stage.call("too late", timeout=None)


async def test_leaving_the_block_cancels_a_callback_that_waits():
    gate = Gate()
    async with StageGroup() as group:
        producer = await group.start(Count())
        consumer = await group.start(gate, subscribe_to=[producer])
        await gate.entered.wait()
    assert await consumer.wait() == "normal"


async def test_a_stage_that_ends_itself_in_a_callback_returns_first():
    class Ends(Consumer[int]):
        order = ()

        def handle_events(self, events, producer):
            self._running.end("normal")
            self.order += ("handled",)

        def on_stop(self, reason):
            self.order += ("stopped",)

    ends = Ends()
    async with StageGroup() as group:
        producer = await group.start(Count())
        consumer = await group.start(ends, subscribe_to=[producer])
        await consumer.wait()
    assert ends.order == ("handled", "stopped")


@interleaved(3)
async def test_a_temporary_consumer_outlives_a_producer_that_was_stopped():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Fed())
        subscribe = Subscribe(producer, cancel="temporary")
        await group.start(sink, subscribe_to=[subscribe])
        await producer.stop()
        await settled()
        assert (sink.stopped, sink.cancelled) == (None, ["normal"])


@interleaved(3)
async def test_a_coroutine_as_handle_subscribe_is_called_for_one_producer_after_the_other():
    class Slow(Collect):
        inside = 0

        async def handle_subscribe(self, role, options, peer):
            self.inside += 1
            assert self.inside == 1
            await settled()
            self.inside -= 1

    sink = Slow()
    async with StageGroup() as group:
        producers = [await group.start(Count(5)) for _ in range(3)]
        await group.start(sink, subscribe_to=producers)
        await group.wait()
    assert sorted(sink.events) == sorted([*range(5)] * 3)


async def test_a_block_that_catches_its_cancellation_still_raises_the_crash():
    class Broken(Collect):
        def handle_events(self, events, producer):
            raise LookupError("crash")

    with pytest.raises(LookupError, match="crash"):
        async with StageGroup() as group:
            producer = await group.start(Count())
            await group.start(Broken(), subscribe_to=[producer])
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


@interleaved(3)
async def test_start_is_answered_when_the_stage_is_ended_meanwhile():
    class Slow(Collect):
        async def on_start(self):
            await asyncio.Event().wait()

    async with StageGroup() as group:
        starting = asyncio.create_task(group.start(Slow()))
        await settled()
        group.end()
        with pytest.raises(StageStopped, match="has ended"):
            await starting


@pytest.mark.parametrize(
    ("attributes", "error", "text"),
    [
        ({"buffer_size": -1}, ValueError, "buffer_size must be at least 0"),
        ({"buffer_size": "a"}, TypeError, "buffer_size must be an integer"),
        ({"buffer_keep": "none"}, ValueError, "buffer_keep must be one of"),
        ({"demand": "now"}, ValueError, "demand must be one of"),
        ({"dispatcher": 5}, TypeError, "must be an instance of one"),
        ({"dispatcher": PartitionDispatcher}, TypeError, "must be an instance of one"),
    ],
)
async def test_wrong_attributes_are_found_at_the_start(attributes, error, text):
    stage = Fed()
    for name, value in attributes.items():
        setattr(stage, name, value)
    async with StageGroup() as group:
        with pytest.raises(error, match=text):
            await group.start(stage)


@pytest.mark.parametrize(
    ("timeout", "error", "text"),
    [
        (timedelta(microseconds=1), TimeoutError, "stage 'Slow' did not reply within 1e-06 s"),
        (0, ValueError, "timeout must be more than 0"),
        ("x", TypeError, "timeout must be a timedelta"),
    ],
)
async def test_timeouts_of_a_call(timeout, error, text):
    class Slow(Fed):
        async def handle_call(self, request):
            await asyncio.Event().wait()

    async with StageGroup() as group:
        stage = await group.start(Slow())
        with pytest.raises(error, match=text):
            await stage.call(1, timeout=timeout)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"strategy": "all"}, "strategy must be one of"),
        ({"strategy": ""}, "strategy must be one of"),
        ({"max_restarts": -1}, "max_restarts must be at least 0"),
        ({"within": 0}, "within must be more than 0"),
        ({"backoff": -1}, "backoff must be 0 or more"),
    ],
)
def test_bad_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        StageGroup(**options)


async def test_another_restart_word():
    async with StageGroup() as group:
        with pytest.raises(ValueError, match="restart must be one of"):
            await group.start(Fed(), restart="always")
