"""Ending a stage from outside: what it still handles, what it still sends, and for how long."""

import asyncio

import pytest
from plain_stages import Pass

from flowlike import ProducerConsumer, StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, run, settled


class Slow(ProbeConsumer[int]):
    """Takes ``seconds`` for each batch."""

    def __init__(self, seconds):
        super().__init__(manual=False)
        self.seconds = seconds

    async def handle_events(self, events, producer):
        await asyncio.sleep(self.seconds)  # noqa: TID251 - the clock is virtual
        super().handle_events(events, producer)


@interleaved(20)
async def test_buffered_events_go_to_open_demand_first():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        source.emit(range(10))
        sink.ask(4)
        await producer.stop()
        assert await sink.expect_end() == "normal"
    assert sink.events == [0, 1, 2, 3]


@interleaved(20)
async def test_what_has_come_is_handled_first():
    source, sink = ProbeProducer(), Slow(1)
    async with StageGroup() as group:
        producer = await group.start(source)
        options = Subscribe(producer, max_demand=4, min_demand=2)
        consumer = await group.start(sink, subscribe_to=[options])
        await source.expect_demand(4)
        source.emit([1, 2, 3, 4, 5, 6])
        await consumer.stop()
        assert sink.events[:4] == [1, 2, 3, 4]


@interleaved(20)
async def test_a_producer_consumer_handles_what_its_consumers_have_asked_for():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        options = Subscribe(producer, max_demand=4, min_demand=3)
        middle = await group.start(Pass(), subscribe_to=[options])
        await group.start(sink, subscribe_to=[middle])
        await source.expect_demand(4)
        sink.ask(2)
        await settled()
        source.emit([1, 2, 3, 4])
        await middle.stop()
        assert await sink.expect_end() == "normal"
    assert sink.events == [1, 2]


async def stop(sink, batches, reason="normal"):
    """Stop a slow consumer that has so many batches before it; the seconds it took, and why."""
    source = ProbeProducer()
    async with StageGroup() as group:
        producer = await group.start(source)
        options = Subscribe(producer, max_demand=2 * batches, min_demand=2 * batches - 2)
        consumer = await group.start(sink, subscribe_to=[options])
        await source.expect_demand(2 * batches)
        source.emit(range(2 * batches))
        await settled()
        await consumer.stop(reason)
        return asyncio.get_running_loop().time(), await consumer.wait()


def test_a_callback_that_is_stuck_is_cancelled_after_five_seconds():
    sink = Slow(3600)
    assert run(stop(sink, 2, "shutdown")) == (5, "shutdown")
    assert (sink.events, sink.reason) == ([], "shutdown")


def test_five_seconds_are_all_there_is_for_what_waits():
    sink = Slow(2)
    assert run(stop(sink, 4)) == (5, "normal")
    assert sink.events == [0, 1, 2, 3]


@interleaved(10)
async def test_messages_before_it_are_handled_and_those_after_it_refused():
    class Notes(ProbeProducer):
        def __init__(self):
            super().__init__()
            self.heard = []

        def handle_cast(self, message):
            self.heard.append(message)

        async def handle_call(self, request):
            return request

    source = Notes()
    async with StageGroup() as group:
        producer = await group.start(source)
        before = asyncio.create_task(producer.call("before"))
        await asyncio.wait([before], timeout=1)
        producer.cast(1)
        stopping = asyncio.create_task(producer.stop())
        producer.cast(2)
        await stopping
        producer.cast(3)
        producer.send(4)
        producer.finish()
        await producer.stop("shutdown")
        assert before.result() == "before"
        assert source.heard[:1] == [1]
        assert 3 not in source.heard
        assert await producer.wait() == "normal"
        with pytest.raises(StageStopped, match="'Notes' has ended"):
            await producer.call("after")


@interleaved(5)
async def test_an_exception_as_the_reason_is_a_crash():
    with pytest.raises(LookupError, match="told so"):
        async with StageGroup() as group:
            producer = await group.start(ProbeProducer())
            await producer.stop(LookupError("told so"))


@pytest.mark.parametrize("reason", ["boom", 5, None, ValueError])
async def test_what_is_no_reason(reason):
    sink = ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        subscription = await (await group.start(sink)).subscribe(producer)
        text = "reason must be 'normal', 'shutdown' or an exception, not"
        with pytest.raises(ValueError, match=text):
            await producer.stop(reason)
        with pytest.raises(ValueError, match=text):
            await subscription.cancel(reason)
        with pytest.raises(ValueError, match=text):
            group.end(reason)
        assert sink.reason is None


class Counting(ProbeProducer[int]):
    """Sends at once what it is asked for."""

    def handle_demand(self, demand):
        super().handle_demand(demand)
        return list(range(sum(self.asked) - demand, sum(self.asked)))


@interleaved(20)
async def test_nothing_is_asked_for_that_could_not_be_handled():
    source, sink = Counting(), Slow(1)
    async with StageGroup() as group:
        producer = await group.start(source)
        consumer = await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=4)])
        await settled()
        await consumer.stop()
        assert sum(source.asked) == 4
        assert sink.events == [0, 1, 2, 3]
        assert consumer.counts().lost == 0


@interleaved(20)
async def test_nothing_is_asked_for_by_hand_either():
    source, sink = Counting(), ByHand(1)
    async with StageGroup() as group:
        producer = await group.start(source)
        consumer = await group.start(sink, subscribe_to=[producer])
        await settled()
        await consumer.stop()
        assert sink.events == [0]
        assert source.asked == [1]


class ByHand(Slow):
    """Asks for one event, and for another when it has handled one."""

    def handle_subscribe(self, role, options, peer):
        self.producer = peer
        peer.ask(1)
        return "manual"

    async def handle_events(self, events, producer):
        await super().handle_events(events, producer)
        self.producer.ask(1)


@interleaved(20)
async def test_a_producer_consumer_that_finishes_asks_for_nothing():
    class First(ProducerConsumer[int, int]):
        def handle_events(self, events, producer):
            self.finish()
            return events

    source, sink = Counting(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        options = Subscribe(producer, max_demand=2, min_demand=1)
        first = await group.start(First(), subscribe_to=[options])
        await group.start(sink, subscribe_to=[first])
        sink.ask(1)
        await sink.expect([0])
        assert await sink.expect_end() == "normal"
        assert source.asked == [2]
