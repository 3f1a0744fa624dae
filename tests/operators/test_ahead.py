"""What is done ahead of an exchange, as plain values: groups, states and first events."""

from __future__ import annotations

import pickle
from collections import Counter
from operator import add, itemgetter
from typing import Any

import pytest

from flowlike.batches import join, joinable
from flowlike.envelopes import stands_for
from flowlike.grouped import Grouped
from flowlike.operators import (
    FlatMap,
    GroupBy,
    GroupByKey,
    Layer,
    Map,
    Reduce,
    Unique,
    compile_program,
    grouping,
    run_inline,
)
from flowlike.operators.notes import Place
from flowlike.operators.partial import LEAST, PAUSE, make_partial
from flowlike.reduced import Reduced

PLACE = Place(1, 2)


def program(operator: GroupBy | GroupByKey = GroupByKey(), layer: Layer = Layer()) -> Any:  # noqa: B008
    return compile_program(
        layer, partition=0, partitions=1, combine_for="partition(key=0)", grouping=operator
    )


def shown(batches: list[Any]) -> list[Any]:
    """What was grouped as a dict."""
    return [
        dict(zip(batch.keys, batch.values, strict=True)) if type(batch) is Grouped else batch
        for batch in batches
    ]


def test_groups_leave_at_the_end_in_the_order_of_the_first_events() -> None:
    pairs = program(layer=Layer().then(Map(lambda n: (n % 2, n))))
    assert run_inline(pairs.push([1, 2, 3])) == []
    assert run_inline(pairs.push([4])) == []
    [sent] = run_inline(pairs.finish())
    assert list(shown([sent])[0].items()) == [(1, [1, 3]), (0, [2, 4])]
    assert (len(sent), stands_for(sent), pairs.has_state) == (4, 4, False)
    assert run_inline(program().finish()) == []


@pytest.mark.parametrize(
    ("operator", "groups"),
    [
        (GroupBy(0), {"a": [("a", 1), ("a", 2)]}),
        (GroupBy(itemgetter(0), 1), {"a": [1, 2]}),
    ],
)
def test_a_group_has_events_or_what_is_taken_of_them(operator: GroupBy, groups: Any) -> None:
    events = program(operator)
    run_inline(events.push([("a", 1), ("a", 2)]))
    assert shown(run_inline(events.finish())) == [groups]


def test_what_is_kept_is_bounded_and_what_differs_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_MOST", 4), ("_WORTH", 2), ("_NOT_WORTH_FOR", 2)):
        monkeypatch.setattr(grouping, name, value)
    pairs = program()
    assert run_inline(pairs.push([(1, 1), (1, 2)])) == []
    assert shown(run_inline(pairs.push([(1, 3), (2, 4)]))) == [{1: [1, 2, 3], 2: [4]}]
    four = [(n, n) for n in range(4)]
    assert shown(run_inline(pairs.push(four))) == [{n: [n] for n in range(4)}]
    assert run_inline(pairs.push([(1, 1), (1, 2)])) == [[(1, 1), (1, 2)]]
    assert run_inline(pairs.push([(1, 3)])) == []
    assert shown(run_inline(pairs.finish())) == [{1: [3]}]


@pytest.mark.parametrize("bad", [(1, 2, 3), ([], 1)], ids=["three", "unhashable"])
def test_an_event_that_cannot_be_grouped_goes_on_behind_those_before_it(bad: Any) -> None:
    pairs = program()
    assert run_inline(pairs.push([(1, 1)])) == []
    batches = run_inline(pairs.push([(1, 2), bad, (1, 3)]))
    assert shown(batches) == [{1: [1, 2]}, [bad, (1, 3)]]


@pytest.mark.parametrize("operator", [GroupByKey(), GroupBy(0)], ids=["pairs", "events"])
def test_an_event_without_a_partition_is_told_at_once(operator: Any) -> None:
    pairs = program(operator)
    with pytest.raises(TypeError, match="has no stable hash") as caught:
        run_inline(pairs.push([(1, 1), (object, 2), (object, 3)]))
    assert caught.value.__notes__ == [f"in partition(key=0), event {(object, 2)!r}"]


def test_groups_are_cut_joined_and_pickled() -> None:
    grouped = Grouped(["a", "b"], [[1, 2, 3], [4]])
    for cut in range(5):
        parts = [grouped[:cut], grouped[cut:]]
        assert list(map(len, parts)) == [cut, 4 - cut]
        joined = join(parts)
        flat = [(k, v) for k, vs in zip(joined.keys, joined.values, strict=True) for v in vs]
        assert flat == [("a", 1), ("a", 2), ("a", 3), ("b", 4)]
    again = pickle.loads(pickle.dumps(grouped, 5))
    assert (again.keys, again.values) == (grouped.keys, grouped.values)
    assert joinable(grouped, again)
    assert not any([joinable(grouped, [1]), joinable([1], grouped)])


def test_a_state_goes_with_the_last_part_of_what_stands_for_it() -> None:
    reduced = Reduced(["state"], 4)
    for cut in range(4):
        assert (reduced[:cut].states, reduced[cut:].states) == ([], ["state"])
    assert (reduced[:4].states, reduced[4:].states) == (["state"], [])
    joined = join([reduced, Reduced(["other"], 2)])
    assert (joined.states, len(joined), stands_for(joined)) == (["state", "other"], 6, 6)
    assert pickle.loads(pickle.dumps(joined)).states == joined.states


def test_a_part_becomes_a_state_if_it_is_long_enough() -> None:
    partial = make_partial(Reduce(int, add, add), PLACE)
    assert partial(range(LEAST - 1)) == range(LEAST - 1)
    reduced = partial(range(LEAST))
    assert (reduced.states, len(reduced)) == ([sum(range(LEAST))], LEAST)


def test_states_that_hardly_shrink_are_not_tried_again_for_a_while() -> None:
    partial = make_partial(Reduce(list, lambda acc, n: [*acc, n], add), PLACE)
    kinds = [type(partial(range(LEAST))) for _ in range(2 * PAUSE + 3)]
    passing = [range] * PAUSE
    assert kinds == [Reduced, *passing, Reduced, *passing, Reduced]


def test_duplicates_are_dropped_as_long_as_it_pays() -> None:
    partial = make_partial(Unique(), PLACE)
    assert partial([1, 2, 1]) == [1, 2]
    assert partial([2, 3, 3]) == [3]
    assert partial([1, 2]) == []
    different = list(range(100, 100 + LEAST))
    assert partial(different) == different
    for _ in range(PAUSE):
        assert partial(different) == different
    assert partial(different) == []


def test_a_long_batch_is_counted_in_pieces_as_in_one() -> None:
    layer = Layer().then(FlatMap(str.split))
    lines = [f"word{n % 7} word{n % 11}" for n in range(1000)]
    program = compile_program(layer, partition=0, partitions=1, combine_for="partition()")
    assert run_inline(program.push(lines)) == []
    assert program.tally.counts().produced == 2000
    [counted] = run_inline(program.finish())
    expected = Counter(" ".join(lines).split())
    assert dict(zip(counted.events, counted.counts, strict=True)) == expected
