"""Iterating over running stages."""

import asyncio
from contextlib import aclosing

import pytest
from plain_stages import Count, Fed

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    StageGroup,
    StageStopped,
    Subscribe,
    stream,
)


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


@pytest.mark.parametrize("maximum", [1, 10, 1000, "auto"])
async def test_all_events_of_two_stages_in_the_order_of_each(maximum):
    async with StageGroup() as group:
        low = await group.start(Count(500))
        high = await group.start(Count(2000, start=1000))
        refs = [Subscribe(low, max_demand=maximum), high]
        events = [event async for event in stream(refs)]
    assert [event for event in events if event < 1000] == list(range(500))
    assert [event for event in events if event >= 1000] == list(range(1000, 2000))


async def test_no_more_is_asked_for_than_the_caller_takes():
    source = Count()
    async with StageGroup() as group:
        ref = await group.start(source)
        async with aclosing(stream([Subscribe(ref, max_demand=10, min_demand=5)])) as events:
            for expected in range(7):
                assert await anext(events) == expected
                assert sum(source.asked) == 10
        await source.cancelled.wait()
        assert source.reason == "normal"
        assert ref.counts().events_out == 10
        assert "running" in repr(ref)


async def test_a_loop_that_is_left_by_an_exception_cancels_the_subscription():
    source = Count()
    async with StageGroup() as group:
        ref = await group.start(source)
        with pytest.raises(KeyError):
            async with aclosing(stream([ref])) as events:
                async for _ in events:
                    raise KeyError
        await source.cancelled.wait()
    assert source.reason == "normal"


async def test_a_caller_that_is_cancelled_while_it_waits():
    fed = Fed()
    async with StageGroup() as group:
        ref = await group.start(fed)

        async def read():
            async with aclosing(stream([ref])) as events:
                async for event in events:
                    seen.set_result(event)

        seen = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(read())
        await ref.call([1])
        assert await seen == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ref.call([])
        assert not ref._stage.outlet.subscriptions


async def test_a_planned_end_ends_the_iteration_after_the_last_event():
    async with StageGroup() as group:
        ref = await group.start(Fed())
        events = stream([ref])
        await ref.call([1, 2, 3])
        assert await anext(events) == 1
        await ref.stop()
        assert [event async for event in events] == [2, 3]


async def test_a_crash_is_raised():
    with pytest.raises(LookupError, match="crashed"):
        async with StageGroup() as group:
            ref = await group.start(Fed())
            other = await group.start(Fed())
            await ref.call([1])
            async with aclosing(stream([ref, other])) as events:
                assert await anext(events) == 1
                ref._stage.end(LookupError("crashed"))
                await anext(events)


async def test_the_end_of_a_temporary_subscription_ends_only_itself():
    async with StageGroup() as group:
        first = await group.start(Fed())
        second = await group.start(Fed())
        refs = [Subscribe(first, cancel="temporary"), Subscribe(second, cancel="temporary")]
        async with aclosing(stream(refs)) as events:
            await first.call([1])
            assert await anext(events) == 1
            await first.stop()
            await second.call([2])
            assert await anext(events) == 2
            await second.stop()
            assert await anext(events, None) is None


async def test_the_crash_of_a_temporary_subscription_ends_only_itself_too():
    class Crash(Fed):
        def handle_cast(self, message):
            raise message

    async with StageGroup("one_for_one") as group:
        first = await group.start(Crash(), restart="temporary")
        second = await group.start(Fed())
        refs = [Subscribe(ref, cancel="temporary") for ref in (first, second)]
        async with aclosing(stream(refs)) as events:
            await second.call([1])
            assert await anext(events) == 1
            first.cast(LookupError("gone"))
            await first.wait()
            await second.call([2])
            assert await anext(events) == 2
        alone = await group.start(Crash(), restart="temporary")
        async with aclosing(stream([Subscribe(alone, cancel="temporary")])) as events:
            await alone.call([1])
            assert await anext(events) == 1
            alone.cast(LookupError("gone"))
            assert await anext(events, None) is None


async def test_what_cannot_be_streamed():
    class Ignore(Consumer[int]):
        def handle_events(self, events, producer):
            pass

    class Twice(Count):
        dispatcher = BroadcastDispatcher()

    async with StageGroup() as group:
        ref = await group.start(Fed())
        consumer = await group.start(Ignore())
        twice = await group.start(Twice())
        with pytest.raises(TypeError, match="several stages"):
            stream(ref)
        with pytest.raises(ValueError, match="at least one stage"):
            stream([])
        with pytest.raises(TypeError, match="emits nothing"):
            stream([consumer])
        with pytest.raises(ValueError, match="without partitions"):
            await anext(stream([Subscribe(ref, partition=1)]))
        with pytest.raises(ValueError, match="subscribed to this broadcast already"):
            await anext(stream([twice, twice]))
        await ref.stop()
        with pytest.raises(StageStopped, match="'Fed' has ended"):
            await anext(stream([ref]))
