"""A stage that answers a call when it can, and goes on until then."""

import asyncio

import pytest

from flowlike import Consumer, Producer, StageGroup, StageStopped, Subscribe
from flowlike.testing import interleaved, settled


class Gateway(Producer[int]):
    """``call(event)`` returns when the event has been taken: back-pressure to the caller."""

    def __init__(self):
        self.demand_left = 0
        self.waiting = []

    def handle_demand(self, demand):
        self.demand_left += demand
        return self.take()

    def handle_call(self, request):
        if request == "count":
            return len(self.waiting)
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append((request, answer))
        self.emit(self.take())
        return answer

    def take(self):
        taken = []
        while self.waiting and self.demand_left:
            event, answer = self.waiting.pop(0)
            if not answer.cancelled():
                self.demand_left -= 1
                taken.append(event)
                answer.set_result(f"took {event}")
        return taken


class Manual(Consumer[int]):
    def __init__(self):
        self.events = []

    def handle_subscribe(self, role, options, peer):
        self.peer = peer
        return "manual"

    def handle_events(self, events, producer):
        self.events.extend(events)


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def test_the_reply_comes_when_the_future_is_resolved():
    sink = Manual()
    async with StageGroup() as group:
        gateway = await group.start(Gateway())
        await group.start(sink, subscribe_to=[Subscribe(gateway)])
        calls = [asyncio.create_task(gateway.call(n, timeout=None)) for n in range(3)]
        while await gateway.call("count") < 3:
            pass
        sink.peer.ask(2)
        assert [await call for call in calls[:2]] == ["took 0", "took 1"]
        assert not calls[2].done()
        sink.peer.ask(1)
        assert await calls[2] == "took 2"
    assert sink.events == [0, 1, 2]


async def test_a_caller_that_gives_up():
    gateway = Gateway()
    async with StageGroup() as group:
        ref = await group.start(gateway)
        with pytest.raises(TimeoutError):
            await ref.call(1, timeout=0.001)
        assert await ref.call("count") == 1
        assert gateway.waiting[0][1].cancelled()


async def test_the_stage_ends_first():
    gateway = Gateway()
    async with StageGroup() as group:
        ref = await group.start(gateway)
        call = asyncio.create_task(ref.call(1))
        while not await ref.call("count"):
            pass
        await ref.stop()
        with pytest.raises(StageStopped, match="'Gateway' has ended"):
            await call
    assert gateway.waiting[0][1].cancelled()


@pytest.mark.parametrize("how", ["raise", "cancel"])
async def test_a_reply_that_is_an_error(how):
    class Fails(Gateway):
        def handle_call(self, request):
            answer = asyncio.get_running_loop().create_future()
            loop = asyncio.get_running_loop()
            if how == "raise":
                loop.call_soon(answer.set_exception, LookupError("unknown"))
            else:
                loop.call_soon(answer.cancel)
            return answer

    async with StageGroup() as group:
        ref = await group.start(Fails())
        with pytest.raises(LookupError if how == "raise" else RuntimeError):
            await ref.call(1)
        assert "running" in repr(ref)


def test_each_of_many_open_calls_costs_the_same():
    """Every answer is given while all the others are open."""

    class Asked(Gateway):
        def take(self):
            return []

    async def steps(calls):
        gateway = Asked()
        async with StageGroup() as group:
            ref = await group.start(gateway)
            asked = [asyncio.create_task(ref.call(n, timeout=None)) for n in range(calls)]
            while len(gateway.waiting) < calls:
                await ref.call("count")
            waiting = len(ref._stage.ended._callbacks or ())
            for _, answer in gateway.waiting:
                answer.set_result(0)
            return waiting, await asyncio.gather(*asked)

    waiting, done = asyncio.run(steps(300))
    assert done == [0] * 300
    assert waiting < 10  # not one a call, to be searched for each


@interleaved(10)
async def test_an_answer_that_is_given_as_the_stage_ends_arrives():
    class Last(Gateway):
        def handle_cast(self, message):
            self.waiting[0][1].set_result(message)
            self.finish()

    gateway = Last()
    async with StageGroup() as group:
        ref = await group.start(gateway)
        asked = asyncio.create_task(ref.call(1))
        await settled()
        ref.cast("at last")
        assert await asked == "at last"
        assert await ref.wait() == "normal"
