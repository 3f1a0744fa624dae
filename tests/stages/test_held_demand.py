"""Demand that a producer accumulates: at its start, later, and again."""

import pytest
from plain_stages import Pass

from flowlike import StageGroup
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


class Held(ProbeProducer[int]):
    demand = "accumulate"


@interleaved(10)
async def test_from_the_start_until_it_is_let_go():
    source, first, second = Held(), ProbeConsumer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(first, subscribe_to=[producer])
        await group.start(second, subscribe_to=[producer])
        first.ask(3)
        second.ask(4)
        await settled()
        assert source.asked == []
        await producer.demand("forward")
        await source.expect_demand(7)
        assert source.asked == [7]


@interleaved(10)
async def test_later_and_again_while_events_go_on_leaving():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        sink.ask(2)
        await source.expect_demand(2)
        await producer.demand("accumulate")
        await producer.demand("accumulate")
        sink.ask(3)
        await settled()
        assert source.asked == [2]
        source.emit([1, 2, 3, 4])  # what is there leaves, whether it was asked for or not
        await sink.expect([1, 2, 3, 4])
        await producer.demand("forward")
        await settled()
        assert source.asked == [2, 1]
        await producer.demand("accumulate")
        sink.ask(1)
        source.finish()
        assert await sink.expect_end() == "normal"


@interleaved(5)
async def test_only_producers_hold_demand():
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        for stage in (Pass(), ProbeConsumer()):
            ref = await group.start(stage)
            with pytest.raises(TypeError, match="only a producer holds demand"):
                await ref.demand("accumulate")
        for mode in ("stop", None, True):
            with pytest.raises(ValueError, match="mode must be one of 'forward', 'accumulate'"):
                await producer.demand(mode)
        await producer.stop()
        await producer.demand("forward")  # nobody is there to hear it
