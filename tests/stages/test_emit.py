"""Events that leave outside of the callbacks, and the buffer for those that nobody asked for."""

import asyncio
import math

import numpy as np
import pytest
from plain_stages import Pass

from flowlike import StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


@pytest.mark.parametrize("kind", [ProbeProducer, Pass])
def test_from_a_task_with_demand_and_without(kind):
    @interleaved(10)
    async def test():
        stage, sink = kind(), ProbeConsumer()

        async def write():
            for number in range(5):
                stage.emit([number])
                await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual

        async with StageGroup() as group:
            ref = await group.start(stage)
            stage.emit([10])  # before anybody has subscribed
            await group.start(sink, subscribe_to=[ref])
            writing = asyncio.create_task(write())
            await sink.expect_nothing(within=2)
            sink.ask(1)
            await sink.expect([10])
            sink.ask(10)
            await sink.expect([0, 1, 2, 3, 4], within=5)
            await writing
            await ref.stop()
            await sink.expect_end()
            with pytest.raises(StageStopped, match="not running"):
                stage.emit([5])

    test()


def test_while_another_callback_awaits_events_leave_at_once():
    class Busy(ProbeProducer):
        async def handle_info(self, message):
            await asyncio.sleep(60)  # noqa: TID251 - the clock is virtual
            return ["last"]

    @interleaved(10)
    async def test():
        source, sink = Busy(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[producer])
            sink.ask(3)
            await source.expect_demand(3)
            producer.send("work")
            await settled()
            source.emit(["first"])
            await sink.expect(["first"])
            await sink.expect(["last"], within=61)

    test()


@interleaved(5)
async def test_in_on_start_on_stop_and_handle_subscribe():
    class Eager(ProbeProducer):
        def on_start(self):
            self.emit(["start"])

        def handle_subscribe(self, role, options, peer):
            self.emit([role])

        def on_stop(self, reason):
            super().on_stop(reason)
            with pytest.raises(StageStopped, match="has ended and cannot emit"):
                self.emit(["stop"])

    source, sink = Eager(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        sink.ask(2)
        await sink.expect(["start", "consumer"])
        await producer.stop()
        assert source.reason == "normal"


@pytest.mark.parametrize(
    "events",
    [5, "text", b"ab", {1: 2}, {1}, iter([1]), np.int64(3), np.array(3), None],
    ids=repr,
)
async def test_what_is_no_batch(events):
    source = ProbeProducer()
    async with StageGroup() as group:
        await group.start(source)
        with pytest.raises(TypeError, match="the argument of emit must be a batch"):
            super(ProbeProducer, source).emit(events)
        assert source.reason is None


@pytest.mark.parametrize("batch", [list, np.array, lambda numbers: numbers], ids=repr)
@pytest.mark.parametrize(
    ("keep", "size", "kept"),
    [
        ("last", 4, [7, 8, 9, 10]),
        ("first", 4, [0, 1, 2, 3]),
        ("last", 0, []),
        ("first", 0, []),
        ("last", math.inf, list(range(11))),
    ],
)
def test_what_a_buffer_keeps(batch, keep, size, kept, caplog):
    @interleaved(3)
    async def test():
        caplog.clear()
        source, sink = ProbeProducer(), ProbeConsumer()
        source.buffer_size, source.buffer_keep = size, keep
        async with StageGroup() as group:
            producer = await group.start(source)
            for numbers in (range(3), range(3, 10), range(10, 11)):
                source.emit(batch(numbers))
            assert await producer.buffered_count() == len(kept)
            assert producer.counts().discarded == 11 - len(kept)
            await group.start(sink, subscribe_to=[producer])
            sink.ask(20)
            await settled()
            assert sink.events == kept
        dropped = [int(record.message.split()[3]) for record in caplog.records]
        assert sum(dropped) == 11 - len(kept)

    test()


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("text", [None, "three are gone"])
def test_what_is_logged(slow, text, caplog):
    class Small(ProbeProducer):
        buffer_size = 2

        def format_discarded(self, count):
            assert count == 3
            return text

    class Slow(Small):
        async def format_discarded(self, count):
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
            return super().format_discarded(count)

    @interleaved(5)
    async def test():
        caplog.clear()
        source = Slow() if slow else Small()
        async with StageGroup() as group:
            producer = await group.start(source)
            source.emit(range(5))
            await producer.stop()  # what was dropped before is logged before
        assert [record.message for record in caplog.records] == [] if text is None else [text]

    test()


@interleaved(5)
async def test_a_producer_consumer_keeps_all_unless_it_says_otherwise():
    class Many(Pass):
        def handle_events(self, events, producer):
            return list(range(50_000))

    class Few(Many):
        buffer_size = 10

    source = ProbeProducer()
    async with StageGroup() as group:
        producer = await group.start(source)
        for kind, kept in ((Many, 49_999), (Few, 10)):
            sink = ProbeConsumer()
            options = Subscribe(producer, max_demand=1)
            stage = await group.start(kind(), subscribe_to=[options])
            await group.start(sink, subscribe_to=[stage])
            sink.ask(1)
            await settled()
            source.emit([1])
            await sink.expect([0])
            assert await stage.buffered_count() == kept
            await stage.stop()
