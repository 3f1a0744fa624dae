"""Who is given which events: demand, order, batches, the buffer, partitions."""

import asyncio

import numpy as np
import pytest
from plain_stages import Collect, Count, Double, Fed, Gate

from flowlike import (
    PartitionDispatcher,
    ProducerConsumer,
    StageGroup,
    Subscribe,
)
from flowlike.testing import interleaved, settled


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


@interleaved(3)
async def test_a_producer_never_delivers_more_than_was_asked_for():
    gate = Gate()
    source = Count()
    async with StageGroup() as group:
        producer = await group.start(source)
        subscribe = Subscribe(producer, max_demand=10, min_demand=4)
        consumer = await group.start(gate, subscribe_to=[subscribe])
        await gate.entered.wait()
        await settled()
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


@interleaved(3)
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
        await settled()
        assert probe.handled == 2
        gate.open.set()
        await producer.stop()


@interleaved(1)
async def test_events_that_nobody_asked_for_wait_in_the_bounded_buffer(caplog):
    class Small(Fed):
        buffer_size = 5

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Small())
        producer.cast(list(range(8)))
        await settled()
        assert await producer.buffered_count() == 5
        assert producer.counts().discarded == 3
        await group.start(sink, subscribe_to=[producer])
        await settled()
    assert sink.events == [3, 4, 5, 6, 7]
    assert "Small has discarded 3 events from its buffer" in caplog.text


@interleaved(1)
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
        await settled()
    assert sink.events == [1, 2]
    assert caplog.text == ""


@interleaved(3)
async def test_finish_waits_until_the_buffer_is_empty():
    class Done(Fed):
        def handle_cast(self, message):
            self.finish()
            return message

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Done())
        producer.cast([1, 2, 3])
        await settled()
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


@interleaved(3)
async def test_accumulated_demand_is_handed_over_when_it_is_forwarded():
    class Held(Count):
        demand = "accumulate"

    source, sink = Held(10), Collect()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        await settled()
        assert source.asked == []
        await producer.demand("forward")
        await group.wait()
    assert source.asked == [1000]
    assert sink.events == list(range(10))


@interleaved(3)
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
        await settled()
        assert sink.events == []
        sink.peer.ask(3)
        await settled()
        assert sink.events == [0, 1, 2]
        sink.peer.ask(1)
        await settled()
        assert sink.events == [0, 1, 2, 3]


async def test_ask_on_an_automatic_subscription():
    async with StageGroup() as group:
        producer = await group.start(Count())
        consumer = await group.start(Collect())
        subscription = await consumer.subscribe(producer)
        with pytest.raises(ValueError, match="return 'manual'"):
            subscription.ask(1)


@interleaved(3)
async def test_a_cancelled_subscription_loses_no_event_that_was_sent():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Count())
        other = await group.start(Fed())
        consumer = await group.start(sink, subscribe_to=[other])
        options = Subscribe(producer, max_demand=5, min_demand=0, cancel="temporary")
        subscription = await consumer.subscribe(options)
        await subscription.cancel()
        await settled()
        assert sink.cancelled == ["normal"]
        assert producer.counts().events_out == len(sink.events) > 0
        assert sink.stopped is None


@interleaved(3)
async def test_an_array_a_range_and_a_tuple_are_batches():
    for batch in (np.arange(3), range(3), (0, 1, 2)):
        sink = Collect()
        async with StageGroup() as group:
            producer = await group.start(Fed())
            await group.start(sink, subscribe_to=[producer])
            producer.cast(batch)
            await settled()
        assert sink.events == [0, 1, 2]


async def test_events_that_a_dispatcher_drops_are_asked_for_again():
    class Split(Count):
        dispatcher = PartitionDispatcher(1, hash=lambda n: None if n < 10 else 0)

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Split(100))
        await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=4, partition=0)])
        await group.wait()
    assert sink.events == list(range(10, 100))


@interleaved(3)
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
        producer = await group.start(Count(10_000))
        consumer = await group.start(sink, subscribe_to=[producer])
        await consumer.wait()
    assert sink.events == list(range(10_000))
