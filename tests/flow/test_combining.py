"""Counting ahead of an exchange: nobody can tell but by the time it takes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from contract import here_only
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Flow, GlobalWindow, StageReport
from flowlike.flow.planner import make_plan
from flowlike.operators import combining

LINES = ["to be or", "not", "to be", "", "that is"] * 50
WORDS = Flow.from_iterable(LINES).flat_map(str.split)


def combines(flow: Flow[Any]) -> list[bool]:
    """Of each layer whether it counts for the next one."""
    return [node.combine_for is not None for node in make_plan(flow).layers]


@here_only("builds")
def test_a_layer_counts_for_one_that_only_counts() -> None:
    assert combines(WORDS.partition(stages=2).count_by()) == [True, False]
    counted = WORDS.partition(stages=2, window=GlobalWindow()).count_by()
    assert combines(counted.map_state(dict).emit("state")) == [True, False]
    merged = Flow.merge([WORDS, Flow.from_iterable("ab")]).map(str).partition(stages=2).count_by()
    assert combines(merged) == [False, True, False]


@here_only("builds")
@pytest.mark.parametrize(
    "flow",
    [
        WORDS.shuffle().count_by(),
        WORDS.partition(stages=2, key=len).count_by(),
        WORDS.partition(hash=len, stages=9).count_by(),
        WORDS.partition(stages=2).count_by(len),
        WORDS.partition(stages=2).map(str).count_by(),
        WORDS.partition(stages=2).group_by(len),
        WORDS.partition(stages=2, window=GlobalWindow().trigger_every(5)).count_by(),
        WORDS.partition(stages=2, window=GlobalWindow().trigger_periodically(5)).count_by(),
        WORDS.partition(stages=2, max_demand=5).count_by(),
        Flow.from_iterable(LINES, max_demand=5).flat_map(str.split).partition(stages=2).count_by(),
        Flow.from_iterable(LINES, buffer_size=5).flat_map(str.split).partition(stages=2).count_by(),
        WORDS.count_by().partition(stages=2).count_by(),
        WORDS.partition(stages=1).count_by(),
    ],
    ids=lambda flow: repr(flow)[28:],
)
def test_where_it_could_be_told_nothing_is_counted_ahead(flow: Flow[Any]) -> None:
    assert not any(combines(flow))


@here_only("builds")
def test_the_plan_tells() -> None:
    text = WORDS.partition(stages=2).count_by().explain()
    assert text.count("ahead  counts equal events before partition()") == 1


@pytest.mark.parametrize("stages", [1, 2, 7])
def test_reports_count_the_events(stages: int) -> None:
    report = WORDS.partition(stages=stages).count_by().run()
    expected = Counter(word for line in LINES for word in line.split())
    ahead, behind = ([each for each in report.stages if f"layer {n}:" in each.name] for n in (1, 2))

    def total(stages: list[StageReport], what: str) -> int:
        return sum(getattr(each, what) for each in stages)

    assert (total(ahead, "events_in"), total(ahead, "events_out")) == (250, expected.total())
    assert total(behind, "events_in") == expected.total()
    assert (total(ahead, "filtered"), total(ahead, "consumed")) == (0, 250)
    assert total(ahead, "produced") == expected.total()
    assert total(behind, "consumed") == expected.total()


@given(st.lists(st.integers(0, 20) | st.sampled_from([True, 1.0, "a"])), st.integers(1, 30))
def test_the_result_is_the_same_to_the_order_and_the_type(events: list[Any], most: int) -> None:
    flow = Flow.from_iterable(events, stages=1).map(lambda event: event)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combining, "_MOST", most)
        patch.setattr(combining, "_NOT_WORTH_FOR", 3)
        found = [flow.partition(stages=n).count_by().emit("state").to_list() for n in (2, 3)]
    plain = [
        flow.partition(stages=n, max_demand=4).count_by().emit("state").to_list() for n in (2, 3)
    ]
    for states, wanted in zip(found, plain, strict=True):
        assert sorted(map(repr, states)) == sorted(map(repr, wanted))


def test_a_source_that_fails_gives_no_counts() -> None:
    def lines() -> Any:
        yield from LINES
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Flow.from_iterable(lines()).flat_map(str.split).partition(stages=2).count_by().to_list()
