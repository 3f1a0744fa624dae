"""Whatever crashes, whenever: in the end all stages run and events flow again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.graphs import pass_time, seeds

from flowlike import Consumer, Producer, ProducerConsumer, StageGroup, Subscribe
from flowlike.testing import run, settled


class Base:
    starts = 0
    slow = False

    def on_start(self):
        self.starts += 1
        return pass_time(0.01) if self.slow else None

    def on_stop(self, reason):
        return pass_time(0.01) if self.slow else None

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


async def crashed(strategy, cancel, branches, slow, crashes):
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
        for number, (which, wait) in enumerate(crashes):
            refs[0].cast([number])
            refs[which % len(refs)].cast(LookupError(which))
            if wait is not None:
                await pass_time(wait)
        await pass_time(10)
        for ref in refs:
            assert await ref.call("alive") == "alive"
        refs[0].cast([len(crashes)])
        await settled()
        assert len(crashes) in sink.seen
        # Every subscription has been made again, each once.
        assert len(refs[0]._stage.outlet.subscriptions) == branches
        assert len(refs[-1]._stage.inlet.subscriptions) == branches
        assert (group._restarts._unserved, refs[-1]._stage.inlet.expected) == ([], 0)
        assert [len(ref._stage.outlet.subscriptions) for ref in refs[1:-1]] == [1] * branches


waits = st.sampled_from([None, None, 0, 0.001, 0.01, 0.3])


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@given(
    cancel=st.sampled_from(["permanent", "transient", "temporary"]),
    branches=st.integers(1, 3),
    slow=st.booleans(),
    crashes=st.lists(st.tuples(st.integers(0, 4), waits), max_size=8),
    seed=seeds,
)
def test_events_flow_again(strategy, cancel, branches, slow, crashes, seed):
    run(crashed(strategy, cancel, branches, slow, crashes), seed=seed, patience=0.5)
