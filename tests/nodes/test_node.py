"""Stages on several nodes subscribe to each other as if they were on one."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from fake_links import Joined
from plain_stages import Collect, Count, Double, Fed

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    NodeLost,
    PartitionDispatcher,
    RemoteError,
    StageGroup,
    StageStopped,
    Subscribe,
    stream,
)
from flowlike.counted import Counted
from flowlike.nodes.address import Address
from flowlike.nodes.known_errors import KnownErrors
from flowlike.numbered import Numbered
from flowlike.stages import NumberingDispatcher
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled

seeds = Random(1)


def joined_nodes(count=2):
    """Nodes whose links have other delays each time."""
    return Joined(count, seeds.randrange(1000))


def known(joined, ref, there=0, here=1, stage=7):
    """A stage of one node as another knows it."""
    address = joined.nodes[there].admit(ref, stage)
    return joined.nodes[here].ref(address, ref.name)


@interleaved(20)
async def test_events_and_ends_cross():
    joined, collect = joined_nodes(3), Collect()
    async with StageGroup() as group:
        count = known(joined, await group.start(Count(1000)))
        double = known(joined, await group.start(Double(), subscribe_to=[count]), 1, 2)
        await group.start(collect, subscribe_to=[Subscribe(double, max_demand=10)])
        await group.wait()
    assert collect.events == list(range(0, 2000, 2))
    assert collect.stopped == "normal"
    assert not joined.links[0, 2].messages, "nobody between has to do with it"


@interleaved(10)
async def test_a_stage_is_itself_on_its_own_node():
    joined = joined_nodes()
    async with StageGroup() as group:
        ref = await group.start(Count(3))
        address = joined.nodes[0].admit(ref, 7)
        assert joined.nodes[0].ref(address, "count") is ref
        one, two = (joined.nodes[1].ref(address, name) for name in "ab")
        assert (one, hash(one)) == (two, hash(two))
        assert one != joined.nodes[1].ref(address._replace(stage=8), "a")
        assert one.emits
        assert one.consumes
        assert not one.has_ended


@interleaved(10)
async def test_a_stage_of_another_node_can_be_iterated():
    joined = joined_nodes()
    async with StageGroup() as group:
        count = known(joined, await group.start(Count(30)))
        assert [event async for event in stream([count])] == list(range(30))


class Hears(Collect):
    def __init__(self):
        super().__init__()
        self.heard = []

    def handle_cast(self, message):
        self.heard.append(("cast", message))

    def handle_info(self, message):
        self.heard.append(("info", message))


@interleaved(10)
async def test_casts_and_other_messages_cross_in_order():
    joined, hears = joined_nodes(), Hears()
    async with StageGroup() as group:
        ref = known(joined, await group.start(hears))
        ref.cast(1)
        ref.send(2)
        ref.cast(3)
        await joined.quiet()
        assert hears.heard == [("cast", 1), ("info", 2), ("cast", 3)]


BATCHES = [
    ["a", None, 2],
    range(3, 9),
    np.arange(12.0).reshape(6, 2)[::2],
    np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")]),
    np.asfortranarray(np.arange(20_000).reshape(100, 200)),
    np.array([None, "x"], object),
    pa.array([1, None, 3]),
    pa.RecordBatch.from_pydict({"a": [1, 2], "b": ["x", "y"]}),
    Counted(["to", "be"], [2, 3]),
    Numbered(10, 13, "abc"),
    Numbered(10, 13, []),
]


class Keeps(Consumer):
    def __init__(self):
        self.batches = []

    def handle_events(self, events, producer):
        self.batches.append(events)


def content(batch):
    """Something that is equal for equal batches."""
    kind = type(batch).__name__
    match batch:
        case np.ndarray():
            return kind, batch.dtype, batch.shape, batch.tolist()
        case Counted():
            return kind, batch.events, batch.counts
        case Numbered():
            return kind, batch.first, batch.behind, list(batch.events)
        case pa.Array() | pa.RecordBatch():
            return kind, batch
    return kind, list(batch)


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: type(batch).__name__)
@interleaved(3)
async def test_batches_of_every_kind_arrive_as_they_are(batch):
    joined, keeps = joined_nodes(), Keeps()
    async with StageGroup() as group:
        local = await group.start(Fed())
        await group.start(keeps, subscribe_to=[known(joined, local)])
        local.cast(batch)
        await joined.quiet()
        assert [content(each) for each in keeps.batches] == [content(batch)]


def with_dispatcher(stage, dispatcher):
    stage.dispatcher, stage.demand = dispatcher, "accumulate"
    return stage


@interleaved(10)
async def test_consumers_on_several_nodes_share_a_producer():
    joined, collects = joined_nodes(3), [Collect() for _ in range(3)]
    stage = with_dispatcher(Count(100), PartitionDispatcher(3, hash=lambda event: event % 3))
    async with StageGroup() as group:
        local = await group.start(stage)
        refs = [local, known(joined, local), joined.nodes[2].ref(Address(0, 1, 7), "count")]
        for number, (ref, collect) in enumerate(zip(refs, collects, strict=True)):
            to = Subscribe(ref, partition=number, max_demand=1 + 5 * number)
            await group.start(collect, subscribe_to=[to])
        local.set_demand("forward")
        await group.wait()
    assert [each.events for each in collects] == [[*range(n, 100, 3)] for n in range(3)]


@interleaved(10)
async def test_selectors_cross_and_a_consumer_of_a_broadcast_is_known_again():
    joined, collect = joined_nodes(), Collect()
    limit = 5
    async with StageGroup() as group:
        local = await group.start(with_dispatcher(Count(10), BroadcastDispatcher()))
        count = known(joined, local)
        to = Subscribe(count, selector=lambda event: event >= limit, tag=("any", "tag"))
        ref = await group.start(collect, subscribe_to=[to])
        with pytest.raises(ValueError, match="already"):
            await ref.subscribe(count)
        local.set_demand("forward")
        await group.wait()
    assert collect.events == [5, 6, 7, 8, 9]


@interleaved(10)
async def test_numbered_events_cross():
    joined, keeps = joined_nodes(), Keeps()
    async with StageGroup() as group:
        local = await group.start(with_dispatcher(Count(50), NumberingDispatcher()))
        await group.start(keeps, subscribe_to=[Subscribe(known(joined, local), max_demand=20)])
        local.set_demand("forward")
        await group.wait()
    assert [each for batch in keeps.batches for each in batch.events] == [*range(50)]
    places = [(batch.first, batch.behind) for batch in keeps.batches]
    assert [*range(50)] == [place for first, behind in places for place in range(first, behind)]


@interleaved(20)
async def test_a_subscription_waits_for_its_producer_to_be_there():
    joined, collect = joined_nodes(), Collect()
    async with StageGroup() as group:
        count = joined.nodes[1].ref(Address(0, 1, 7), "count")
        started = asyncio.create_task(group.start(collect, subscribe_to=[count]))
        await joined.quiet()
        assert not started.done()
        joined.nodes[0].admit(group.spawn(Count(30)), 7)
        await started
        await group.wait()
    assert collect.events == [*range(30)]


@interleaved(20)
async def test_what_comes_before_the_run_waits_for_it():
    joined, collect = joined_nodes(), Collect()
    zero, one = joined.nodes
    zero.end(1)
    one.end(1)
    one.begin(2)
    async with StageGroup() as group:
        ref = group.spawn(collect, subscribe_to=[Subscribe(one.ref(Address(0, 2, 7), "count"))])
        one.admit(ref, 4)
        await joined.quiet()
        zero.begin(2)
        zero.admit(group.spawn(Count(30)), 7)
        await group.wait()
    assert collect.events == [*range(30)]


@interleaved(20)
async def test_what_comes_for_a_run_that_has_ended_is_dropped_and_its_subscriptions_refused():
    joined = joined_nodes()
    zero, one = joined.nodes
    async with StageGroup() as group:
        late = await group.start(Collect())
        waits = asyncio.create_task(late.subscribe(one.ref(Address(0, 1, 9), "never there")))
        await joined.quiet()  # it is parked
        zero.end(1)
        with pytest.raises(StageStopped, match="run 1 has ended"):
            await waits
        with pytest.raises(StageStopped, match="run 1 has ended"):
            await late.subscribe(one.ref(Address(0, 1, 9), "never there"))
        one.ref(Address(0, 1, 7), "gone").cast("nobody hears it")
        await joined.quiet()
        zero.begin(2)
        zero.admit(await group.start(Fed()), 9)
        await joined.quiet()


@interleaved(20)
async def test_events_that_come_after_their_run_are_counted():
    joined, collect = joined_nodes(), Collect()
    async with StageGroup() as group:
        local = await group.start(Fed())
        await group.start(collect, subscribe_to=[known(joined, local)])
        await joined.quiet()
        local.cast([1, 2, 3])
        await settled()  # but for links, which may wait for a timer
        joined.nodes[1].end(1)
        await joined.quiet()
        assert len(collect.events) + joined.nodes[1].lost == 3


@pytest.mark.parametrize("opened", [True, False], ids=["open", "opening"])
@interleaved(10)
async def test_a_lost_node_is_the_end_of_subscriptions_both_ways(opened):
    joined, producer, collect = joined_nodes(), ProbeProducer(), Collect()
    collect.handle_events = lambda events, producer: None
    async with StageGroup() as outer:
        local = await outer.start(producer)
        count = known(joined, local)
        with pytest.raises(NodeLost, match="node 0 has closed its link") as caught:
            async with StageGroup() as group:
                if not opened:
                    joined.links[0, 1].cut()
                await group.start(collect, subscribe_to=[count])
                joined.links[0, 1].cut()
                await group.wait()
        assert caught.value.node == "node 0"
        assert count.has_ended
        late = await outer.start(Collect())
        with pytest.raises(NodeLost):
            await late.subscribe(count)
        await joined.quiet()
        assert local._stage.outlet.subscriptions == {}


@interleaved(10)
async def test_a_consumer_that_is_lost_is_cancelled_for_the_producer():
    joined, sink = joined_nodes(), ProbeConsumer(manual=False)
    hears = []
    stage = ProbeProducer()
    stage.handle_cancel = lambda reason, peer: hears.append(reason)
    async with StageGroup() as group:
        local = await group.start(stage)
        await group.start(sink, subscribe_to=[Subscribe(known(joined, local), cancel="temporary")])
        joined.links[1, 0].cut(keep=False)
        await joined.quiet()
        assert [type(reason) for reason in hears] == [NodeLost]
        assert [type(reason) for reason in sink.cancelled] == [NodeLost]


@interleaved(10)
async def test_a_subscription_that_is_not_open_when_the_node_is_lost_is_refused():
    joined = joined_nodes()
    async with StageGroup() as group:
        to = Subscribe(joined.nodes[1].ref(Address(0, 1, 7), "count"), cancel="temporary")
        start = asyncio.create_task(group.start(Collect(), subscribe_to=[to]))
        await joined.quiet()
        joined.links[0, 1].cut()
        with pytest.raises(NodeLost):
            await start


@interleaved(10)
async def test_events_for_a_node_that_is_lost_are_counted():
    joined, source = joined_nodes(), ProbeProducer()
    zero = joined.nodes[0]
    async with StageGroup() as group:
        local = await group.start(source)
        to = Subscribe(known(joined, local), cancel="temporary")
        await group.start(ProbeConsumer(manual=False), subscribe_to=[to])
        await joined.quiet()
        zero.lose(1, NodeLost("given up"))
        source.emit([1, 2, 3])
        assert zero.lost == local.counts().events_out == 3
        await joined.quiet()
        joined.join(0, 1)
        assert zero.lost == 3


@interleaved(10)
async def test_what_has_come_for_a_run_that_never_begins_here_is_dropped():
    joined = joined_nodes()
    zero, one = joined.nodes
    one.end(1)
    one.begin(3)
    async with StageGroup() as group:
        late = await group.start(Collect())
        waits = asyncio.create_task(late.subscribe(one.ref(Address(0, 3, 7), "never there")))
        await joined.quiet()
        zero.end(1)
        zero.begin(4)
        with pytest.raises(StageStopped, match="run 3 has ended"):
            await waits


def test_notes_that_an_exception_has_got_meanwhile_come_with_it():
    here, there, error = KnownErrors(0), KnownErrors(1), Boom("x")
    error.add_note("one")
    got = there.open(here.pack(error))
    error.add_note("two")
    assert there.open(here.pack(error)) is got
    assert got.__notes__[0] == "one"
    assert got.__notes__[-1] == "two"
    there.forget()
    assert there.open(here.pack(error)) is not got


def test_what_is_known_here_of_an_exception_takes_its_place_and_keeps_its_notes():
    better, error, other = Boom("by SIGKILL"), Boom("has closed its link"), ValueError("x")
    here = KnownErrors(0, lambda error: better if isinstance(error, Boom) else None)
    there = KnownErrors(1)
    error.add_note("there")
    for _ in range(2):
        assert here.open(there.pack(error)) is better
        assert not hasattr(better, "__notes__")
        error.add_note("later")
    assert isinstance(here.open(there.pack(other)), ValueError)
    assert here.open(there.pack(there.open(here.pack(better)))) is better


@interleaved(10)
async def test_a_node_that_was_lost_can_be_joined_again():
    joined, collect = joined_nodes(), Collect()
    zero, one = joined.nodes
    joined.links[0, 1].cut()
    await joined.quiet()
    joined.join(0, 1)
    async with StageGroup() as group:
        await group.start(collect, subscribe_to=[known(joined, await group.start(Count(9)))])
        await group.wait()
    assert collect.events == [*range(9)]
    with pytest.raises(ValueError, match="cannot be joined to another node 1"):
        zero.join(1, joined.links[0, 1], "again")
    with pytest.raises(ValueError, match="cannot be joined to another node 1"):
        one.join(1, joined.links[0, 1], "itself")


class Boom(Exception):
    pass


class Unpicklable(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


@pytest.mark.parametrize("kind", [Boom, Unpicklable])
@interleaved(10)
async def test_an_exception_is_one_object_on_whatever_ways_it_comes(kind):
    joined, sink, mine = joined_nodes(3), ProbeConsumer(), kind("x")
    source, owners = ProbeProducer(), []
    async with StageGroup() as group:
        local = await start_alone(source, owners)
        count = known(joined, local)
        middles = [await start_alone(Double(), owners, count) for _ in range(2)]
        to = [known(joined, middle, 1, 2, 10 + n) for n, middle in enumerate(middles)]
        to.append(joined.nodes[2].ref(Address(0, 1, 7), "count"))
        await group.start(sink, subscribe_to=[Subscribe(ref, cancel="temporary") for ref in to])
        source.crash(mine)
        await joined.quiet()
        assert len(sink.cancelled) == 3
        assert len({id(reason) for reason in sink.cancelled}) == 1
        got = sink.cancelled[0]
        assert joined.nodes[2].open(joined.nodes[0].pack(mine)) is got
        assert joined.nodes[0].open(joined.nodes[2].pack(got)) is mine
        assert len(got.__notes__) == len(set(got.__notes__))
        assert "in handle_info of stage 'ProbeProducer'" in got.__notes__
    await asyncio.gather(*owners)
    assert type(got) is (Boom if kind is Boom else RemoteError)
    assert str(got).endswith("x")


async def start_alone(stage, owners, *to):
    """A stage whose crash is only its own."""
    started = asyncio.get_running_loop().create_future()

    async def own():
        with suppress(Boom, Unpicklable, RemoteError):
            async with StageGroup() as group:
                started.set_result(await group.start(stage, subscribe_to=to))
                await group.wait()

    owners.append(asyncio.create_task(own()))
    return await started
