"""A group inside a group, in a block or in a callback, and blocks that are left early."""

import asyncio

import pytest

from flowlike import Consumer, StageGroup, StageStopped
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


async def nested(inner_error=None, outer_error=None, sources=None):
    outer_source, inner_source = sources or (ProbeProducer(), ProbeProducer())
    try:
        async with StageGroup() as outer:
            await outer.start(outer_source, name="outer")
            async with StageGroup() as inner:
                await inner.start(inner_source, name="inner")
                if inner_error is not None:
                    inner_source.crash(inner_error)
                if outer_error is not None:
                    outer_source.crash(outer_error)
                await asyncio.Event().wait()
    finally:
        assert None not in (outer_source.reason, inner_source.reason)
        assert asyncio.current_task().cancelling() == 0


@interleaved(10)
async def test_a_crash_in_the_inner_group_leaves_both_blocks():
    with pytest.raises(LookupError, match="inner") as caught:
        await nested(inner_error=LookupError("inner"))
    assert caught.value.__notes__ == ["in handle_info of stage 'inner'"]


@interleaved(10)
async def test_a_crash_in_the_outer_group_stops_the_inner_one():
    with pytest.raises(LookupError, match="outer") as caught:
        await nested(outer_error=LookupError("outer"))
    assert caught.value.__notes__ == ["in handle_info of stage 'outer'"]


def test_of_two_crashes_at_once_none_is_silent(caplog):
    @interleaved(10)
    async def test():
        caplog.clear()
        sources = ProbeProducer(), ProbeProducer()
        with pytest.raises((KeyError, LookupError)) as caught:
            await nested(KeyError("inner"), LookupError("outer"), sources)
        for source, name in zip(sources, ("outer", "inner"), strict=True):
            told = name in str(caught.value) or name in caplog.text
            assert told == isinstance(source.reason, Exception)  # else it had ended before

    test()


@interleaved(10)
async def test_an_inner_block_that_is_caught_leaves_the_outer_group_alone():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as outer:
        producer = await outer.start(source)
        with pytest.raises(LookupError):
            async with StageGroup() as inner:
                await inner.start(sink, subscribe_to=[producer])  # of a group around it
                raise LookupError
        assert sink.reason == "shutdown"
        assert source.reason is None
        again = ProbeConsumer()
        async with StageGroup() as inner:
            await inner.start(again, subscribe_to=[producer])
            again.ask(1)
            await source.expect_demand(1)
            source.emit([1])
            await again.expect([1])
        assert again.reason == "normal"
        assert source.reason is None


class FailsAtTheEnd(ProbeProducer):
    def on_stop(self, reason):
        raise OSError("disk")


@interleaved(5)
async def test_a_stage_that_fails_after_the_block_is_a_note():
    with pytest.raises(LookupError) as caught:
        async with StageGroup() as group:
            await group.start(FailsAtTheEnd())
            raise LookupError
    assert caught.value.__notes__ == ["after it: OSError('disk')"]


def test_a_stage_that_fails_as_the_block_is_cancelled_is_logged(caplog):
    @interleaved(5)
    async def test():
        caplog.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), StageGroup() as group:
                await group.start(FailsAtTheEnd())
                await group.wait()
        assert "OSError: disk" in caplog.text

    test()


@interleaved(10)
async def test_a_callback_may_have_a_group_of_its_own():
    class Parent(Consumer[int]):
        def __init__(self):
            self.results = []

        async def handle_events(self, events, producer):
            source, sink = ProbeProducer(), ProbeConsumer(manual=False)
            async with StageGroup() as group:
                await group.start(sink, subscribe_to=[await group.start(source)])
                await settled()
                source.emit(events)
                source.finish()
                await group.wait()
            self.results += sink.events

    source, parent = ProbeProducer(), Parent()
    async with StageGroup() as group:
        await group.start(parent, subscribe_to=[await group.start(source)])
        source.emit([1, 2])
        source.finish()
        await group.wait()
    assert parent.results == [1, 2]


@interleaved(10)
async def test_a_callback_that_is_stopped_ends_the_group_that_it_has():
    inner = ProbeProducer()

    class Parent(Consumer[int]):
        async def handle_cast(self, message):
            async with StageGroup() as group:
                await group.start(inner)
                await group.wait()

    async with StageGroup() as group:
        parent = await group.start(Parent())
        parent.cast("begin")
        await settled()
        assert inner.reason is None
    assert inner.reason == "shutdown"


@interleaved(10)
async def test_a_timeout_around_a_group():
    source = ProbeProducer()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600), StageGroup() as group:
            await group.start(source)
            await group.wait()
    assert source.reason == "shutdown"
    assert asyncio.get_running_loop().time() == 3600


async def test_a_group_is_entered_once():
    group = StageGroup()
    with pytest.raises(RuntimeError, match="inside the `async with"):
        await group.start(ProbeProducer())
    async with group:
        producer = await group.start(ProbeProducer())
        with pytest.raises(RuntimeError, match="can be entered once"):
            async with group:
                pass
    with pytest.raises(StageStopped):
        await producer.call(1)
