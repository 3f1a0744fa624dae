"""Whoever waits for an answer of a stage gets one, however the stage ends."""

import asyncio

import pytest

from flowlike import Consumer, PartitionDispatcher, StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


class Waits(Consumer[int]):
    """Waits for ever where it is told to."""

    def __init__(self, where):
        self.where = where

    async def on_start(self):
        if self.where == "on_start":
            await asyncio.Event().wait()

    async def handle_call(self, request):
        await asyncio.Event().wait()


class Breaks(Consumer[int]):
    def __init__(self, where):
        self.where = where

    def on_start(self):
        if self.where == "on_start":
            raise LookupError("lost")

    def handle_subscribe(self, role, options, peer):
        raise LookupError("lost")


@interleaved(10)
async def test_starting_a_stage_that_is_stopped_meanwhile():
    waits = Waits("on_start")
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        start = asyncio.create_task(group.start(waits, subscribe_to=[producer, producer]))
        await settled()
        await waits._running.ref.stop()
        with pytest.raises(StageStopped):
            await start


@interleaved(10)
async def test_spawned_stages_that_are_stopped_meanwhile_are_settled():
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        waits = group.spawn(Waits("on_start"), subscribe_to=[Subscribe(producer)])
        await settled()
        stop = asyncio.create_task(waits.stop())
        await group.settled()
        await stop


@pytest.mark.parametrize("where", ["on_start", "handle_subscribe"])
def test_starting_a_stage_that_fails_from_another_task_than_the_block(where):
    @interleaved(10)
    async def test():
        async def start():
            with pytest.raises((StageStopped, LookupError)):
                await group.start(Breaks(where), subscribe_to=[producer, producer])

        with pytest.raises(LookupError, match="lost"):
            async with StageGroup() as group:
                producer = await group.start(ProbeProducer())
                task = asyncio.create_task(start())
                await group.wait()
        await task

    test()


@interleaved(10)
async def test_calling_a_stage_that_is_stopped_meanwhile():
    async with StageGroup() as group:
        stage = await group.start(Waits("handle_call"))
        call = asyncio.create_task(stage.call("hello", timeout=None))
        later = asyncio.create_task(stage.call("again", timeout=None))
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        await stage.stop()
        for each in (call, later):
            with pytest.raises(StageStopped):
                await each


@interleaved(10)
async def test_spawned_stages_that_end_before_their_first_turn_are_settled():
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        group.spawn(ProbeConsumer(), subscribe_to=[Subscribe(producer)])
        group.end()
        await group.settled()


@interleaved(10)
async def test_handle_subscribe_may_await_and_is_called_for_one_subscription_after_the_other():
    class Slow(ProbeConsumer):
        inside = 0

        async def handle_subscribe(self, role, options, peer):
            assert not self.inside
            self.inside += 1
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
            self.inside -= 1
            return super().handle_subscribe(role, options, peer)

    sources, sink = [ProbeProducer(), ProbeProducer()], Slow(manual=False)
    async with StageGroup() as group:
        to = [await group.start(source) for source in sources]
        await group.start(sink, subscribe_to=to)
        for source in sources:
            await source.expect_demand(1000, within=5)
            source.emit([1])
            await sink.expect([1])


@interleaved(10)
async def test_a_stage_that_ends_before_its_first_turn_is_neither_started_nor_stopped():
    class Said(Consumer[int]):
        said = ()

        def on_start(self):
            self.said += ("start",)

        def on_stop(self, reason):
            self.said += ("stop",)

    said = Said()
    async with StageGroup() as group:
        group.spawn(said)
        group.end()
    assert said.said == ()


@interleaved(5)
async def test_what_a_dispatcher_fails_for_is_lost_and_ends_the_stage():
    class Picky(ProbeProducer):
        dispatcher = PartitionDispatcher(1, hash=lambda event: 0 // event)

    source, sink = Picky(), ProbeConsumer(manual=False)
    with pytest.raises(ZeroDivisionError) as caught:
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=4, partition=0)])
            await source.expect_demand(4)
            with pytest.raises(ZeroDivisionError):
                source.emit([1, 0])
            await settled()
    assert (source.reason, sink.reason) == (caught.value, "shutdown")
    assert caught.value.__notes__[-1:] == ["in emit of stage 'Picky'"]
    assert producer.counts().lost == 2
