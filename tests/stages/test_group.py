"""Stages that run: demand, order, ends, crashes, and that nothing stays behind."""

import asyncio
import contextlib
from datetime import timedelta

import numpy as np
import pytest

from flowlike import (
    Consumer,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    StageGroup,
    StageStopped,
    Subscribe,
)


class Count(Producer[int]):
    """0, 1, 2, ... up to a limit; remembers what it was asked for."""

    def __init__(self, limit=None):
        self.limit = limit
        self.next = 0
        self.asked = []
        self.stopped = None

    def handle_demand(self, demand):
        self.asked.append(demand)
        end = self.next + demand if self.limit is None else min(self.next + demand, self.limit)
        events, self.next = list(range(self.next, end)), end
        if end == self.limit:
            self.finish()
        return events

    def on_stop(self, reason):
        self.stopped = reason


class Collect(Consumer[int]):
    def __init__(self):
        self.batches = []
        self.stopped = None
        self.cancelled = []

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]

    def handle_events(self, events, producer):
        self.batches.append(list(events))

    def handle_cancel(self, reason, peer):
        self.cancelled.append(reason)

    def on_stop(self, reason):
        self.stopped = reason


class Double(ProducerConsumer[int, int]):
    def handle_events(self, events, producer):
        return [2 * event for event in events]


class Fed(Producer[int]):
    """Emits what it is told, whether or not it was asked."""

    def handle_demand(self, demand):
        return ()

    def handle_cast(self, message):
        return message


class Gate(Consumer[int]):
    """Handles a batch only when it is let."""

    def __init__(self):
        self.seen = []
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def handle_events(self, events, producer):
        self.seen.extend(events)
        self.entered.set()
        await self.open.wait()


async def quiet():
    """Let every ready callback of the loop run until nothing is ready."""
    for _ in range(20):
        turned = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turned.set_result, None)
        await turned


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


@pytest.mark.parametrize(("maximum", "minimum"), [(1, 0), (10, 5), (10, 9), (1000, None)])
async def test_events_arrive_in_order_in_batches_of_max_less_min(maximum, minimum):
    source, sink = Count(5000), Collect()
    async with StageGroup() as group:
        producer = await group.start(source)
        subscribe = Subscribe(producer, max_demand=maximum, min_demand=minimum)
        await group.start(sink, subscribe_to=[subscribe])
        await group.wait()
    assert sink.events == list(range(5000))
    size = maximum - (maximum // 2 if minimum is None else minimum)
    assert {len(batch) for batch in sink.batches[:-1]} == {size}
    assert source.asked[0] == maximum
    assert (source.stopped, sink.stopped) == ("normal", "normal")
    assert sink.cancelled == ["normal"]


async def test_a_producer_never_delivers_more_than_was_asked_for():
    gate = Gate()
    source = Count()
    async with StageGroup() as group:
        producer = await group.start(source)
        subscribe = Subscribe(producer, max_demand=10, min_demand=4)
        consumer = await group.start(gate, subscribe_to=[subscribe])
        await gate.entered.wait()
        await quiet()
        assert sum(source.asked) == 10
        assert gate.seen == list(range(6))
        gate.open.set()
        await consumer.stop()


async def test_a_producer_consumer_passes_on_and_finishes_by_itself():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Count(100))
        double = await group.start(Double(), subscribe_to=[Subscribe(producer, max_demand=7)])
        await group.start(sink, subscribe_to=[Subscribe(double, max_demand=3)])
        await group.wait()
    assert sink.events == [2 * n for n in range(100)]


async def test_a_producer_consumer_waits_for_demand():
    gate = Gate()

    class Probe(Double):
        handled = 0

        def handle_events(self, events, producer):
            self.handled += len(events)
            return super().handle_events(events, producer)

    probe = Probe()
    async with StageGroup() as group:
        producer = await group.start(Count())
        middle = await group.start(probe, subscribe_to=[Subscribe(producer, max_demand=4)])
        await group.start(gate, subscribe_to=[Subscribe(middle, max_demand=2, min_demand=0)])
        await gate.entered.wait()
        await quiet()
        assert probe.handled == 2
        gate.open.set()
        await producer.stop()


async def test_events_that_nobody_asked_for_wait_in_the_bounded_buffer(caplog):
    class Small(Fed):
        buffer_size = 5

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Small())
        producer.cast(list(range(8)))
        await quiet()
        assert await producer.buffered_count() == 5
        assert producer.counts().discarded == 3
        await group.start(sink, subscribe_to=[producer])
        await quiet()
    assert sink.events == [3, 4, 5, 6, 7]
    assert "Small has discarded 3 events from its buffer" in caplog.text


async def test_the_first_events_can_be_kept_and_nothing_logged(caplog):
    class First(Fed):
        buffer_size = 2
        buffer_keep = "first"

        def format_discarded(self, count):
            return None

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(First())
        producer.cast([1, 2, 3])
        await group.start(sink, subscribe_to=[producer])
        await quiet()
    assert sink.events == [1, 2]
    assert caplog.text == ""


async def test_finish_waits_until_the_buffer_is_empty():
    class Done(Fed):
        def handle_cast(self, message):
            self.finish()
            return message

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Done())
        producer.cast([1, 2, 3])
        await quiet()
        await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=1)])
        await group.wait()
    assert sink.events == [1, 2, 3]


async def test_partitions():
    class Split(Count):
        dispatcher = PartitionDispatcher(["even", "odd"], hash=lambda n: ("even", "odd")[n % 2])

    even, odd = Collect(), Collect()
    async with StageGroup() as group:
        producer = await group.start(Split(1000))
        await producer.demand("accumulate")
        await group.start(even, subscribe_to=[Subscribe(producer, partition="even")])
        await group.start(odd, subscribe_to=[Subscribe(producer, partition="odd")])
        await producer.demand("forward")
        await group.wait()
    assert even.events == list(range(0, 1000, 2))
    assert odd.events == list(range(1, 1000, 2))


async def test_accumulated_demand_is_handed_over_when_it_is_forwarded():
    class Held(Count):
        demand = "accumulate"

    source, sink = Held(10), Collect()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        await quiet()
        assert source.asked == []
        await producer.demand("forward")
        await group.wait()
    assert source.asked == [1000]
    assert sink.events == list(range(10))


async def test_manual_demand():
    class Manual(Collect):
        def handle_subscribe(self, role, options, peer):
            assert (role, options.tag) == ("producer", "numbers")
            self.peer = peer
            return "manual"

    sink = Manual()
    async with StageGroup() as group:
        producer = await group.start(Count())
        await group.start(sink, subscribe_to=[Subscribe(producer, tag="numbers")])
        await quiet()
        assert sink.events == []
        sink.peer.ask(3)
        await quiet()
        assert sink.events == [0, 1, 2]
        sink.peer.ask(1)
        await quiet()
        assert sink.events == [0, 1, 2, 3]


async def test_ask_on_an_automatic_subscription():
    async with StageGroup() as group:
        producer = await group.start(Count())
        consumer = await group.start(Collect())
        subscription = await consumer.subscribe(producer)
        with pytest.raises(ValueError, match="return 'manual'"):
            subscription.ask(1)


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
async def test_cancel_modes_when_a_producer_is_stopped(mode, lives):
    sink = Collect()
    async with StageGroup() as group:
        first = await group.start(Count(3))
        second = await group.start(Fed())
        third = await group.start(Fed())
        await group.start(sink, subscribe_to=[first, Subscribe(second, cancel=mode), third])
        await quiet()
        assert sink.events == [0, 1, 2]
        await second.stop()
        await quiet()
        assert (sink.stopped is None) == lives


async def test_a_cancelled_subscription_loses_no_event_that_was_sent():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Count())
        other = await group.start(Fed())
        consumer = await group.start(sink, subscribe_to=[other])
        options = Subscribe(producer, max_demand=5, min_demand=0, cancel="temporary")
        subscription = await consumer.subscribe(options)
        await subscription.cancel()
        await quiet()
        assert sink.cancelled == ["normal"]
        assert producer.counts().events_out == len(sink.events) > 0
        assert sink.stopped is None


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


async def test_callbacks_may_be_coroutines_and_are_called_one_at_a_time():
    class Async(ProducerConsumer[int, int]):
        running = 0
        started = stopped = False

        async def on_start(self):
            self.started = True

        async def handle_events(self, events, producer):
            assert self.running == 0
            self.running += 1
            await quiet()
            self.running -= 1
            return [event + 1 for event in events]

        async def on_stop(self, reason):
            await quiet()
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


async def test_an_array_a_range_and_a_tuple_are_batches():
    for batch in (np.arange(3), range(3), (0, 1, 2)):
        sink = Collect()
        async with StageGroup() as group:
            producer = await group.start(Fed())
            await group.start(sink, subscribe_to=[producer])
            producer.cast(batch)
            await quiet()
        assert sink.events == [0, 1, 2]


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


async def test_a_hash_that_fails_ends_the_group_whenever_it_is_called():
    class Split(Fed):
        dispatcher = PartitionDispatcher(1, hash=lambda n: n // 0)

    for first in ("buffered", "asked"):
        with pytest.raises(ZeroDivisionError) as caught:
            async with StageGroup() as group:
                producer = await group.start(Split())
                if first == "buffered":
                    producer.cast([1])
                    await quiet()
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


async def test_events_that_a_dispatcher_drops_are_asked_for_again():
    class Split(Count):
        dispatcher = PartitionDispatcher(1, hash=lambda n: None if n < 10 else 0)

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Split(100))
        await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=4, partition=0)])
        await group.wait()
    assert sink.events == list(range(10, 100))


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


async def test_two_stages_that_feed_each_other_leave_turns_for_others():
    class Echo(ProducerConsumer[int, int]):
        def handle_events(self, events, producer):
            return events

        def handle_cast(self, message):
            return [message]

    sink = Collect()
    async with StageGroup() as group:
        ping, pong = await group.start(Echo()), await group.start(Echo())
        await ping.subscribe(Subscribe(pong, cancel="temporary"))
        await pong.subscribe(Subscribe(ping, cancel="temporary"))
        ping.cast(0)
        await quiet()
        producer = await group.start(Count(10_000))
        consumer = await group.start(sink, subscribe_to=[producer])
        await consumer.wait()
    assert sink.events == list(range(10_000))


async def test_a_temporary_consumer_outlives_a_producer_that_was_stopped():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Fed())
        subscribe = Subscribe(producer, cancel="temporary")
        await group.start(sink, subscribe_to=[subscribe])
        await producer.stop()
        await quiet()
        assert (sink.stopped, sink.cancelled) == (None, ["normal"])


async def test_a_coroutine_as_handle_subscribe_is_called_for_one_producer_after_the_other():
    class Slow(Collect):
        inside = 0

        async def handle_subscribe(self, role, options, peer):
            self.inside += 1
            assert self.inside == 1
            await quiet()
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


async def test_start_is_answered_when_the_stage_is_ended_meanwhile():
    class Slow(Collect):
        async def on_start(self):
            await asyncio.Event().wait()

    async with StageGroup() as group:
        starting = asyncio.create_task(group.start(Slow()))
        await quiet()
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
