"""Departition and take_sort in flows: one result for each window, whatever the stages do."""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np
import pytest
from contract import here_only, run
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Flow, FlowBuildError, GlobalWindow, PeriodicWindow

layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 2, 5]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 20)),
    }
)


async def gather(flow):
    return [event async for event in flow]


@given(events=st.lists(st.integers(-9, 9), max_size=100), layer=layers, seed=st.integers(0, 2**32))
def test_the_counts_of_all_partitions_are_one_counter(events, layer, seed):
    counts = Flow.from_iterable(events, stages=1).partition(**layer).count_by()
    flow = counts.departition(Counter, lambda acc, state: acc + state)
    assert run(gather(flow), seed=seed) == [Counter(events)]


@given(
    events=st.lists(st.integers(-9, 9), max_size=100),
    n=st.integers(1, 12),
    reverse=st.booleans(),
    layer=layers,
    seed=st.integers(0, 2**32),
)
def test_take_sort_has_the_best_of_all_partitions(events, n, reverse, layer, seed):
    batches = Flow.from_iterable(events, stages=1).partition(**layer).collect_batch()
    flow = batches.take_sort(n, abs, reverse)
    (found,) = run(gather(flow), seed=seed)
    best = sorted(events, key=abs, reverse=reverse)[:n]
    assert [abs(n) for n in found] == [abs(n) for n in best]
    assert not Counter(found) - Counter(events)


@given(
    events=st.lists(st.integers(0, 99), max_size=100),
    every=st.integers(1, 10),
    action=st.sampled_from(["keep", "reset"]),
    layer=layers,
)
def test_every_state_that_fires_is_merged(events, every, action, layer):
    window = GlobalWindow().trigger_every(every, action)
    states = Flow.from_iterable(events).partition(window=window, **layer).collect_batch()
    merged = states.departition(list, lambda acc, state: [*acc, list(state)])
    (found,) = merged.to_list()
    if action == "reset":
        assert Counter(n for state in found for n in state) == Counter(events)
        assert all(len(state) <= every for state in found)
    else:
        plain = Flow.from_iterable(events).partition(window=window, **layer).collect_batch()
        expected = plain.map_state(list).emit("state").to_list()
        assert sorted(found) == sorted(expected)


@here_only("clock")
def test_a_period_leaves_at_its_end_though_some_partitions_have_no_events():
    left = []

    async def source():
        for event in ("a", "b", "c"):
            yield event
            await asyncio.sleep(17)  # noqa: TID251 - the clock is virtual

    async def main():
        flow = Flow.from_iterable(source(), stages=1)
        flow = flow.partition(stages=3, window=PeriodicWindow(10), key=lambda event: 0)
        gathered = flow.count_by().departition(Counter, Counter.__or__, lambda acc, ctx: (acc, ctx))
        async for counts, ctx in gathered:
            now = asyncio.get_running_loop().time()
            left.append((now, ctx.window_id, dict(counts)))

    run(main())
    assert left == [(10, 0, {"a": 1}), (20, 1, {"b": 1}), (40, 3, {"c": 1})]


def test_map_state_comes_before_it_and_other_operators_behind_it():
    flow = Flow.from_iterable(range(10)).partition(stages=3).collect_batch().map_state(len)
    flow = flow.departition(lambda: 0, lambda acc, state: acc + state, lambda acc: -acc)
    assert flow.map(lambda n: n * 2).to_list() == [-20]
    assert flow.map(lambda n: (n, 1)).reduce(list, lambda acc, n: [*acc, n]).to_list() == [(-10, 1)]
    assert flow.partition(stages=2).map(abs).to_list() == [10]
    assert flow.partition(stages=2).count_by().to_list() == [(-10, 1)]
    assert Flow.from_iterable(range(3)).count_by().emit("state").departition(
        dict, lambda acc, state: acc | state
    ).to_list() == [{0: 1, 1: 1, 2: 1}]


def test_done_is_told_about_the_window():
    flow = Flow.from_iterable([1]).count_by().departition(dict, dict.__or__, lambda acc, ctx: ctx)
    (ctx,) = flow.to_list()
    assert (ctx.window, ctx.window_id, ctx.trigger, ctx.partitions) == (
        "global",
        "global",
        "done",
        1,
    )


def test_take_sort_of_pairs_arrays_and_nothing():
    words = (
        Flow.from_iterable(["to", "be", "or", "not", "to", "be", "to"])
        .partition(stages=3)
        .count_by()
    )
    assert words.take_sort(1, key=1, reverse=True).to_list() == [[("to", 3)]]
    array = Flow.from_iterable(np.array([5, 1, 4])).collect_batch()
    assert array.take_sort(2).to_list() == [[1, 4]]
    assert array.take_sort(2).map(sum).to_list() == [5]
    assert Flow.from_iterable([]).count_by().take_sort(2).to_list() == [[]]


def test_a_state_that_cannot_be_sorted():
    flow = Flow.from_iterable([1, 2], stages=1).reduce(int, max).take_sort(2)
    with pytest.raises(TypeError, match="cannot be iterated"):
        flow.to_list()
    flow = Flow.from_iterable([1, "a"], stages=1).collect_batch().take_sort(2)
    with pytest.raises(TypeError, match="not supported") as caught:
        flow.to_list()
    assert "in take_sort(2), replica 0 of 1, a state of type list" in caught.value.__notes__


def _merge(acc, state):
    return acc


@here_only("builds")
@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (lambda f: f.map(abs), r"needs a reduce before it .* here it comes after map\(abs\)"),
        (lambda f: f.take_sort(2), r"^take_sort\(2\) needs a reduce before it"),
        (lambda f: f.unique(), r"needs a reduce before it .* here it comes after unique\(\)"),
        (lambda f: f.count_by().emit("events"), r"after emit\('events'\): .* leave the emit out"),
        (lambda f: f.count_by().emit("nothing"), r"after emit\('nothing'\)"),
        (
            lambda f: f.count_by().on_trigger(lambda state: ([], state)),
            r"after on_trigger\(<lambda>\): .* use map_state or each_state",
        ),
        (lambda f: f.count_by().take_sort(1), r"needs a reduce before it .* after take_sort\(1\)"),
    ],
)
def test_what_cannot_be_gathered(flow, says):
    with pytest.raises(FlowBuildError, match=says):
        flow(Flow.from_iterable([1])).departition(list, _merge)
    with pytest.raises(FlowBuildError, match=says):
        flow(Flow.from_iterable([1])).take_sort(3)


def test_it_is_one_stage():
    counted = Flow.from_iterable([1]).count_by()
    with pytest.raises(ValueError, match=r"departition is one stage, .* not 3"):
        counted.departition(dict, _merge, stages=3)
    assert counted.departition(dict, _merge, stages=1, max_demand=1).to_list() == [{}]


@here_only("builds")
def test_the_plan_shows_both_layers():
    flow = Flow.from_iterable("ab").partition(stages=2).count_by().departition(dict, dict.__or__)
    plan = flow.explain()
    assert "count_by() -> states to departition" in plan
    assert "departition(__or__)" in plan
    assert "in     1 stage\n" in plan
    assert repr(flow).endswith("count_by().departition(__or__)")


def test_a_merge_that_fails_stops_the_flow():
    def fail(acc, state):
        raise LookupError("no")

    flow = Flow.from_iterable([1], stages=1).count_by().departition(dict, fail)
    with pytest.raises(LookupError) as caught:
        flow.run()
    note = "in departition(fail), replica 0 of 1, a state of type Counter"
    assert note in caught.value.__notes__
