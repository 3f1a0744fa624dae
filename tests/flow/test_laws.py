"""Any pipeline gives what ten sequential lines give, however it is cut, spread and asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from operator import add
from typing import Any

import numpy as np
import pytest
from contract import here_only
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Flow, GlobalWindow

PER_EVENT = {
    "map": lambda n: 3 * n - 1,
    "filter": lambda n: n % 3,
    "reject": lambda n: n % 5 == 0,
    "flat_map": lambda n: range(n % 4),
    "each": lambda n: None,
}


def reference(events: list[int], steps: list[str]) -> list[int]:
    """The same, one after the other."""
    for step in steps:
        function = PER_EVENT.get(step)
        if step == "map":
            events = [function(n) for n in events]
        elif step == "filter":
            events = [n for n in events if function(n)]
        elif step == "reject":
            events = [n for n in events if not function(n)]
        elif step == "flat_map":
            events = [each for n in events for each in function(n)]
    return events


async def awaited(function, n):
    return function(n)


layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 2, 5]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 40)),
        "executor": st.sampled_from([None, None, None, "threads"]),
    }
)
steps = st.lists(
    st.sampled_from([*PER_EVENT, "map_batch", "partition", "shuffle", "hash"]), max_size=7
)
sources = st.sampled_from(["list", "range", "array", "generator", "thread", "async", "two"])


def source_of(kind: str, size: int, options: dict[str, Any]) -> Flow[int]:
    async def awaited_numbers():
        for n in range(size):
            yield n

    match kind:
        case "list":
            return Flow.from_iterable(list(range(size)), **options)
        case "range":
            return Flow.from_iterable(range(size), **options)
        case "array":
            return Flow.from_iterable(np.arange(size), **options)
        case "generator":
            return Flow.from_iterable((n for n in range(size)), **options)
        case "thread":
            return Flow.from_iterable((n for n in range(size)), read_in="thread", **options)
        case "async":
            return Flow.from_iterable(awaited_numbers(), **options)
        case _:
            half = size // 2
            return Flow.from_iterables([range(half), np.arange(half, size)], **options)


def build(
    flow: Flow[int], steps: list[str], options: dict[str, Any], coroutines: bool
) -> Flow[int]:
    for step in steps:
        if step == "partition":
            flow = flow.partition(**options)
        elif step == "hash":
            stages = options["stages"] or 3
            flow = flow.partition(hash=lambda n, m=stages: n % m, **options | {"stages": stages})
        elif step == "shuffle":
            flow = flow.shuffle(**options)
        elif step == "map_batch":
            flow = flow.map_batch(lambda batch: batch[::-1])
        elif coroutines:
            flow = getattr(flow, step)(partial(awaited, PER_EVENT[step]), concurrency=3)
        else:
            flow = getattr(flow, step)(PER_EVENT[step])
    return flow


@given(
    kind=sources,
    size=st.integers(0, 300),
    steps=steps,
    first=layers,
    others=layers,
    coroutines=st.booleans(),
)
def test_events_through_any_pipeline(kind, size, steps, first, others, coroutines):
    expected = sorted(reference(list(range(size)), steps))
    flow = build(source_of(kind, size, first), steps, others, coroutines)
    assert sorted(flow.to_list()) == expected


@given(
    kind=sources,
    size=st.integers(0, 300),
    steps=steps,
    first=layers,
    others=layers,
    reducer=st.sampled_from(
        ["reduce", "reduce_batch", "group_by", "count_by", "collect_batch", "emit_and_reduce"]
    ),
)
def test_reduces_behind_any_pipeline(kind, size, steps, first, others, reducer):
    events = reference(list(range(size)), steps)
    flow = build(source_of(kind, size, first), steps, others, coroutines=False)
    layer = flow.partition(key=lambda n: n % 7, **others)
    match reducer:
        case "reduce":
            states = layer.reduce(int, add).emit("state").to_list()
            assert sum(states) == sum(events)
        case "reduce_batch":
            flow = layer.reduce_batch(int, lambda acc, batch: acc + int(sum(batch)))
            assert sum(flow.emit("state").to_list()) == sum(events)
        case "group_by":
            expected = defaultdict(list)
            for n in events:
                expected[n % 7].append(n)
            found = layer.group_by(lambda n: n % 7).to_list()
            assert {key: sorted(group) for key, group in found} == {
                key: sorted(group) for key, group in expected.items()
            }
            assert len(found) == len(expected)  # a key has one partition
        case "count_by":
            found = layer.count_by(lambda n: n % 7).to_list()
            assert dict(found) == Counter(n % 7 for n in events)
            assert len(found) == len(dict(found))
        case "collect_batch":
            assert sorted(layer.collect_batch().to_list()) == sorted(events)
        case _:
            flow = layer.emit_and_reduce(int, lambda acc, n: ([n, n], acc + 1))
            found = flow.emit("nothing").to_list()
            assert sorted(found) == sorted(events + events)


@given(
    size=st.integers(0, 200),
    every=st.integers(1, 50),
    max_demand=st.one_of(st.just("auto"), st.integers(1, 60)),
    kind=sources,
)
def test_a_count_trigger_does_not_see_how_the_events_were_cut(size, every, max_demand, kind):
    window = GlobalWindow().trigger_every(every, "reset")
    flow = source_of(kind, size, {"stages": 1, "max_demand": max_demand})
    flow = flow.partition(stages=1, window=window, max_demand=max_demand).collect_batch()
    sizes = [len(state) for state in flow.emit("state").to_list()]
    assert sizes == [every] * (size // every) + [size % every]


@given(size=st.integers(0, 500), stages=st.integers(1, 6), max_demand=st.integers(1, 50))
def test_order_is_kept_within_a_partition(size, stages, max_demand):
    flow = Flow.from_iterable(range(size), stages=1, max_demand=max_demand).map(
        lambda n: (n % 5, n)
    )
    flow = flow.partition(key=0, stages=stages, max_demand=max_demand).group_by_key()
    assert dict(flow.to_list()) == {key: list(range(key, size, 5)) for key in range(min(5, size))}


@given(
    events=st.lists(
        st.one_of(
            st.integers(-5, 5), st.booleans(), st.floats(allow_nan=False), st.text(max_size=2),
            st.none(), st.tuples(st.integers(0, 2), st.booleans()), st.binary(max_size=2),
        ),
        max_size=60,
    ),
    stages=st.integers(2, 5),
)  # fmt: skip
def test_keys_equal_in_python_are_counted_once(events, stages):
    found = Flow.from_iterable(events).partition(stages=stages).count_by().to_list()
    assert len(found) == len(set(events))
    assert dict(found) == Counter(events)


@here_only("memory")
@pytest.mark.parametrize("max_demand", [1, 2, 16, 100])
@pytest.mark.parametrize("stages", [1, 3])
def test_events_in_flight_are_bounded_by_the_demand(max_demand, stages):
    """Read and not yet counted at the end: what the two layers and the caller may hold."""
    read, counted, most = 0, 0, 0

    def source():
        nonlocal read
        for n in range(2000):
            read += 1
            yield n

    def look(n):
        nonlocal counted, most
        counted += 1
        most = max(most, read - counted)

    options = {"stages": stages, "max_demand": max_demand}
    Flow.from_iterable(source(), **options).map(abs).shuffle(**options).each(look).run()
    assert counted == 2000
    assert most <= stages * max_demand + stages * stages * max_demand
