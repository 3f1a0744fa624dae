"""Batches that are split for partitions in another thread: the order, the demand, and the end."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_stages import Collect, Count

from flowlike import PartitionDispatcher, StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, interleaved, settled


class Threads:
    """Splits numbers into even and odd ones, when it is told to."""

    def __init__(self, worth=3):
        self.worth = worth
        self.open = []
        self.failure = None

    def split(self, batch):
        if self.failure is not None:
            raise self.failure
        return [[n for n in batch if n % 2 == partition] for partition in range(2)]

    def elsewhere(self, batch, reply):
        if len(batch) < self.worth:
            return False
        self.open.append((batch, reply))
        return True

    def go_on(self):
        batch, reply = self.open.pop(0)
        reply(self.split(batch), None, 0.5)

    def fail(self, error):
        _, reply = self.open.pop(0)
        reply(None, error, 0.5)

    def dispatcher(self, kind=PartitionDispatcher):
        return kind(2, split=self.split, elsewhere=self.elsewhere)


class Derived(PartitionDispatcher):
    """One of a user's own, which is held to the rules."""


async def begun(group, counted, consumers, max_demand):
    """Start a producer and the consumers of its partitions, until nothing moves any more."""
    counted.demand = "accumulate"
    producer = await group.start(counted)
    for partition, consumer in enumerate(consumers):
        wanted = Subscribe(producer, max_demand=max_demand, partition=partition)
        await group.start(consumer, subscribe_to=[wanted])
    await producer.demand("forward")
    await settled()
    return producer


kinds = pytest.mark.parametrize("kind", [PartitionDispatcher, Derived])


def made(threads, demand):
    """A dispatcher with two consumers, and where it puts what is delivered later."""
    dispatcher, settled = threads.dispatcher(), []
    for partition in range(2):
        dispatcher.subscribe(
            partition, SimpleNamespace(partition=partition, selector=None), partition
        )
        dispatcher.ask(partition, demand)
    dispatcher.when_settled(lambda *found: settled.append(found))
    return dispatcher, settled


def test_what_is_split_elsewhere_counts_as_kept_until_it_is_delivered():
    threads = Threads()
    dispatcher, settled = made(threads, 5)
    assert dispatcher.dispatch([1, 2, 3, 4]) == ()
    assert dispatcher.is_splitting
    assert (dispatcher.wanted(), dispatcher.kept()) == (6, 4)
    threads.go_on()
    assert settled == [([(0, [2, 4]), (1, [1, 3])], None, 0.5)]
    assert not dispatcher.is_splitting
    assert (dispatcher.wanted(), dispatcher.kept()) == (6, 0)


def test_what_comes_meanwhile_waits_for_it():
    threads = Threads()
    dispatcher, settled = made(threads, 9)
    for batch in ([1, 2, 3], [5], [6], [7, 9, 8], [10]):
        assert dispatcher.dispatch(batch) == ()
    threads.go_on()
    assert settled.pop() == ([(0, [2]), (1, [1, 3]), (1, [5]), (0, [6])], None, 0.5)
    threads.go_on()
    assert settled.pop() == ([(0, [8]), (1, [7, 9]), (0, [10])], None, 0.5)
    assert dispatcher.dispatch([4]) == [(0, [4])]


def test_who_has_nobody_to_deliver_later_splits_at_once():
    threads = Threads()
    dispatcher, settled = made(threads, 5)
    dispatcher.when_settled(None)
    assert dispatcher.dispatch([1, 2, 3]) == [(0, [2]), (1, [1, 3])]
    assert (threads.open, settled) == ([], [])
    assert made(threads, 5)[0].fresh().dispatch([1, 2, 3]) == []


def test_a_failure_elsewhere_or_behind_it_is_told():
    threads = Threads()
    dispatcher, settled = made(threads, 5)
    dispatcher.dispatch([1, 2, 3])
    error = LookupError("elsewhere")
    threads.fail(error)
    assert settled == [([], error, 0.5)]
    dispatcher, settled = made(threads, 5)
    dispatcher.dispatch([1, 2, 3])
    dispatcher.dispatch([5])
    _, reply = threads.open.pop()
    threads.failure = LookupError("behind")
    reply([[2], [1, 3]], None, 0.5)
    assert settled == [([(0, [2]), (1, [1, 3])], threads.failure, 0.5)]
    assert dispatcher.kept() == 1  # for its end to count


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("dispatch"), st.integers(1, 6)),
            st.tuples(st.just("ask"), st.integers(1, 9)),
            st.tuples(st.just("go on"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_nothing_is_lost_or_doubled_and_demand_is_never_exceeded(steps):
    threads = Threads()
    dispatcher, settled = made(threads, 1)
    got, asked, sent = {0: [], 1: []}, {0: 1, 1: 1}, 0

    def deliver(deliveries):
        for number, batch in deliveries:
            got[number].extend(batch)

    for what, count in steps:
        if what == "ask":
            asked[count % 2] += count
            deliver(dispatcher.ask(count % 2, count))
        elif what == "dispatch":
            batch = list(range(sent, sent + max(0, min(count, dispatcher.wanted()))))
            if batch:
                deliver(dispatcher.dispatch(batch))
                sent += len(batch)
        elif threads.open:
            threads.go_on()
            deliver(settled.pop()[0])
        assert all(len(events) <= asked[each] for each, events in got.items())
        assert sum(map(len, got.values())) + dispatcher.kept() == sent
    while threads.open:
        threads.go_on()
        deliver(settled.pop()[0])
    for number, events in got.items():
        deliver(dispatcher.ask(number, sent + 1))
        assert events == [n for n in range(sent) if n % 2 == number]


@kinds
@interleaved(5)
async def test_a_producer_finishes_when_all_has_left(kind):
    threads, consumers = Threads(), [Collect(), Collect()]
    async with StageGroup() as group:
        counted = Count(10)
        counted.dispatcher = threads.dispatcher(kind)
        producer = await begun(group, counted, consumers, max_demand=20)
        assert (counted.asked, counted.stopped) == ([40], None)
        threads.go_on()
        await group.wait()
    assert [consumer.events for consumer in consumers] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert producer.counts().busy >= 0.5


@kinds
@interleaved(5)
async def test_demand_comes_together_while_a_batch_is_split(kind):
    threads, consumers = Threads(), [ProbeConsumer(), ProbeConsumer()]
    async with StageGroup() as group:
        counted = Count()
        counted.dispatcher = threads.dispatcher(kind)
        producer = await group.start(counted)
        for partition, consumer in enumerate(consumers):
            await group.start(consumer, subscribe_to=[Subscribe(producer, partition=partition)])
        await settled()
        for demand in (3, 1, 2):
            consumers[0].ask(demand)
            await settled()
        assert counted.asked == [3]
        threads.go_on()
        await settled()
        assert counted.asked == [3, 3]  # of the first one is kept for who has not asked
        group.end("shutdown")
        await group.wait()
    assert producer.counts().lost == 1 + 3
    threads.go_on()  # the thread cannot know
    assert counted.stopped == "shutdown"


@kinds
@interleaved(5)
async def test_what_fails_elsewhere_ends_the_stage(kind):
    threads = Threads()
    error = LookupError("a key")
    with pytest.raises(LookupError) as caught:
        async with StageGroup() as group:
            counted = Count()
            counted.dispatcher = threads.dispatcher(kind)
            counted.demand = "accumulate"
            producer = await group.start(counted, name="numbers")
            for partition in range(2):
                wanted = Subscribe(producer, max_demand=4, partition=partition)
                await group.start(Collect(), subscribe_to=[wanted])
            await producer.demand("forward")
            await settled()
            threads.fail(error)
            await group.wait()
    assert caught.value is error
    assert error.__notes__ == ["in stage 'numbers'"]
    assert producer.counts().lost == 8


class Greedy(PartitionDispatcher):
    """Delivers everything twice that was split elsewhere."""

    def when_settled(self, settled):
        def twice(deliveries, error, seconds):
            settled([*deliveries, *deliveries], error, seconds)

        super().when_settled(None if settled is None else twice)


@interleaved(5)
async def test_what_is_delivered_later_is_held_to_the_rules():
    threads, consumers = Threads(), [Collect(), Collect()]
    with pytest.raises(
        ValueError, match=r"Greedy.when_settled delivers 2 .* has asked for 0; keep"
    ):
        async with StageGroup() as group:
            counted = Count()
            counted.dispatcher = threads.dispatcher(Greedy)
            await begun(group, counted, consumers, max_demand=2)
            threads.go_on()
            await group.wait()
    assert [consumer.events for consumer in consumers] == [[], []]
