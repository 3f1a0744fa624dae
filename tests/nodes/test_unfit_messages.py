"""Messages that cannot be pickled where they are sent, or not be read where they arrive."""

from __future__ import annotations

import asyncio
import threading

import pytest
from fake_links import Joined
from plain_stages import Collect, Fed

from flowlike import PartitionDispatcher, StageGroup, Subscribe
from flowlike.nodes.address import Address
from flowlike.testing import interleaved


class Unreadable:
    """Can be pickled, but not made again."""

    def __reduce__(self):
        return int, ("no number",)


class Pair:
    """A producer on node 0 and its consumers on node 1, each in a group of its own."""

    def __init__(self, seed, producer):
        self.joined, self.producer = Joined(2, seed), producer
        self.local = None
        self.ref = self.joined.nodes[1].ref(Address(0, 1, 7), "fed")
        self.errors = []
        self._owners = []

    async def start(self, *consumers):
        self.local = await self.own(self.producer)
        self.joined.nodes[0].admit(self.local, 7)
        return [await self.own(stage, to) for stage, to in consumers]

    async def own(self, stage, *to):
        started = asyncio.get_running_loop().create_future()

        async def own():
            try:
                async with StageGroup() as group:
                    started.set_result(await group.start(stage, subscribe_to=to))
                    await group.wait()
            except (TypeError, ValueError) as error:
                self.errors.append(error)

        self._owners.append(asyncio.create_task(own()))
        return await started

    async def ended(self):
        async with asyncio.timeout(60):
            await asyncio.gather(*self._owners)
        await self.joined.quiet()


@interleaved(10)
async def test_events_that_cannot_be_pickled_are_a_failure_of_their_producer():
    collect = Collect()
    pair = Pair(0, Fed())
    (consumer,) = await pair.start((collect, Subscribe(pair.ref)))
    pair.local.cast([1, 2])
    pair.local.cast([3, threading.Lock()])
    await pair.ended()
    mine, theirs = sorted(pair.errors, key=lambda error: len(error.__notes__))
    assert "cannot pickle" in str(mine)
    assert mine.__notes__ == [
        "while events were sent to stage 'Collect' in node 1",
        "in handle_cast of stage 'Fed'",
    ]
    assert theirs.__notes__[:2] == mine.__notes__
    assert collect.events == [1, 2]
    counts = pair.local.counts()
    assert (counts.made, counts.events_out, counts.lost) == (4, 2, 2)
    assert consumer.counts().events_in == 2


@interleaved(10)
async def test_of_a_batch_for_several_what_could_leave_is_not_lost():
    class Parted(Fed):
        dispatcher = PartitionDispatcher(3, hash=lambda event: {0: 1, 1: 2}.get(event, 0))

    collects = [Collect() for _ in range(3)]
    pair = Pair(1, Parted())
    tos = [Subscribe(pair.ref, partition=n) for n in range(3)]
    await pair.start(*zip(collects, tos, strict=True))
    pair.local.cast([0, 0, 1, threading.Lock(), 1, 2])
    await pair.ended()
    counts = pair.local.counts()
    arrived = sum(len(each.events) for each in collects)
    assert counts.events_out == arrived
    assert counts.events_out + counts.lost == counts.made == 6


@interleaved(10)
async def test_options_that_cannot_be_pickled_refuse_the_subscription():
    pair = Pair(2, Fed())
    (ref,) = await pair.start((Collect(), Subscribe(pair.ref)))
    with pytest.raises(TypeError, match="cannot pickle"):
        await ref.subscribe(Subscribe(pair.ref, tag=threading.Lock()))
    with pytest.raises(ValueError, match="invalid literal"):
        await ref.subscribe(Subscribe(pair.ref, tag=Unreadable()))
    pair.local.end()
    await pair.ended()
    assert pair.errors == []


@interleaved(10)
async def test_a_consumer_on_another_node_has_no_events_to_subscribe_to():
    joined = Joined(2)
    async with StageGroup() as group:
        there, here = await group.start(Collect()), await group.start(Collect())
        joined.nodes[0].admit(there, 7)
        with pytest.raises(TypeError, match="stage 'Collect' is a consumer and emits nothing"):
            await here.subscribe(joined.nodes[1].ref(Address(0, 1, 7), "Collect"))


@interleaved(20)
async def test_events_that_cannot_be_read_end_all_that_crosses_the_link():
    collects = [Collect(), Collect()]
    pair = Pair(3, Fed())
    cancelled = []
    pair.producer.handle_cancel = lambda reason, peer: cancelled.append(reason)
    await pair.start(*((each, Subscribe(pair.ref)) for each in collects))
    pair.local.cast([1])
    pair.local.cast([Unreadable()])
    pair.local.cast([2])
    await pair.joined.quiet()
    assert not pair.local.has_ended, "it lives and has no consumers"
    assert pair.local._stage.outlet.subscriptions == {}
    late = await pair.own(Collect())
    with pytest.raises(ValueError, match="invalid literal"):
        await late.subscribe(pair.ref)
    late.end()
    pair.local.end()
    await pair.ended()
    assert len(pair.errors) == 2
    assert pair.errors[0] is pair.errors[1]
    assert "invalid literal" in str(pair.errors[0])
    assert "while a message of node 0 to 'Collect' was unpickled" in pair.errors[0].__notes__[0]
    assert len({id(reason) for reason in cancelled}) == 1
    assert [type(reason) for reason in cancelled] == [ValueError, ValueError]
    one = pair.joined.nodes[1]
    assert sum(len(each.events) for each in collects) + one.lost <= 2


@interleaved(10)
async def test_nothing_comes_after_what_cannot_be_read():
    collect, pair = Collect(), Pair(5, Fed())
    (ref,) = await pair.start((collect, Subscribe(pair.ref, cancel="temporary")))
    for batch in ([1], [Unreadable()], [2], [3]):
        pair.local.cast(batch)
    await pair.joined.quiet()
    assert collect.events == [1]
    assert pair.local.counts().events_out == 4
    assert pair.joined.nodes[1].lost == 2
    assert ref.counts().lost == 0
    for each in (ref, pair.local):
        each.end()
    await pair.ended()


@interleaved(10)
async def test_a_link_that_has_carried_what_cannot_be_read_is_whole_in_the_next_run():
    pair, collect = Pair(4, Fed()), Collect()
    await pair.start((Collect(), Subscribe(pair.ref)))
    pair.local.cast([Unreadable()])
    await pair.joined.quiet()
    for node in pair.joined.nodes:
        node.end(1)
        node.begin(2)
    pair.joined.nodes[0].admit(pair.local, 7)
    ref = pair.joined.nodes[1].ref(Address(0, 2, 7), "fed")
    await pair.own(collect, ref)
    pair.local.cast([1])
    pair.local.finish()
    await pair.ended()
    assert collect.events == [1]


async def test_a_cast_that_cannot_be_pickled_is_told_to_who_sends_it():
    joined = Joined(2)
    ref = joined.nodes[1].ref(Address(0, 1, 7), "fed")
    with pytest.raises(TypeError, match="cannot pickle"):
        ref.cast(threading.Lock())
