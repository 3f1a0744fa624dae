"""Joins and unique in flows, with any number of stages and any interleaving."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from contract import here_only, run
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Flow, FlowBuildError, GlobalWindow, SourceExhausted

HOW = ("inner", "left", "right", "outer")


def reference(left, right, how):
    """All pairs with equal keys, and those without."""
    pairs = [(one, other) for other in right for one in left if one[0] == other[0]]
    if how in ("left", "outer"):
        pairs += [(one, None) for one in left if one[0] not in {other[0] for other in right}]
    if how in ("right", "outer"):
        pairs += [(None, other) for other in right if other[0] not in {one[0] for one in left}]
    return pairs


keys = st.one_of(
    st.integers(0, 6),
    st.none(),
    st.booleans(),
    st.sampled_from(["a", 1.0, Fraction(2), Decimal(3), (1, 2), (True, 2.0)]),
)
events = st.lists(st.tuples(keys, st.integers(0, 3)), max_size=40)
layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 2, 3]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 20)),
    }
)


async def gather(flow):
    return [event async for event in flow]


@given(
    left=events,
    right=events,
    how=st.sampled_from(HOW),
    before=layers,
    layer=layers,
    seed=st.integers(0, 2**32),
)
def test_a_join_is_what_a_loop_over_both_gives(left, right, how, before, layer, seed):
    one = Flow.from_iterable(left, **before).map(lambda event: event)
    other = Flow.from_iterables([right[::2], right[1::2]], **before)
    flow = one.join(other, left_key=0, right_key=lambda event: event[0], how=how, **layer)
    found = run(gather(flow), seed=seed)
    assert Counter(found) == Counter(reference(left, right, how))


@given(left=events, right=events, how=st.sampled_from(HOW), layer=layers)
def test_operators_and_a_reduce_in_the_same_layer(left, right, how, layer):
    def key_of(one, other):
        return (one or other)[0]

    flow = Flow.from_iterable(left).join(
        Flow.from_iterable(right), left_key=0, right_key=0, join=key_of, how=how, **layer
    )
    counts = flow.map(lambda key: (key, 1)).filter(lambda event: event[0] is not None).count_by(0)
    expected = Counter(key_of(*pair) for pair in reference(left, right, how))
    del expected[None]
    assert Counter(dict(counts.to_list())) == expected


@given(
    events=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=80),
    layer=layers,
    seed=st.integers(0, 2**32),
)
def test_unique_behind_a_partition_lets_each_key_pass_once(events, layer, seed):
    flow = Flow.from_iterable(events, stages=1).partition(key=0, **layer).unique(0)
    seen = {}
    for event in events:
        seen.setdefault(event[0], event)
    assert sorted(run(gather(flow), seed=seed)) == sorted(seen.values())


def test_unique_and_a_reduce():
    flow = Flow.from_iterable("abracadabra", stages=1).map(str.upper).unique().map(ord)
    assert flow.collect_batch().emit("state").to_list() == [[65, 66, 82, 67, 68]]
    assert flow.to_list() == [65, 66, 82, 67, 68]


def test_what_is_unique_is_counted_once():
    numbers = Flow.from_iterable([1, 2, 1, 1, 3, 2] * 50).map(abs)
    flow = numbers.partition(stages=2).unique().partition(stages=2).count_by()
    assert sorted(flow.to_list()) == [(1, 1), (2, 1), (3, 1)]
    flow = numbers.partition(stages=2).unique().count_by()
    assert sorted(flow.to_list()) == [(1, 1), (2, 1), (3, 1)]


def test_what_unique_passes_leaves_at_once():
    seen = []

    def source():
        for n in (1, 1, 2):
            yield n
            seen.append(f"asked after {n}")

    flow = Flow.from_iterable(source(), stages=1, max_demand=1, min_demand=0).unique()
    seen.extend(f"got {n}" for n in flow)
    assert seen.index("got 1") < seen.index("asked after 2")


def test_an_array_stays_an_array_in_unique():
    flow = Flow.from_iterable(np.array([3, 1, 3, 2, 1]), stages=1).unique()
    assert flow.to_array().tolist() == [3, 1, 2]
    assert all(isinstance(batch, np.ndarray) for batch in flow.batches())


def test_arrays_meet_lists():
    prices = Flow.from_iterable(np.array([[1, 10], [2, 20]]))
    names = Flow.from_iterable([("tea", 2.0), ("jam", True)])
    found = names.join(prices, left_key=1, right_key=0, join=lambda n, p: (n[0], p[1]), stages=3)
    assert sorted(found.to_list()) == [("jam", 10), ("tea", 20)]


def test_a_flow_joined_with_itself_is_read_twice():
    flow = Flow.from_iterable(range(4)).map(lambda n: (n % 2, n))
    pairs = flow.join(flow, left_key=0, right_key=0).filter(lambda pair: pair[0] < pair[1])
    assert sorted(pairs.to_list()) == [((0, 0), (0, 2)), ((1, 1), (1, 3))]
    once = Flow.from_iterable(iter(range(4)))
    with pytest.raises(SourceExhausted, match="this flow reads it twice"):
        once.join(once, left_key=abs, right_key=abs).to_list()
    assert once.to_list() == [0, 1, 2, 3]


def test_three_flows():
    a, b, c = (Flow.from_iterable([(1, name), (2, name)]) for name in "abc")
    both = a.join(b, left_key=0, right_key=0, join=lambda one, two: (one[0], one[1] + two[1]))
    flow = both.join(c, left_key=0, right_key=0, join=lambda one, two: one[1] + two[1])
    assert flow.to_list() == ["abc", "abc"]


def test_an_empty_side():
    empty, full = Flow.from_iterable([]), Flow.from_iterable([1])
    options = {"left_key": abs, "right_key": abs, "stages": 2}
    assert full.join(empty, **options).to_list() == []
    assert full.join(empty, how="outer", **options).to_list() == [(1, None)]
    assert empty.join(full, how="outer", **options).to_list() == [(None, 1)]
    assert empty.join(full, how="left", **options).to_list() == []


@pytest.mark.parametrize("stages", [1, 2])
def test_a_key_that_is_missing_on_one_side_names_the_side_and_the_event(stages):
    left, right = Flow.from_iterable([{"id": 1}]), Flow.from_iterable([{"id": 1}, {"name": "x"}])
    with pytest.raises(KeyError, match="id") as caught:
        left.join(right, left_key="id", right_key="id", stages=stages).to_list()
    notes = "\n".join(caught.value.__notes__)
    assert "right_key" in notes
    assert "event {'name': 'x'}" in notes


@pytest.mark.parametrize("stages", [1, 2])
def test_a_key_that_cannot_be_hashed_names_the_side_and_the_event(stages):
    left, right = Flow.from_iterable([([1], 2)]), Flow.from_iterable([(1, 2)])
    with pytest.raises(TypeError, match="list") as caught:
        left.join(right, left_key=0, right_key=0, stages=stages).to_list()
    notes = "\n".join(caught.value.__notes__)
    assert "left_key" in notes
    assert "event ([1], 2)" in notes


def test_a_join_function_that_fails_stops_the_flow():
    def fail(left, right):
        raise LookupError("no")

    endless, options = Flow.from_iterable(iter(int, 1)), {"join": fail, "stages": 1}
    with pytest.raises(LookupError) as caught:
        endless.join(Flow.from_iterable([0]), left_key=abs, right_key=abs, **options).run()
    note = "in join(abs, abs, join=fail, how='inner'), replica 0 of 1, event (0, 0)"
    assert note in caught.value.__notes__


@here_only("builds")
@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"right": [1]}, TypeError, r"join takes another flow, not \[1\]"),
        ({"left_key": None}, TypeError, "join's left_key must be a function"),
        ({"right_key": 1.5}, TypeError, "join's right_key must be a function"),
        ({"how": "full"}, ValueError, "join's how must be one of 'inner', 'left'"),
        ({"join": 3}, TypeError, "join's join must be callable"),
        ({"stages": 0}, ValueError, "stages must be at least 1"),
        ({"on": 0}, TypeError, "join.. got an unexpected keyword argument 'on'"),
        ({"window": 3}, TypeError, "window must be a window"),
    ],
)
def test_what_is_no_join(arguments, error, says):
    given = {"right": Flow.from_iterable([1]), "left_key": abs, "right_key": abs} | arguments
    with pytest.raises(error, match=says):
        Flow.from_iterable([1]).join(**given)


def test_one_join_or_unique_in_a_layer():
    def joined():
        return Flow.from_iterable([1]).join(Flow.from_iterable([1]), left_key=abs, right_key=abs)

    with pytest.raises(FlowBuildError, match=r"unique\(\) after join\(abs, .* put partition\(\)"):
        joined().unique()
    with pytest.raises(FlowBuildError, match=r"unique\(0\) after unique\(\): a layer has one"):
        Flow.from_iterable([1]).unique().map(abs).unique(0)
    with pytest.raises(FlowBuildError, match=r"unique\(\) after count_by\(\)"):
        Flow.from_iterable([1]).count_by().unique()
    with pytest.raises(FlowBuildError, match=r"emit\('state'\) needs a reduce"):
        joined().emit("state")
    pairs = joined().shuffle().unique()
    assert pairs.to_list() == [(1, 1)]


def test_a_window_needs_a_reduce_a_join_or_a_unique():
    window = GlobalWindow().trigger_every(2)
    flow = Flow.from_iterable([1, 1, 2], window=window, stages=1)
    assert flow.unique().to_list() == [1, 2]
    with pytest.raises(FlowBuildError, match="a unique or a join, or leave the window out"):
        flow.map(abs).partition()
    unreduced = Flow.from_iterable([1], window=window).map(abs)
    with pytest.raises(FlowBuildError, match="no reduce after map"):
        Flow.from_iterable([1]).join(unreduced, left_key=abs, right_key=abs)


@here_only("builds")
def test_the_plan_and_the_repr_show_both_sides():
    users = Flow.from_iterable([{"id": 1}])
    flow = Flow.from_iterable([(1,)]).join(users, left_key=0, right_key="id", stages=2)
    flow = flow.map(len).count_by()
    assert repr(flow) == (
        "Flow(list of 1).join(Flow(list of 1), 0, 'id', how='inner').map(len).count_by()"
    )
    plan = flow.explain()
    assert "from   source 1: list of 1, by join(left_key=0)" in plan
    assert "from   source 2: list of 1, by join(right_key='id')" in plan
    assert "join(0, 'id', how='inner')" in plan
    one = Flow.from_iterable([1]).join(users, left_key=abs, right_key="id").map(str)
    assert "in     1 stage\n" in one.explain()  # nothing of it could run at the same time


def test_the_report_counts_both_sides():
    flow = Flow.from_iterable([1, 2, 3]).join(
        Flow.from_iterable([2, 3, 4]), left_key=abs, right_key=abs, how="outer", stages=2
    )
    report = flow.run()
    assert (report.events_in, report.events_out) == (6, 4)


def test_the_report_counts_what_unique_drops():
    report = Flow.from_iterable([1, 1, 2, 1, 3], stages=1).unique().filter(lambda n: n > 1).run()
    assert (report.events_in, report.events_out, report.filtered) == (5, 2, 3)
    assert report.events_in + report.produced == 2 + report.filtered + report.consumed
