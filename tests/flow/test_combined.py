"""What a layer does is begun before the exchange: nobody can tell but by the time it takes."""

from __future__ import annotations

from collections import Counter
from operator import add, itemgetter
from typing import Any

import numpy as np
import pytest
from contract import here_only
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Flow, GlobalWindow
from flowlike.counted import Counted
from flowlike.flow.combined import Combined
from flowlike.flow.planner import make_plan
from flowlike.grouped import Grouped
from flowlike.native import stable_hash
from flowlike.operators import grouping, partial

first = itemgetter(0)


def pair(n: int) -> tuple[int, int]:
    return n % 7, n


def plus(total: int, event: tuple[int, int]) -> int:
    return total + event[1]


def merged(one: Counter[int], other: Counter[int]) -> Counter[int]:
    one.update(other)
    return one


def sizes(counts: Counter[int], batch: Any) -> Counter[int]:
    counts.update(event[0] for event in batch)
    return counts


PAIRS = Flow.from_iterable(range(1000)).map(pair)


def ahead(flow: Flow[Any], workers: int | None = None) -> list[str]:
    """What the plan of a flow does before exchanges."""
    plan = make_plan(flow, workers)
    behind = [plan.behind(node)[0] for node in plan.nodes]
    found = [each.ahead for each in behind if isinstance(each, Combined)]
    combines = [each.combine_for for each in plan.layers if each.combine_for is not None]
    return found + [f"groups by key before {label}" for label in combines]


@here_only("builds")
@pytest.mark.parametrize(
    ("flow", "text"),
    [
        (PAIRS.partition(key=0, stages=2).group_by_key(), "groups by key"),
        (PAIRS.partition(key=first, stages=2).group_by(first, 1), "groups by key"),
        (PAIRS.partition(key=first, stages=2).count_by(first), "counts equal keys"),
        (
            PAIRS.partition(key=0, stages=2, window=GlobalWindow()).reduce(int, plus, merge=add),
            "applies reduce(plus) to each batch",
        ),
        (
            PAIRS.partition(key=0, stages=2).reduce_batch(Counter, sizes, merge=merged),
            "applies reduce_batch(sizes) to each batch",
        ),
        (PAIRS.partition(key=0, stages=2).unique(1), "applies unique(1) to what is sent"),
    ],
    ids=lambda each: repr(each)[28:],
)
def test_the_plan_tells(flow: Flow[Any], text: str) -> None:
    assert ahead(flow) == [f"{text} before {make_plan(flow).layers[-1].inputs[0].routing.label}"]
    assert flow.explain().count(f"    ahead  {text} before partition(key=") == 1


@here_only("builds")
@pytest.mark.parametrize(
    "flow",
    [
        PAIRS.partition(key=1, stages=2).group_by_key(),
        PAIRS.partition(stages=2).group_by(0),
        PAIRS.partition(key=lambda event: event[0], stages=2).group_by(lambda event: event[0]),
        PAIRS.partition(key=0, stages=2).count_by(1),
        PAIRS.partition(hash=first, stages=7).count_by(first),
        PAIRS.partition(key=0, stages=2).reduce(int, plus),
        PAIRS.partition(key=0, stages=2).filter(bool).reduce(int, plus, merge=add),
        PAIRS.shuffle(stages=2).reduce(int, plus, merge=add),
        PAIRS.partition(key=0, stages=2).emit_and_reduce(int, lambda n, e: ([], n)),
        PAIRS.partition(key=0, stages=1).group_by_key(),
        PAIRS.partition(key=0, stages=2, max_demand=9).group_by_key(),
        PAIRS.partition(key=0, stages=2, on_init=print).unique(),
        PAIRS.partition(key=0, stages=2, window=GlobalWindow().trigger_every(9)).group_by_key(),
        PAIRS.partition(key=0, stages=2, executor="threads").reduce_batch(
            Counter, sizes, merge=merged
        ),
        PAIRS.partition(key=0, stages=2).reduce_batch(
            Counter, sizes, merge=merged, on_error="skip"
        ),
        Flow.from_iterable(range(9), max_demand=5).map(pair).partition(stages=2, key=0).unique(),
        Flow.from_iterable(range(9), buffer_size=5).map(pair).partition(stages=2, key=0).unique(),
    ],
    ids=lambda each: repr(each)[28:],
)
def test_where_it_could_be_told_nothing_is_combined(flow: Flow[Any]) -> None:
    assert ahead(flow) == []


@here_only("builds")
def test_a_function_is_not_moved_to_where_fewer_cores_are() -> None:
    narrow = Flow.from_iterable(range(9), stages=1).map(pair)
    reduced = narrow.partition(key=0, stages=2).reduce(int, plus, merge=add)
    assert len(ahead(reduced)) == 1
    assert ahead(reduced, workers=2) == []
    assert len(ahead(narrow.partition(key=0, stages=2).group_by_key(), workers=2)) == 1
    source = Flow.from_iterable([(1, 2)])
    assert len(ahead(source.partition(key=0, stages=2).group_by_key())) == 1
    assert ahead(source.partition(key=0, stages=2).unique()) == []


def states(flow: Flow[Any]) -> list[str]:
    """What each replica has at last, to the order and the type."""
    found: list[Any] = []
    report = flow.each_state(found.append).run()
    for each in (*report.stages, report):
        came = each.events_in + each.produced
        assert came == each.events_out + each.filtered + each.consumed, report
    return sorted(map(repr, found))


keys = st.integers(0, 9) | st.sampled_from([True, 1.0, "a", (2, "b"), 3.5])
events = st.lists(st.tuples(keys, st.integers(-5, 5)), max_size=80)


@here_only("order")
@given(events, st.integers(2, 6), st.sampled_from(["list", "array", "hash"]))
def test_all_results_are_those_of_one_event_after_the_other(
    events: list[tuple[Any, int]], stages: int, kind: str
) -> None:
    if kind == "array":
        events = np.array([(hash(key) % 9, n) for key, n in events]).reshape(-1, 2)  # type: ignore[assignment]
    flow = Flow.from_iterable(events).flat_map(lambda event: [event] * 3)
    if kind == "array":
        flow = Flow.from_iterable(events).map_batch(lambda batch: np.repeat(batch, 3, axis=0))
    where: dict[str, Any] = {"key": 0}
    if kind == "hash":
        where = {"hash": lambda event: None if event[1] == 0 else stable_hash(event[0]) % stages}
    with pytest.MonkeyPatch.context() as patch:
        for name, least in (("LEAST", 2), ("PAUSE", 2)):
            patch.setattr(partial, name, least)
            patch.setattr(f"flowlike.flow.grouping.{name}", least)
        for name, value in (("_MOST", 20), ("_WORTH", 2), ("_NOT_WORTH_FOR", 9)):
            patch.setattr(grouping, name, value)
        patch.setattr("flowlike.flow.grouping._WORTH", {Counted: 2, Grouped: 2})
        quick = flow.partition(**where, stages=stages)
        plain = flow.partition(**where, stages=stages, max_demand=1000)
        for reduce in (
            lambda flow: flow.group_by_key() if kind == "list" else flow.group_by(0),
            lambda flow: flow.group_by(0, 1),
            lambda flow: flow.count_by(0),
            lambda flow: flow.reduce(int, plus_one, merge=add),
            lambda flow: flow.reduce(list, kept, merge=add),
            lambda flow: flow.reduce_batch(int, batch_sum, merge=add),
            lambda flow: flow.unique(key_of).reduce(list, kept),
        ):
            assert states(reduce(quick)) == states(reduce(plain))


def key_of(event: Any) -> Any:
    return event[0]


def plus_one(total: int, event: Any) -> int:
    return total + int(event[1])


def kept(events: list[Any], event: Any) -> list[Any]:
    events.append(tuple(event))
    return events


def batch_sum(total: int, batch: Any) -> int:
    return total + sum(int(event[1]) for event in batch)


def fail_at(what: Any) -> Any:
    def fail(state: Any, event: Any) -> Any:
        if event == what:
            raise LookupError(f"no {event}")
        return state

    return fail


def notes_of(flow: Flow[Any]) -> tuple[type[BaseException], str, list[str]]:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller compares it
        flow.run()
    notes = getattr(caught.value, "__notes__", [])
    return (
        type(caught.value),
        str(caught.value),
        [each for each in notes if "stage 'layer" not in each],
    )


@here_only("order")
@pytest.mark.parametrize(
    "reduce",
    [
        lambda flow: flow.reduce(int, fail_at((3, 500)), merge=add),
        lambda flow: flow.reduce(lambda: 1 // 0, plus, merge=add),
        lambda flow: flow.reduce_batch(int, lambda n, batch: n + batch[0][9], merge=add),
        lambda flow: flow.unique(lambda event: event[2 if event[1] == 77 else 0]),
        lambda flow: flow.unique(lambda event: [event[1]] if event[1] == 77 else 0),
    ],
)
@pytest.mark.parametrize("stages", [2, 3])
def test_a_failure_says_where_and_what_it_was_as_ever(reduce: Any, stages: int) -> None:
    found = notes_of(reduce(PAIRS.partition(key=0, stages=stages)))
    assert found == notes_of(reduce(PAIRS.partition(key=0, stages=stages, max_demand=1000)))


@here_only("order")
@pytest.mark.parametrize(
    "bad", [(5, 1, 2), 5, ([], 1), (object, 1)], ids=["three", "no pair", "list", "no hash"]
)
def test_an_event_that_cannot_be_grouped_is_told_as_ever(bad: Any) -> None:
    flow = Flow.from_iterable(range(200)).map(lambda n: bad if n == 150 else pair(n))
    found = notes_of(flow.partition(key=0, stages=2).group_by_key())
    assert found == notes_of(flow.partition(key=0, stages=2, max_demand=1000).group_by_key())


def test_states_that_are_merged_say_so_where_that_fails() -> None:
    flow = PAIRS.partition(key=0, stages=2).reduce(int, plus, merge=lambda a, b: a["x"])
    kind, text, notes = notes_of(flow)
    assert (kind, text) == (TypeError, "'int' object is not subscriptable")
    assert notes[0].startswith("in the merge of reduce(plus), replica ")
    assert " of 2, a state of type int (" in notes[0]


def test_an_init_that_shares_its_states_is_refused() -> None:
    shared: list[Any] = []
    flow = PAIRS.partition(key=0, stages=2).reduce(lambda: shared, kept, merge=add)
    with pytest.raises(ValueError, match="has given the same list twice"):
        flow.run()
