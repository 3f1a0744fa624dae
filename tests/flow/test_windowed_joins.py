"""Joins, unique and departition per window, at any interleaving."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from contract import here_only, run
from hypothesis import given
from hypothesis import strategies as st

from flowlike import CountWindow, FixedWindow, Flow, FlowBuildError, SessionWindow, SlidingWindow
from flowlike.operators import run_inline
from flowlike.operators.program import compile_program

HOW = ("inner", "left", "right", "outer")

# (key, time), in the order of time, so that nothing is late.
events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=40).map(
    lambda found: sorted(found, key=lambda event: event[1])
)
layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 2, 3]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 20)),
    }
)


async def gather(flow):
    return [event async for event in flow]


def reference(left, right, how):
    """All pairs with equal keys, and those without."""
    pairs = [(one, other) for other in right for one in left if one[0] == other[0]]
    if how in ("left", "outer"):
        pairs += [(one, None) for one in left if one[0] not in {other[0] for other in right}]
    if how in ("right", "outer"):
        pairs += [(None, other) for other in right if other[0] not in {one[0] for one in left}]
    return pairs


def within(events, start):
    return [event for event in events if start <= event[1] < start + 10]


@given(
    left=events,
    right=events,
    how=st.sampled_from(HOW),
    every=st.sampled_from([10, 5]),
    layer=layers,
    seed=st.integers(0, 2**32),
)
def test_events_meet_within_a_window(left, right, how, every, layer, seed):
    window = FixedWindow(10, 1) if every == 10 else SlidingWindow(10, every, 1)
    flow = Flow.from_iterable(left).join(
        Flow.from_iterable(right), left_key=0, right_key=0, how=how, window=window, **layer
    )
    expected = Counter()
    for start in range(-10, 40, every):
        expected += Counter(reference(within(left, start), within(right, start), how))
    assert Counter(run(gather(flow), seed=seed)) == expected


@given(left=events, right=events, how=st.sampled_from(HOW), seed=st.integers(0, 2**32))
def test_a_reduce_behind_a_join_has_a_state_per_window(left, right, how, seed):
    flow = Flow.from_iterable(left).join(
        Flow.from_iterable(right), left_key=0, right_key=0, how=how, window=FixedWindow(10, 1)
    )
    flow = flow.map(len).reduce(int, lambda total, n: total + n)
    flow = flow.map_state(lambda state, ctx: (ctx.window_id, state)).emit("state")
    totals = defaultdict(int)
    for start, state in run(gather(flow), seed=seed):
        totals[start] += state
    for start in range(0, 40, 10):
        pairs = reference(within(left, start), within(right, start), how)
        assert totals[start] == 2 * len(pairs)


@given(left=events, right=events, how=st.sampled_from(HOW), seed=st.integers(0, 2**32))
def test_events_meet_within_a_session_of_their_key(left, right, how, seed):
    flow = Flow.from_iterable(left).join(
        Flow.from_iterable(right), left_key=0, right_key=0, how=how, window=SessionWindow(4, 1)
    )
    expected = Counter()
    for key in range(4):
        times = sorted({event[1] for event in left + right if event[0] == key})
        sessions = [times[:1]]
        for before, time in pairwise(times):
            if time - before > 4:
                sessions.append([])
            sessions[-1].append(time)
        for session in sessions:
            sides = [
                [(key, t) for k, t in side if k == key and t in session] for side in (left, right)
            ]
            expected += Counter(reference(*sides, how))
    assert Counter(run(gather(flow), seed=seed)) == expected


@given(events=events, layer=layers, seed=st.integers(0, 2**32))
def test_unique_begins_anew_with_every_window(events, layer, seed):
    flow = Flow.from_iterable(events).partition(key=0, window=FixedWindow(10, 1), **layer).unique(0)
    expected = {(event[0], event[1] // 10): event for event in reversed(events)}
    assert sorted(run(gather(flow), seed=seed)) == sorted(expected.values())


@given(events=events, layer=layers, every=st.sampled_from([10, 5]), seed=st.integers(0, 2**32))
def test_departition_emits_every_window_once_and_in_order(events, layer, every, seed):
    window = FixedWindow(10, 1) if every == 10 else SlidingWindow(10, every, 1)
    counts = Flow.from_iterable(events).partition(key=0, window=window, **layer).count_by(0)
    flow = counts.departition(
        Counter, lambda acc, state: acc + state, lambda acc, ctx: (ctx.window_id, dict(acc))
    )
    expected = [
        (start, dict(Counter(key for key, _ in within(events, start))))
        for start in range(-10, 40, every)
        if within(events, start)
    ]
    assert run(gather(flow), seed=seed) == expected


@given(events=events, layer=layers, seed=st.integers(0, 2**32))
def test_take_sort_per_count_window(events, layer, seed):
    flow = Flow.from_iterable(events).partition(key=0, window=CountWindow(5), **layer)
    found = run(gather(flow.collect_batch().take_sort(2)), seed=seed)
    assert all(each == sorted(each)[:2] for each in found)
    if layer["stages"] == 1:
        windows = [events[at : at + 5] for at in range(0, len(events), 5)]
        assert found == [sorted(window)[:2] for window in windows]


def handed_on(program, batch):
    return run_inline(program.push(batch))


def gathered(program, batches, upstream):
    """The events that leave it, of all that a partition hands on."""
    left = [run_inline(program.push(batch, upstream)) for batch in batches]
    return [event for batches in left for batch in batches for event in batch]


@here_only("builds")
def test_a_partition_without_events_tells_that_it_has_passed_a_window():
    """Partition 1 sees nothing in the first window, which is not held up for it."""
    window = FixedWindow(10, 1)
    flow = (
        Flow.from_iterable([])
        .partition(key=0, window=window)
        .count_by(0)
        .departition(dict, lambda acc, state: acc | state, lambda acc, ctx: (ctx.window_id, acc))
    )
    before = flow._inputs.upstream[0][0]._layer
    partitions = [compile_program(before, partition=n, partitions=2) for n in range(2)]
    behind = compile_program(flow._layer, partition=0, partitions=1, upstreams=2)
    one, other = partitions
    assert gathered(behind, handed_on(one, [("a", 1), ("a", 12)]), 0) == []
    assert gathered(behind, handed_on(other, [("b", 12)]), 1) == [(0, {"a": 1})]
    assert gathered(behind, handed_on(other, [("b", 13), ("b", 29)]), 1) == []
    assert gathered(behind, handed_on(one, [("a", 31)]), 0) == [(10, {"a": 1, "b": 2})]


@here_only("builds")
def test_a_departition_has_nothing_to_bring_together_of_sessions():
    sessions = Flow.from_iterable([(1, 2)]).partition(key=0, window=SessionWindow(4, 1)).count_by()
    with pytest.raises(FlowBuildError, match=r"over SessionWindow\(4, 1\): every session belongs"):
        sessions.departition(dict, lambda acc, state: acc)
    with pytest.raises(FlowBuildError, match=r"take_sort\(2\) over SessionWindow"):
        sessions.take_sort(2)
