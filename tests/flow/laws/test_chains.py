"""Any chain of operators gives what the reference gives, however it is spread and asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from contract import here_only, run
from hypothesis import given, note
from hypothesis import strategies as st
from laws.chains import MODULUS, OPERATORS, Counting
from laws.windowed import until

from flowlike import Flow
from flowlike.testing import ProbeConsumer

MOST = 2000  # events; an operator that would make more is left out

numbers = st.lists(st.integers(0, MODULUS - 1), max_size=60)
demands = st.one_of(
    st.just({}),
    st.integers(1, 30).map(lambda most: {"max_demand": most}),
    st.integers(2, 30).map(lambda most: {"max_demand": most, "min_demand": most - 1}),
)
layers = st.builds(
    lambda demand, stages, executor: {**demand, "stages": stages, "executor": executor},
    demands,
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([None] * 6 + ["threads"]),
)
steps = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATORS)), st.integers(0, 4), numbers, layers),
    max_size=7,
)


def chained(
    flow: Any, events: list[int], steps: list[Any], *, once: bool = True
) -> tuple[Any, list[int], list[Any]]:
    """The flow with the operators, what it gives, and which were taken.

    ``once``: whether the flow can run only once, and so cannot be joined with itself.
    """
    taken = []
    for name, n, other, layer in steps:
        if name == "hash_join" and once:
            continue  # it runs its flow twice
        step = OPERATORS[name](flow, events, n, other, layer)
        if len(step.events) <= MOST:
            flow, events = step.flow, step.events
            once = once or name in ("through", "join")
            flow = flow.shuffle() if step.ends else flow
            taken.append((name, n, other, layer))
    return flow, events, taken


async def awaited(events: list[int]) -> AsyncIterator[int]:
    for event in events:
        yield event


SOURCES = {
    "list": lambda events, layer: Flow.from_iterable(events, **layer),
    "array": lambda events, layer: Flow.from_iterable(np.array(events, np.int64), **layer),
    "generator": lambda events, layer: Flow.from_iterable(iter(events), **layer),
    "asynchronous": lambda events, layer: Flow.from_iterable(awaited(events), **layer),
    "two": lambda events, layer: Flow.from_iterables([events[::2], iter(events[1::2])], **layer),
    "stages": lambda events, layer: Flow.from_stages(
        [Counting(events[:9]), Counting(events[9:])], **layer
    ),
}


async def events_of_flow(flow: Any) -> list[int]:
    return [event async for event in flow]


async def batches_of_flow(flow: Any) -> list[int]:
    return [int(event) async for batch in flow.abatches() for event in batch]


async def into_a_stage(flow: Any) -> list[int]:
    probe = ProbeConsumer(manual=False)
    async with flow.into_stages([probe]) as running:
        report = await running.wait()
    assert report.events_out == len(probe.events)
    return probe.events


DOORS = [events_of_flow, batches_of_flow, into_a_stage]


@given(
    source=st.sampled_from(sorted(SOURCES)),
    events=numbers,
    first=layers,
    steps=steps,
    door=st.sampled_from(DOORS),
    seed=st.integers(0, 2**32),
)
def test_any_chain(source, events, first, steps, door, seed):
    flow = SOURCES[source](events, first)
    flow, events, _ = chained(flow, events, steps, once=source not in ("list", "array"))
    note(f"{flow!r}")
    assert sorted(run(door(flow), seed=seed)) == sorted(events)


ALONE = sorted(set(OPERATORS) - {"merge", "join", "hash_join"})  # what reads one source, once


@here_only("clock")
@given(
    events=numbers,
    pauses=st.lists(st.integers(0, 3), min_size=60, max_size=60),
    first=layers,
    steps=st.lists(
        st.tuples(st.sampled_from(ALONE), st.integers(0, 4), numbers, layers), max_size=6
    ),
    seconds=st.integers(0, 60),
    seed=st.integers(0, 2**32),
)
def test_a_chain_that_is_drained_on_its_way(events, pauses, first, steps, seconds, seed):
    """What was read, no more and no less, has gone through all of it."""
    read = []

    async def paused():
        now = 0.5
        for event, pause in zip(events, pauses, strict=False):
            await until(now := now + pause)
            read.append(event)
            yield event

    async def drained(flow):
        probe = ProbeConsumer(manual=False)
        async with flow.into_stages([probe]) as running:
            await until(seconds)
            await running.stop()
        return probe.events, running.stats()

    flow, _, steps = chained(Flow.from_iterable(paused(), **first), events, steps)
    found, report = run(drained(flow), seed=seed)
    assert report.events_in == len(read)
    assert sorted(found) == sorted(chained(Flow.from_iterable([]), read, steps)[1])
