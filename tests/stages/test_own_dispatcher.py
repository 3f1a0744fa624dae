"""A dispatcher of one's own, by the protocol or derived, and that every stage has a copy."""

import pytest

from flowlike import (
    BroadcastDispatcher,
    DemandDispatcher,
    PartitionDispatcher,
    StageGroup,
    Subscribe,
)
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, settled


class InTurn:
    """One event each, to one consumer with demand after the other."""

    def __init__(self):
        self.demand = {}

    def fresh(self):
        return InTurn()

    def subscribe(self, subscription, options, consumer=None):
        if options.tag == "unwanted":
            raise ValueError("not this one")
        self.demand[subscription] = 0

    def cancel(self, subscription):
        del self.demand[subscription]

    def ask(self, subscription, count):
        self.demand[subscription] += count
        return ()

    def dispatch(self, batch):
        deliveries = []
        for event in batch:
            subscription = next(each for each, count in self.demand.items() if count)
            self.demand[subscription] = self.demand.pop(subscription) - 1
            deliveries.append((subscription, [event]))
        return deliveries

    def wanted(self):
        return sum(self.demand.values())

    def kept(self):
        return 0


class Dealing(ProbeProducer[int]):
    dispatcher = InTurn()


@interleaved(10)
async def test_one_by_the_protocol():
    source, first, second = Dealing(), ProbeConsumer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(first, subscribe_to=[producer])
        await group.start(second, subscribe_to=[producer])
        first.ask(3)
        second.ask(3)
        await source.expect_demand(6)
        source.emit(range(8))
        await settled()
        assert sorted(first.events + second.events) == [0, 1, 2, 3, 4, 5]
        assert {first.events[0] % 2, second.events[0] % 2} == {0, 1}
        assert await producer.buffered_count() == 2
        with pytest.raises(ValueError, match="not this one"):
            await group.start(ProbeConsumer(), subscribe_to=[Subscribe(producer, tag="unwanted")])
        source.finish()
        second.ask(2)
        await second.expect([*second.events[:3], 6, 7])
        await group.wait()
    assert Dealing.dispatcher.demand == {}


@interleaved(5)
async def test_every_stage_has_a_copy():
    sinks, sources = [ProbeConsumer(), ProbeConsumer()], [Dealing(), Dealing()]
    async with StageGroup() as group:
        for source, sink in zip(sources, sinks, strict=True):
            await group.start(sink, subscribe_to=[await group.start(source)])
        sinks[0].ask(2)
        await sources[0].expect_demand(2)
        await sources[1].expect_demand(0)
        sources[1].emit([1])
        await sinks[0].expect_nothing()
        await sinks[1].expect_nothing()


def test_a_copy_keeps_the_class_and_what_it_was_made_with():
    class Largest(DemandDispatcher):
        def __init__(self, name):
            super().__init__(max_demand=2)
            self.name = name

    class Named(PartitionDispatcher):
        pass

    class Everybody(BroadcastDispatcher):
        pass

    for given in (Largest("a"), Named(["a", "b"], hash=lambda event: event), Everybody()):
        copies = [given.fresh(), given.fresh()]
        assert {type(each) for each in copies} == {type(given)}
        options = Subscribe(deliverable, partition="a" if type(given) is Named else None)
        copies[0].subscribe(1, options)
        copies[0].ask(1, 5)
        assert [each.wanted() for each in (*copies, given)] == [5, 0, 0]
    copy = Largest("mine").fresh()
    assert copy.name == "mine"
    copy.subscribe(1, Subscribe(deliverable))
    copy.ask(1, 3)
    assert copy.dispatch([1, 2, 3]) == [(1, [1, 2]), (1, [3])]


class Deliverable:
    """In the place of a StageRef where nothing runs."""

    deliver = None


deliverable = Deliverable()


@interleaved(5)
async def test_a_derived_dispatcher_is_used():
    class Odd(PartitionDispatcher):
        def dispatch(self, batch):
            return super().dispatch([event for event in batch if event % 2])

    class Source(ProbeProducer):
        dispatcher = Odd(1, hash=lambda event: 0)

    source, sink = Source(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(sink, subscribe_to=[Subscribe(producer, partition=0)])
        sink.ask(5)
        await settled()
        source.emit(range(5))
        await sink.expect([1, 3])


@pytest.mark.parametrize("names", [[None], ["a", None], ["a", "a"], [], [1, True]], ids=repr)
def test_names_that_no_partition_can_have(names):
    with pytest.raises(ValueError, match=r"partitions must be|cannot name a partition"):
        PartitionDispatcher(names, hash=lambda event: event)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, ValueError, "needs Subscribe"),
        ({"partition": "c"}, ValueError, "partition 'c' is unknown; there are 'a', 'b'"),
        ({"partition": 0}, ValueError, "partition 0 is unknown"),
        ({"partition": ["a"]}, TypeError, "unhashable"),
        ({"partition": "a"}, ValueError, "partition 'a' is taken"),
        ({"partition": "b", "selector": bool}, ValueError, "does not broadcast"),
    ],
    ids=repr,
)
def test_partitions_that_are_not_to_be_had(options, error, text):
    class Source(ProbeProducer):
        dispatcher = PartitionDispatcher(["a", "b"], hash=lambda event: event)

    @interleaved(3)
    async def test():
        source, sink = Source(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[Subscribe(producer, partition="a")])
            with pytest.raises(error, match=text):
                await group.start(ProbeConsumer(), subscribe_to=[Subscribe(producer, **options)])
            other = ProbeConsumer()
            await group.start(other, subscribe_to=[Subscribe(producer, partition="b")])
            sink.ask(1)
            other.ask(1)
            source.emit(["b", "a"])
            await sink.expect(["a"])
            await other.expect(["b"])

    test()


@interleaved(5)
async def test_a_hash_drops_by_none_and_fails_by_a_name_that_is_not_there():
    class Source(ProbeProducer):
        dispatcher = PartitionDispatcher(["a"], hash=lambda event: event)

    source, sink = Source(), ProbeConsumer(manual=False)
    with pytest.raises(ValueError, match="hash returned 'z' for the event 'z'; the partitions are"):
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(sink, subscribe_to=[Subscribe(producer, partition="a")])
            await settled()
            source.emit([None, "a", None])
            await sink.expect(["a"])
            source.emit(["z"])


class Broken(InTurn):
    """Breaks the rule that it is told to break."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def fresh(self):
        return Broken(self.rule)

    def dispatch(self, batch):
        if self.rule == "nobody":
            return [(99_999_999, batch)]
        if self.rule == "too many":
            return [(min(self.demand), [*batch, *batch])]
        if self.rule == "empty":
            return [(min(self.demand), [])]
        return None if self.rule == "nothing" else super().dispatch(batch)

    def wanted(self):
        return "many" if self.rule == "wanted" else super().wanted()


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        ("nobody", ValueError, "Broken.dispatch delivers to 99999999, which is no subscription"),
        (
            "too many",
            ValueError,
            r"Broken.dispatch delivers 4 events to subscription \d+, which has asked for 3; keep",
        ),
        ("empty", ValueError, r"Broken.dispatch delivers an empty batch, \[\], to subscription"),
        ("nothing", TypeError, "Broken.dispatch must return pairs of .*, not None"),
        ("wanted", TypeError, "Broken.wanted must return an integer, not 'many'"),
    ],
)
def test_a_rule_that_is_broken_ends_the_stage(rule, error, text):
    class Source(ProbeProducer):
        dispatcher = Broken(rule)

    @interleaved(5)
    async def test():
        source, sink = Source(), ProbeConsumer()
        with pytest.raises(error, match=text):
            async with StageGroup() as group:
                producer = await group.start(source)
                await group.start(sink, subscribe_to=[producer])
                sink.ask(3)
                await settled()
                source.emit(["a", "b"])
        assert sink.events == []

    test()


class Half:
    def fresh(self):
        return self

    def ask(self, subscription, count):
        return ()


class Forgetful(InTurn):
    def fresh(self):
        pass


@pytest.mark.parametrize(
    ("dispatcher", "text"),
    [
        (5, "the dispatcher of Source must be an instance of one, such as .*, not 5"),
        (InTurn, "must be an instance of one, such as DemandDispatcher"),
        (Half(), "the dispatcher of Source, .*, has no subscribe, cancel, dispatch, wanted, kept;"),
        (Forgetful(), r"what Forgetful.fresh\(\) of Source returns must be .*, not None"),
    ],
)
async def test_what_is_no_dispatcher(dispatcher, text):
    class Source(ProbeProducer):
        pass

    source = Source()
    source.dispatcher = dispatcher
    async with StageGroup() as group:
        with pytest.raises(TypeError, match=text):
            await group.start(source)
