"""Subscriptions: asking by hand, cancelling from either end, and what cannot be subscribed."""

import pytest
from plain_stages import Pass

from flowlike import BroadcastDispatcher, ProducerConsumer, StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, run, settled


class Source(ProbeProducer[int]):
    """Notes both callbacks of its subscriptions."""

    def __init__(self):
        super().__init__()
        self.peers = []
        self.reasons = []

    def handle_subscribe(self, role, options, peer):
        assert role == "consumer"
        self.peers.append(peer)

    def handle_cancel(self, reason, peer):
        assert peer in self.peers
        self.reasons.append(reason)


ENDS = {
    ("permanent", "normal"): "normal",
    ("permanent", "shutdown"): "shutdown",
    ("permanent", "crash"): "crash",
    ("transient", "normal"): None,
    ("transient", "shutdown"): None,
    ("transient", "crash"): "crash",
    ("temporary", "normal"): None,
    ("temporary", "shutdown"): None,
    ("temporary", "crash"): None,
}


@pytest.mark.parametrize("by", ["consumer", "producer"])
@pytest.mark.parametrize(("mode", "reason"), ENDS)
def test_cancelled_by_either_end(by, mode, reason):
    error = LookupError("crash")
    given = error if reason == "crash" else reason
    expected = error if ENDS[mode, reason] == "crash" else ENDS[mode, reason]

    @interleaved(10)
    async def test():
        source, sink, other = Source(), ProbeConsumer(), ProbeConsumer()
        async with StageGroup("one_for_one") as group:
            producer = await group.start(source)
            consumer = await group.start(sink, restart="temporary")
            subscription = await consumer.subscribe(Subscribe(producer, cancel=mode))
            sink.ask(5)
            await source.expect_demand(5)
            source.emit([1, 2])
            await (subscription if by == "consumer" else source.peers[0]).cancel(given)
            await settled()
            assert sink.events == [1, 2]
            assert (source.reasons, sink.cancelled) == ([given], [given])
            assert sink.reason == expected
            assert source.reason is None
            subscription.ask(3)  # of nobody any more
            await subscription.cancel()
            await group.start(other, subscribe_to=[producer])
            other.ask(1)
            await settled()
            source.emit([3])
            await other.expect([3])
            assert (sink.events, source.reasons) == ([1, 2], [given])

    test()


@interleaved(10)
async def test_events_on_their_way_are_handled_before_the_end_of_a_subscription():
    source, sink = Source(), ProbeConsumer(manual=False)
    async with StageGroup() as group:
        producer = await group.start(source)
        middle = await group.start(Pass(), subscribe_to=[Subscribe(producer, cancel="temporary")])
        await group.start(sink, subscribe_to=[middle])
        await source.expect_demand(1000)
        source.emit([1, 2, 3])
        await source.peers[0].cancel()
        await sink.expect([1, 2, 3])
        assert source.reasons == ["normal"]
        assert sink.cancelled == []


@interleaved(10)
async def test_a_consumer_subscribes_again():
    source, sink = Source(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        consumer = await group.start(sink)
        for number in range(3):
            options = Subscribe(producer, cancel="temporary", tag=number)
            subscription = await consumer.subscribe(options)
            sink.ask(2, tag=number)
            await source.expect_demand(2)  # one of them since the last time
            source.emit([number])
            await sink.expect([number])
            await subscription.cancel()
            await settled()
        assert [peer.tag for peer in source.peers] == [0, 1, 2]


@interleaved(10)
async def test_asked_by_hand_from_outside_never_more_comes():
    source, sink = Source(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        subscription = await (await group.start(sink)).subscribe(producer)
        source.emit(range(5))
        await sink.expect_nothing()
        subscription.ask(2)
        subscription.ask(1)
        await sink.expect([0, 1, 2])
        await sink.expect_nothing()
        with pytest.raises(ValueError, match="ask belongs to the consumer's end"):
            source.peers[0].ask(1)


@pytest.mark.parametrize(
    ("count", "error", "text"),
    [
        (0, ValueError, "count must be at least 1, not 0"),
        (-1, ValueError, "count must be at least 1, not -1"),
        (True, TypeError, "count must be an integer of at least 1, not True"),
        (1.0, TypeError, "count must be an integer of at least 1, not 1.0"),
        ("1", TypeError, "count must be an integer of at least 1, not '1'"),
        (None, TypeError, "count must be an integer of at least 1, not None"),
    ],
)
async def test_what_cannot_be_asked_for(count, error, text):
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        subscription = await (await group.start(ProbeConsumer())).subscribe(producer)
        with pytest.raises(error, match=text):
            subscription.ask(count)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"max_demand": 0}, ValueError, "max_demand must be at least 1, not 0"),
        ({"max_demand": -5}, ValueError, "max_demand must be at least 1, not -5"),
        ({"max_demand": True}, TypeError, "max_demand must be an integer"),
        ({"max_demand": 10.0}, TypeError, "max_demand must be an integer"),
        ({"max_demand": None}, TypeError, "max_demand must be an integer"),
        ({"max_demand": "5"}, ValueError, 'max_demand must be a number or "auto"'),
        ({"max_demand": 5, "min_demand": 5}, ValueError, "min_demand must be smaller than"),
        ({"max_demand": 5, "min_demand": 6}, ValueError, "min_demand must be smaller than"),
        ({"min_demand": -1}, ValueError, "min_demand must be at least 0"),
        ({"min_demand": False}, TypeError, "min_demand must be an integer"),
        ({"min_demand": 1.5}, TypeError, "min_demand must be an integer"),
        ({"min_demand": "1"}, TypeError, "min_demand must be an integer"),
        ({"max_demand": "auto", "min_demand": 1}, ValueError, "cannot be combined"),
        ({"selector": 5}, TypeError, "selector must be callable"),
        ({"cancel": None}, ValueError, "cancel must be one of"),
    ],
    ids=repr,
)
async def test_options_that_cannot_be(options, error, text):
    async with StageGroup() as group:
        producer = await group.start(ProbeProducer())
        with pytest.raises(error, match=text):
            Subscribe(producer, **options)


async def test_who_cannot_be_subscribed():
    source, sink = ProbeProducer(), ProbeConsumer()
    async with StageGroup() as group:
        producer = await group.start(source)
        consumer = await group.start(sink)
        untouched = ProbeProducer()
        with pytest.raises(TypeError, match="ProbeProducer is a Producer and cannot subscribe"):
            await group.start(untouched, subscribe_to=[producer])
        assert untouched.reason is None  # it has not begun, so it has not stopped
        with pytest.raises(TypeError, match="is a producer and cannot subscribe to anything"):
            await producer.subscribe(producer)
        with pytest.raises(TypeError, match="is a consumer and emits nothing"):
            await group.start(ProbeConsumer(), subscribe_to=[consumer])
        with pytest.raises(TypeError, match=r"give subscribe_to=\[<StageRef 'ProbeProducer'"):
            await group.start(ProbeConsumer(), subscribe_to=producer)
        with pytest.raises(TypeError, match=r"give subscribe_to=\[Subscribe\("):
            await group.start(ProbeConsumer(), subscribe_to=Subscribe(producer))
        for wrong in (source, None, 5, "producer"):
            with pytest.raises(TypeError, match="takes the StageRef of a started stage"):
                await consumer.subscribe(wrong)
        await consumer.subscribe(producer)
        sink.ask(1)
        await source.expect_demand(1)


def test_two_broadcasts_of_one_subscriber():
    class All(ProbeProducer):
        dispatcher = BroadcastDispatcher()

    async def start():
        async with StageGroup() as group:
            producer = await group.start(All())
            await group.start(ProbeConsumer(), subscribe_to=[producer, producer])

    async def subscribe():
        async with StageGroup() as group:
            producer = await group.start(All())
            consumer = await group.start(ProbeConsumer(), subscribe_to=[producer])
            with pytest.raises(ValueError, match="subscribed to this broadcast already"):
                await consumer.subscribe(Subscribe(producer, selector=bool))
            await group.start(ProbeConsumer(), subscribe_to=[producer])  # another one may

    with pytest.raises(ValueError, match="subscribed to this broadcast already"):
        run(start())
    run(subscribe())


@interleaved(10)
async def test_a_stage_subscribed_to_itself():
    class Down(ProducerConsumer[int, int]):
        def __init__(self):
            self.seen = []

        def handle_events(self, events, producer):
            self.seen.extend(events)
            return [event - 1 for event in events if event]

        def handle_cast(self, message):
            return message

    down = Down()
    async with StageGroup() as group:
        stage = await group.start(down)
        await stage.subscribe(stage)
        stage.cast([3])
        await settled()
        assert down.seen == [3, 2, 1, 0]
        await stage.stop()
        await group.wait()
