"""``finish()``: at any time, from anywhere, and never before what was emitted has left."""

import asyncio

import pytest

from flowlike import PartitionDispatcher, ProducerConsumer, StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


class Finishes(ProbeProducer[int]):
    """Finishes in the callback it is told, with events that leave after it."""

    def __init__(self, where, slow):
        super().__init__()
        self.where = where
        self.slow = slow

    def done(self, where, events=None):
        if where != self.where:
            return None
        self.finish()
        return self.later(events) if self.slow else events

    async def later(self, events):
        await asyncio.sleep(3)  # noqa: TID251 - the clock is virtual
        return events

    def on_start(self):
        if self.where == "on_start":
            self.emit([1, 2])
        return self.done("on_start")

    def handle_demand(self, demand):
        return self.done("handle_demand", [1, 2])

    def handle_subscribe(self, role, options, peer):
        if self.where == "handle_subscribe":
            self.emit([1, 2])
        return self.done("handle_subscribe")

    def handle_cancel(self, reason, peer):
        return self.done("handle_cancel", [1, 2])

    def handle_call(self, request):
        if self.where == "handle_call":
            self.emit([1, 2])
        return self.done("handle_call", "reply")

    def handle_cast(self, message):
        return self.done("handle_cast", [1, 2])

    def handle_info(self, message):
        return self.done("handle_info", [1, 2])


PLACES = [name for name in vars(Finishes) if name.startswith(("on_", "handle_"))]


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("where", PLACES)
def test_in_every_callback_with_the_events_that_it_returns(where, slow):
    @interleaved(5)
    async def test():
        source, sink, other = Finishes(where, slow), ProbeConsumer(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[producer])
            if where == "handle_cancel":
                consumer = await group.start(other)
                await (await consumer.subscribe(producer)).cancel()
            sink.ask(1)
            if where == "handle_call":
                assert await producer.call(0) == "reply"
            producer.cast(0)
            producer.send(0)
            await sink.expect([1], within=5)
            await settled()
            assert (source.reason, sink.reason) == (None, None)
            sink.ask(3)
            await sink.expect([2])
            assert await sink.expect_end() == "normal"
            assert source.reason == "normal"

    test()


@interleaved(10)
async def test_from_outside_twice_with_events_that_nobody_has_asked_for():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        source.emit([1, 2])
        source.finish()
        producer.finish()
        source.emit([3])
        await settled()
        assert source.reason is None
        assert await producer.buffered_count() == 3
        await group.start(sink, subscribe_to=[producer])
        sink.ask(2)
        await sink.expect([1, 2])
        await settled()
        source.finish()
        assert source.reason is None
        sink.ask(2)
        await sink.expect([3])
        await sink.expect_end()
        await group.wait()
    with pytest.raises(StageStopped, match="ProbeProducer is not running"):
        source.finish()
    assert source.asked == []  # a stage that finishes makes nothing more


@interleaved(10)
async def test_what_a_partition_keeps_leaves_first():
    class Split(ProbeProducer[int]):
        dispatcher = PartitionDispatcher(2, hash=lambda n: n % 2)

    source, even, odd = Split(), ProbeConsumer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        for number, sink in enumerate((even, odd)):
            await group.start(sink, subscribe_to=[Subscribe(producer, partition=number)])
        even.ask(10)
        await source.expect_demand(10)
        source.emit([1, 3, 5])
        source.finish()
        await even.expect_nothing()
        assert (source.reason, await producer.buffered_count()) == (None, 3)
        odd.ask(3)
        await odd.expect([1, 3, 5])
        assert [await each.expect_end() for each in (even, odd)] == ["normal", "normal"]


@pytest.mark.parametrize("slow", [False, True])
def test_a_consumer_or_producer_consumer_handles_nothing_more(slow):
    class First(ProducerConsumer[int, int]):
        def handle_events(self, events, producer):
            self.finish()
            return self.later(events) if slow else events

        async def later(self, events):
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
            return events

    @interleaved(5)
    async def test():
        source, sink = ProbeProducer(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            options = Subscribe(producer, max_demand=4, min_demand=2)
            first = await group.start(First(), subscribe_to=[options])
            await group.start(sink, subscribe_to=[first])
            await source.expect_demand(4)
            sink.ask(8)
            source.emit([1, 2, 3, 4])
            await sink.expect([1, 2], within=2)
            assert await sink.expect_end() == "normal"
            assert source.reason is None  # it goes on for others

    test()


@interleaved(10)
async def test_a_chain_ends_by_itself_after_the_last_events():
    class Last(ProducerConsumer[int, int]):
        def handle_events(self, events, producer):
            return events

        async def handle_cancel(self, reason, peer):
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
            return [str(reason), peer.tag]

    sources, sink = [ProbeProducer(), ProbeProducer()], ProbeConsumer()
    async with StageGroup() as group:
        to = [
            Subscribe(await group.start(source), tag=name)
            for source, name in zip(sources, "ab", strict=True)
        ]
        last = await group.start(Last(), subscribe_to=to)
        await group.start(sink, subscribe_to=[last])
        sources[0].emit([1])
        sources[0].finish()
        sink.ask(3)
        await sink.expect([1, "normal", "a"], within=2)
        await sink.expect_nothing(within=60)
        assert sink.reason is None
        sources[1].finish()
        sink.ask(1)
        await sink.expect(["normal"], within=2)
        sink.ask(1)
        await sink.expect(["b"])
        assert await sink.expect_end() == "normal"
        await group.wait()


@pytest.mark.parametrize("strategy", [None, "one_for_one"])
@pytest.mark.parametrize("subscribes", [False, True])
def test_a_stage_that_finishes_as_it_starts_has_ended_when_it_was_started(strategy, subscribes):
    class Enough(ProbeConsumer):
        def on_start(self):
            self.finish()

    @interleaved(10)
    async def test():
        source, sink = ProbeProducer(), Enough()
        async with StageGroup(strategy) as group:
            producer = await group.start(source)
            wanted = [producer] if subscribes else []
            ref = await group.start(sink, subscribe_to=wanted, restart="transient")
            assert await ref.wait() == "normal"
            await settled()
            assert source.reason is None
            with pytest.raises(StageStopped):
                await ref.subscribe(producer)

    test()


@interleaved(10)
async def test_a_finished_producer_waits_for_a_consumer_to_come():
    source, first, second = ProbeProducer(), ProbeConsumer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        early = await group.start(first, subscribe_to=[producer])
        source.emit([1, 2])
        source.finish()
        first.ask(1)
        await first.expect([1])
        await early.stop()
        await settled()
        assert source.reason is None
        await group.start(second, subscribe_to=[producer])
        second.ask(2)
        await second.expect([2])
        assert await producer.wait() == "normal"
