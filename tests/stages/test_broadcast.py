"""Broadcasts that run: everybody gets everything, or what it selects."""

import asyncio

import pytest
from plain_stages import Collect, Count, Fed

from flowlike import (
    BroadcastDispatcher,
    PartitionDispatcher,
    StageGroup,
    Subscribe,
)


class ToAll(Count):
    """A thousand numbers for everybody, once it is told to go."""

    dispatcher = BroadcastDispatcher()
    demand = "accumulate"

    def __init__(self):
        super().__init__(1000)


class FedToAll(Fed):
    dispatcher = BroadcastDispatcher()


@pytest.mark.parametrize("maximum", [1, 7, 1000])
async def test_everybody_gets_what_it_selects(maximum):
    selectors = [None, lambda n: n % 3 == 0, lambda n: n >= 990, lambda n: False]
    sinks = [Collect() for _ in selectors]
    async with StageGroup() as group:
        producer = await group.start(ToAll())
        for sink, selector in zip(sinks, selectors, strict=True):
            subscribe = Subscribe(producer, max_demand=maximum, selector=selector)
            await group.start(sink, subscribe_to=[subscribe])
        await producer.demand("forward")
        await group.wait()
    assert sinks[0].events == list(range(1000))
    assert sinks[1].events == list(range(0, 1000, 3))
    assert sinks[2].events == list(range(990, 1000))
    assert sinks[3].events == []


async def test_a_producer_goes_on_when_everybody_refuses_its_events():
    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(ToAll())
        await group.start(
            sink, subscribe_to=[Subscribe(producer, max_demand=2, selector=lambda n: n == 999)]
        )
        await producer.demand("forward")
        await group.wait()
    assert sink.events == [999]


async def test_a_producer_goes_on_when_a_hash_drops_its_events():
    class Split(ToAll):
        dispatcher = PartitionDispatcher(1, hash=lambda n: 0 if n == 999 else None)

    sink = Collect()
    async with StageGroup() as group:
        producer = await group.start(Split())
        await producer.demand("forward")
        await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=2, partition=0)])
        await group.wait()
    assert sink.events == [999]


async def test_events_wait_for_the_slowest_and_not_for_one_that_is_gone():
    class Manual(Collect):
        def handle_subscribe(self, role, options, peer):
            self.peer = peer
            return "manual"

    fast, slow = Collect(), Manual()
    async with StageGroup() as group:
        producer = await group.start(FedToAll())
        await group.start(fast, subscribe_to=[producer])
        slow_ref = await group.start(slow, subscribe_to=[Subscribe(producer, cancel="temporary")])
        await producer.call([1, 2, 3])
        slow.peer.ask(1)
        while not slow.events:
            await producer.call([])
        assert (fast.events, slow.events) == ([1], [1])
        assert await producer.buffered_count() == 2
        await slow.peer.cancel()
        while len(fast.events) < 3:
            await producer.call([])
        assert (fast.events, slow.events) == ([1, 2, 3], [1])
        assert "running" in repr(slow_ref)


async def test_the_same_consumer_twice():
    async with StageGroup() as group:
        producer = await group.start(FedToAll())
        consumer = await group.start(Collect(), subscribe_to=[producer])
        with pytest.raises(ValueError, match="subscribed to this broadcast already"):
            await consumer.subscribe(producer)
        assert not consumer._stage.ended.done()


async def test_a_selector_that_fails_ends_the_group():
    with pytest.raises(ZeroDivisionError) as caught:
        async with StageGroup() as group:
            producer = await group.start(ToAll())
            selective = Subscribe(producer, selector=lambda n: 1 // n)
            await group.start(Collect(), subscribe_to=[selective])
            await producer.demand("forward")
            await asyncio.Event().wait()
    assert "in the selector of a subscription, event 0" in caught.value.__notes__
