"""Every callback, plain or a coroutine function: what it is given, what it may return and raise."""

import asyncio

import numpy as np
import pytest

from flowlike import Batches, Consumer, Producer, ProducerConsumer, StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, interleaved, run, settled


class Both(ProducerConsumer[int, int]):
    """Notes each call; ``returns`` and ``raises`` say what else happens in which callback."""

    def __init__(self, *, slow=False, returns=None, raises=None):
        self.slow = slow
        self.returns = returns or {}
        self.raises = raises or {}
        self.calls = []
        self.inside = 0

    def called(self, name, *arguments):
        self.calls.append((name, *arguments))
        return self.later(name) if self.slow else self.result(name)

    def result(self, name):
        if name in self.raises:
            raise self.raises[name]
        return self.returns.get(name)

    async def later(self, name):
        assert not self.inside  # one at a time
        self.inside += 1
        try:
            await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
            return self.result(name)
        finally:
            self.inside -= 1

    def on_start(self):
        return self.called("on_start")

    def on_stop(self, reason):
        return self.called("on_stop", reason)

    def handle_events(self, events, producer):
        return self.called("handle_events", list(events), producer.tag)

    def handle_subscribe(self, role, options, peer):
        assert (peer.role, peer.options, peer.tag) == (role, options, options.tag)
        return self.called("handle_subscribe", role, options.tag)

    def handle_cancel(self, reason, peer):
        return self.called("handle_cancel", reason, peer.role, peer.tag)

    def handle_call(self, request):
        return self.called("handle_call", request)

    def handle_cast(self, message):
        return self.called("handle_cast", message)

    def handle_info(self, message):
        return self.called("handle_info", message)


class BothSlow(Both):
    """The same with coroutine functions."""

    def __init__(self, **options):
        super().__init__(slow=True, **options)


@pytest.mark.parametrize("slow", [False, True])
def test_a_whole_life(slow):
    @interleaved(10)
    async def test():
        returns = {"handle_call": "reply", "handle_cast": [1], "handle_info": (2,)}
        returns |= {"handle_events": range(3, 5), "handle_cancel": np.array([5])}
        stage = Both(slow=slow, returns=returns)
        source, sink, brief = ProbeProducer(), ProbeConsumer(), ProbeConsumer()
        async with StageGroup() as group:
            producer = await group.start(source)
            ref = await group.start(stage, subscribe_to=[Subscribe(producer, tag="up")])
            await group.start(sink, subscribe_to=[Subscribe(ref, tag="down")])
            await source.expect_demand(1000, within=5)
            sink.ask(10)
            assert await ref.call("hello") == "reply"
            ref.cast("cast")
            ref.send("info")
            await sink.expect([1, 2], within=9)
            source.emit(["event"])
            await sink.expect([3, 4], within=9)
            options = Subscribe(ref, tag="brief", cancel="temporary")
            consumer = await group.start(brief)
            await (await consumer.subscribe(options)).cancel("shutdown")
            await sink.expect([5], within=9)
            await consumer.stop()
            source.finish()
            await sink.expect([5], within=9)
            await group.wait()
        assert stage.calls == [
            ("on_start",),
            ("handle_subscribe", "producer", "up"),
            ("handle_subscribe", "consumer", "down"),
            ("handle_call", "hello"),
            ("handle_cast", "cast"),
            ("handle_info", "info"),
            ("handle_events", ["event"], "up"),
            ("handle_subscribe", "consumer", "brief"),
            ("handle_cancel", "shutdown", "consumer", "brief"),
            ("handle_cancel", "normal", "producer", "up"),
            ("on_stop", "normal"),
        ]
        assert brief.cancelled == ["shutdown"]

    test()


CRASHES = ["on_start", "handle_events", "handle_subscribe", "handle_cancel"]
CRASHES += ["handle_cast", "handle_info", "on_stop"]


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", [Both, BothSlow])
@pytest.mark.parametrize("where", CRASHES)
def test_what_a_callback_raises_is_the_error_of_the_group(where, kind, error):
    async def main():
        source = ProbeProducer()
        stage = kind(raises={where: error("mine")})
        async with StageGroup() as group:
            producer = await group.start(source)
            ref = await group.start(stage, subscribe_to=[Subscribe(producer, cancel="temporary")])
            await group.start(ProbeConsumer(manual=False), subscribe_to=[ref])
            ref.cast(1)
            ref.send(1)
            source.emit([1])
            source.finish()
            await group.wait()

    with pytest.raises(error, match="mine") as caught:
        run(main())
    assert caught.value.__notes__ == [f"in {where} of stage '{kind.__name__}'"]


class Returns(Producer[int]):
    def __init__(self, result):
        self.result = result

    def handle_demand(self, demand):
        self.finish()
        return self.result


class ReturnsLater(Returns):
    async def handle_demand(self, demand):
        return super().handle_demand(demand)


@pytest.mark.parametrize("kind", [Returns, ReturnsLater])
@pytest.mark.parametrize(
    ("result", "events"),
    [
        (None, []),
        ([], []),
        ((), []),
        (range(0), []),
        (np.array([]), []),
        (Batches(), []),
        ((1, 2), [1, 2]),
        (range(1, 3), [1, 2]),
        (np.array([1, 2]), [1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (Batches([[1], (), (2, 3), np.array([4])]), [1, 2, 3, 4]),
        ([None], [None]),
        (["text"], ["text"]),
    ],
    ids=repr,
)
def test_batches(kind, result, events):
    async def main():
        sink = ProbeConsumer(manual=False)
        async with StageGroup() as group:
            producer = await group.start(kind(result))
            await group.start(sink, subscribe_to=[producer])
            await group.wait()
        return sink.events

    assert run(main()) == events


def numbers():
    yield 1


@pytest.mark.parametrize("kind", [Returns, ReturnsLater])
@pytest.mark.parametrize(
    "result",
    [5, 1.5, True, "text", b"text", {1: 2}, {1, 2}, numbers(), np.int64(3), np.array(3), object(),
     Batches([5]), Batches([np.array(3)]), Batches(["text"])],
    ids=repr,
)  # fmt: skip
def test_no_batches(kind, result):
    async def main():
        async with StageGroup() as group:
            producer = await group.start(kind(result))
            await group.start(ProbeConsumer(manual=False), subscribe_to=[producer])
            await group.wait()

    text = rf"{kind.__name__}.handle_demand must return a batch \(a list, range or numpy array"
    with pytest.raises(TypeError, match=text):
        run(main())


@pytest.mark.parametrize("where", ["handle_events", "handle_cancel", "handle_cast", "handle_info"])
def test_a_consumer_returns_nothing(where):
    class Talks(Consumer[int]):
        def handle_events(self, events, producer):
            return [1] if where == "handle_events" else None

        def handle_cancel(self, reason, peer):
            return [1] if where == "handle_cancel" else None

        async def handle_cast(self, message):
            return [1] if where == "handle_cast" else None

        def handle_info(self, message):
            return () if where == "handle_info" else None

    async def main():
        source = ProbeProducer()
        async with StageGroup() as group:
            producer = await group.start(source)
            consumer = await group.start(Talks(), subscribe_to=[producer])
            source.emit([1])
            consumer.cast(1)
            consumer.send(1)
            await settled()
            source.finish()
            await group.wait()

    with pytest.raises(TypeError, match=rf"Talks.{where} returned .*a Consumer emits nothing"):
        run(main())


@pytest.mark.parametrize("answer", ["auto", 5, ["manual"]])
def test_handle_subscribe_knows_two_words(answer):
    async def main():
        async with StageGroup() as group:
            producer = await group.start(ProbeProducer())
            stage = Both(returns={"handle_subscribe": answer})
            await group.start(stage, subscribe_to=[producer])

    with pytest.raises(ValueError, match="handle_subscribe must be one of 'automatic', 'manual'"):
        run(main())


@pytest.mark.parametrize("kind", [Producer, ProducerConsumer, Consumer])
def test_the_callback_that_each_kind_needs(kind):
    async def main():
        source, sink = ProbeProducer(), ProbeConsumer(manual=False)
        async with StageGroup() as group:
            stage = await group.start(kind())
            if kind is not Consumer:
                await group.start(sink, subscribe_to=[stage])
            if kind is not Producer:
                await stage.subscribe(await group.start(source))
            await settled()
            source.emit([1])
            await group.wait()

    with pytest.raises(NotImplementedError, match=f"{kind.__name__} needs a handle_"):
        run(main())
