"""Whatever crashes, whenever: in the end all stages run and events flow again."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlike import Consumer, Producer, ProducerConsumer, StageGroup, StageStopped, Subscribe


class Base:
    starts = 0
    slow = False

    def on_start(self):
        self.starts += 1
        return self.yields() if self.slow else None

    def on_stop(self, reason):
        return self.yields() if self.slow else None

    async def yields(self):
        await asyncio.get_running_loop().run_in_executor(None, str)

    def handle_call(self, request):
        return request

    def handle_cast(self, message):
        if isinstance(message, BaseException):
            raise message
        return message


class Fed(Base, Producer[int]):
    def handle_demand(self, demand):
        return ()


class Pass(Base, ProducerConsumer[int, int]):
    def handle_events(self, events, producer):
        return list(events)


class Sink(Base, Consumer[int]):
    def __init__(self):
        self.seen = set()

    def handle_events(self, events, producer):
        self.seen.update(events)


async def turns(count):
    for _ in range(count):
        turned = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(turned.set_result, None)
        await turned


async def run(strategy, cancel, branches, slow, crashes):
    """One producer, ``branches`` producer-consumers that read it, one sink that reads those."""
    stages = [Fed(), *(Pass() for _ in range(branches)), Sink()]
    sink = stages[-1]
    async with StageGroup(strategy, max_restarts=10_000) as group:
        refs = [await group.start(stages[0])]
        for stage in stages[1:-1]:
            refs.append(await group.start(stage, subscribe_to=[Subscribe(refs[0], cancel=cancel)]))
        options = [Subscribe(ref, cancel=cancel) for ref in refs[1:]]
        refs.append(await group.start(sink, subscribe_to=options))
        for stage in stages:
            stage.slow = slow
        numbers = itertools.count()
        for which, wait in crashes:
            refs[0].cast([next(numbers)])
            refs[which % len(refs)].cast(LookupError(which))
            await turns(wait)
        for ref in refs:
            while True:  # until what was sent before has been handled, by whichever instance
                try:
                    await ref.call("alive")
                    break
                except StageStopped:
                    await turns(1)
        fresh = set()
        while not fresh & sink.seen:
            number = next(numbers)
            fresh.add(number)
            refs[0].cast([number])
            await turns(2)
        for _ in range(2000):  # until every subscription has been made again, each once
            made = (
                len(refs[0]._stage.outlet.subscriptions),
                len(refs[-1]._stage.inlet.subscriptions),
            )
            waiting = len(group._restarts._unserved) + refs[-1]._stage.inlet.expected
            if made == (branches, branches) and not waiting:
                break
            await turns(2)
        assert (made, waiting) == ((branches, branches), 0)
        assert [len(ref._stage.outlet.subscriptions) for ref in refs[1:-1]] == [1] * branches
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@given(
    cancel=st.sampled_from(["permanent", "transient", "temporary"]),
    branches=st.integers(1, 3),
    slow=st.booleans(),
    crashes=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_events_flow_again(strategy, cancel, branches, slow, crashes):
    asyncio.run(run(strategy, cancel, branches, slow, crashes))
