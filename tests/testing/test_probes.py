"""Probes: what they show of demand and events, and that a wrong expectation fails."""

import asyncio

import numpy as np
import pytest
from plain_stages import Double

from flowlike import StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, run


@interleaved(10)
async def test_demand_goes_up_and_events_come_down():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        options = Subscribe(producer, max_demand=4, min_demand=2)
        double = await group.start(Double(), subscribe_to=[options])
        await group.start(sink, subscribe_to=[double])
        await source.expect_demand(4)
        await sink.expect_nothing()
        source.emit([1, 2, 3])
        await sink.expect_nothing()
        sink.ask(2)
        await sink.expect([2, 4])
        await source.expect_demand(3)
        sink.ask(5)
        await sink.expect([6])
        source.emit([4])
        source.finish()
        assert await sink.expect_end() == "normal"
        await sink.expect([8])
    assert sink.cancelled == ["normal"]
    assert (source.reason, sink.reason) == ("normal", "normal")


@interleaved(5)
async def test_a_probe_that_asks_by_itself():
    source, sink = ProbeProducer(), ProbeConsumer(manual=False)
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[Subscribe(producer, max_demand=3, min_demand=2)])
        await source.expect_demand(3)
        source.emit(range(2))
        assert await sink.take(2) == [0, 1]
        await source.expect_demand(3)
        assert sum(source.asked) == 5


@interleaved(5)
async def test_of_several_producers_one_is_asked_by_its_tag():
    first, second, sink = ProbeProducer(), ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        a, b = await group.start(first), await group.start(second)
        both = [Subscribe(a, tag="a"), Subscribe(b, tag="b")]
        consumer = await group.start(sink, subscribe_to=both)
        sink.ask(2, tag="b")
        await second.expect_demand(2)
        await first.expect_demand(0)
        with pytest.raises(ValueError, match=r"means 2 of the 2 .* tag of its own"):
            sink.ask(1)
        with pytest.raises(ValueError, match="means 0 of the 2"):
            sink.ask(1, tag="c")
        assert (await consumer.buffered_count()) == 0


@interleaved(5)
async def test_wrong_expectations_fail_and_say_what_came():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        with pytest.raises(AssertionError, match="demand of 3, but it is 0"):
            await source.expect_demand(3)
        sink.ask(3)
        with pytest.raises(AssertionError, match=r"demand of 2, but it is 3 \(asked.*\[3\]"):
            await source.expect_demand(2)
        source.emit(["a", "b"])
        with pytest.raises(AssertionError, match=r"expected \['b'\], but \['a'\] came"):
            await sink.expect(["b"])
        with pytest.raises(AssertionError, match=r"expected 3 events.*but 2 came: \['a', 'b'\]"):
            await sink.expect(["a", "b", "c"])
        with pytest.raises(AssertionError, match=r"no event, but \['a', 'b'\] came"):
            await sink.expect_nothing()
        with pytest.raises(AssertionError, match="within 2 s, but it runs on"):
            await sink.expect_end(within=2)
        await sink.expect(["a", "b"])
        await sink.expect_nothing()


def test_nothing_may_come_later_either():
    async def main():
        source, sink = ProbeProducer(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[producer])
            sink.ask(1)
            asyncio.get_running_loop().call_later(5, source.emit, [1])
            await sink.expect_nothing(within=4)
            with pytest.raises(AssertionError, match=r"but \[1\] came"):
                await sink.expect_nothing(within=4)

    run(main())


@interleaved(10)
async def test_a_probe_that_crashes_crashes_its_group():
    source, sink = ProbeProducer(), ProbeConsumer()
    with pytest.raises(OSError, match="disk"):
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[producer])
            source.crash(OSError("disk"))
            await group.wait()
    assert isinstance(source.reason, OSError)
    with pytest.raises(StageStopped):
        source.crash(OSError("again"))


async def test_probes_work_on_every_loop():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[producer])
        sink.ask(2)
        await source.expect_demand(2)
        source.emit([1, 2])
        await sink.expect([1, 2])
        with pytest.raises(AssertionError, match="0 came"):
            await sink.take(1, within=0)
        with pytest.raises(RuntimeError, match="VirtualLoop"):
            await sink.expect_nothing()


def order_of_arrival(seed):
    async def main():
        sources = [ProbeProducer() for _ in range(3)]
        sink = ProbeConsumer()
        async with StageGroup() as group:
            refs = [await group.start(source) for source in sources]
            subscribe = [Subscribe(ref, tag=number) for number, ref in enumerate(refs)]
            await group.start(sink, subscribe_to=subscribe)
            for number, source in enumerate(sources):
                sink.ask(1, tag=number)
                source.emit([number])
            return tuple(await sink.take(3))

    return run(main(), seed=seed)


def test_stages_have_their_turns_in_an_order_that_the_seed_repeats():
    orders = [order_of_arrival(seed) for seed in range(40)]
    assert len(set(orders)) > 1
    assert orders == [order_of_arrival(seed) for seed in range(40)]


@pytest.mark.parametrize(
    ("came", "expected", "equal"),
    [
        (np.arange(3), [0, 1, 2], True),
        ([np.arange(3), 1], [np.arange(3), 1], True),
        ([np.arange(3)], [np.arange(4)], False),
        ([np.arange(3)], [3], False),
        (np.ones((2, 2)), np.ones((2, 2)), True),
    ],
    ids=repr,
)
def test_events_that_are_arrays(came, expected, equal):
    async def main():
        source, sink = ProbeProducer(), ProbeConsumer(manual=False)
        async with StageGroup() as group:
            await group.start(sink, subscribe_to=[await group.start(source)])
            source.emit(came)
            await sink.expect(expected)

    if equal:
        run(main())
    else:
        with pytest.raises(AssertionError, match=r"expected .* came"):
            run(main())
