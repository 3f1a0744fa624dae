"""The states of all partitions come together, each window once, in order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import Departition, TakeSort
from flowlike.operators.gatherer import make_gatherer
from flowlike.operators.gathering import Fired, Passed
from flowlike.operators.notes import Place

PLACE = Place(0, 1)


def gatherer(partitions, done=None):
    departition = Departition(list, lambda acc, state: [*acc, state], done, "fixed")
    return make_gatherer(departition, partitions, PLACE)


GOLDEN = [
    ("a window waits for every partition", [
        (Fired(0, 0, True, "a"), []), (Fired(0, 1, True, "b"), [["a", "b"]]),
    ]),
    ("a trigger that is not the last does not finish a window", [
        (Fired(0, 0, False, "a"), []), (Fired(0, 1, True, "b"), []),
        (Fired(0, 0, True, "c"), [["a", "b", "c"]]),
    ]),
    ("a later window that is done finishes the earlier ones", [
        (Fired(0, 0, True, "a"), []), (Fired(7, 1, True, "b"), [["a"]]),
        (Fired(3, 0, True, "c"), [["c"]]), (0, [["b"]]),
    ]),
    ("what is passed is finished, the window itself is not", [
        (Fired(3, 0, True, "a"), []), (Passed(3, 1), []), (Passed(3.5, 1), [["a"]]),
    ]),
    ("the end of a partition finishes its windows", [
        (Fired(0, 0, True, "a"), []), (Fired(5, 0, True, "b"), []), (1, [["a"], ["b"]]),
    ]),
    ("windows leave in order", [
        (Fired(5, 0, False, "later"), []), (Fired(1, 1, True, "a"), []),
        (Fired(5, 1, True, "b"), []), (Fired(1, 0, True, "c"), [["a", "c"]]),
        (Fired(5, 0, True, "d"), [["later", "b", "d"]]),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "steps"), GOLDEN, ids=[name for name, _ in GOLDEN])
def test_when_windows_leave(name, steps):
    gathering = gatherer(2)
    for what, leaves in steps:
        if isinstance(what, int):
            assert gathering.upstream_ended(what) == leaves
        else:
            assert gathering.push([what]) == leaves
    assert gathering.finish() == []


def test_partitions_that_count_time_in_different_ways():
    gathering = gatherer(2)
    gathering.push([Fired(5, 0, True, "a")])
    with pytest.raises(ValueError, match="some partitions are datetimes and those of others are"):
        gathering.push([Passed(datetime(2024, 1, 1, tzinfo=UTC), 1)])


def test_at_the_end_everything_leaves():
    gathering = gatherer(3)
    assert gathering.push([Fired(2, 1, True, "b"), Fired(1, 0, False, "a")]) == []
    assert gathering.finish() == [["a"], ["b"]]
    assert gathering.finish() == []


@given(
    windows=st.lists(st.lists(st.integers(0, 9), unique=True).map(sorted), min_size=1, max_size=4),
    data=st.data(),
)
def test_every_window_leaves_once_and_in_order_with_all_that_it_was_given(windows, data):
    partitions = len(windows)
    gathering = gatherer(partitions, lambda acc, ctx: (ctx.window_id, sorted(acc)))
    waiting = {
        partition: [Fired(window, partition, True, (window, partition)) for window in ids]
        for partition, ids in enumerate(windows)
    }
    found = []
    while waiting:
        partition = data.draw(st.sampled_from(sorted(waiting)))
        size = data.draw(st.integers(1, 3))
        batch, waiting[partition] = waiting[partition][:size], waiting[partition][size:]
        if batch:
            found += gathering.push(batch)
            if data.draw(st.booleans()):
                found += gathering.push([Passed(batch[-1].window_id + 0.5, partition)])
        else:
            del waiting[partition]
            found += gathering.upstream_ended(partition)
    found += gathering.finish()
    everything = sorted({window for ids in windows for window in ids})
    assert found == [
        (window, [(window, p) for p, ids in enumerate(windows) if window in ids])
        for window in everything
    ]


def test_the_context_says_which_window_was_done():
    gathering = gatherer(1, lambda acc, ctx: ctx)
    (ctx,) = gathering.push([Fired(3, 0, True, "a")])
    assert (ctx.partition, ctx.partitions, ctx.window) == (0, 1, "fixed")
    assert (ctx.window_id, ctx.key, ctx.trigger) == (3, None, "done")


@given(
    parts=st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=8), max_size=4),
    n=st.integers(1, 10),
    reverse=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_take_sort_is_a_stable_sort_of_all_partitions(parts, n, reverse, order):
    take_sort = TakeSort(n, 0, reverse)
    gathering = make_gatherer(take_sort, len(parts), PLACE)
    fired = [Fired(0, index, True, take_sort.best(part)) for index, part in enumerate(parts)]
    order.shuffle(fired)
    found = [event for each in fired for event in gathering.push([each])]
    everything = [event for part in parts for event in part]
    expected = sorted(everything, key=lambda event: event[0], reverse=reverse)[:n]
    assert found == ([expected] if parts else [])


def boom(*arguments):
    raise LookupError("boom")


@pytest.mark.parametrize(
    ("departition", "note"),
    [
        (Departition(boom, list.append), "in departition(append), replica 0 of 1, init()"),
        (
            Departition(list, boom),
            "in departition(boom), replica 0 of 1, a state of type int (7)",
        ),
        (
            Departition(list, lambda acc, state: acc, lambda acc: boom()),
            "in departition(<lambda>, <lambda>), replica 0 of 1, a state of type list",
        ),
        (
            Departition(list, lambda acc, state: acc, lambda acc, ctx: boom()),
            "in departition(<lambda>, <lambda>), replica 0 of 1, a state of type list",
        ),
    ],
)
def test_a_function_that_fails_carries_a_note(departition, note):
    gathering = make_gatherer(departition, 1, PLACE)
    with pytest.raises(LookupError, match="boom") as caught:
        gathering.push([Fired(0, 0, True, 7)])
    assert caught.value.__notes__ == [note]


def test_events_that_cannot_be_compared():
    gathering = make_gatherer(TakeSort(2), 2, PLACE)
    gathering.push([Fired(0, 0, True, [1])])
    with pytest.raises(TypeError, match="not supported between") as caught:
        gathering.push([Fired(0, 1, True, ["a"])])
    note = "in take_sort(2), replica 0 of 1, the states of all partitions"
    assert caught.value.__notes__ == [note]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Departition([], max), TypeError, "departition's init must be callable"),
        (lambda: Departition(list, None), TypeError, "departition's merge must be callable"),
        (lambda: Departition(list, max, 3), TypeError, "departition's done must be callable"),
        (lambda: Departition(list, max, lambda: 3), TypeError, "done must take .state. or"),
        (lambda: TakeSort(0), ValueError, "take_sort's n must be at least 1"),
        (lambda: TakeSort(1.5), TypeError, "take_sort's n must be an integer"),
        (lambda: TakeSort(1, 1.5), TypeError, "take_sort's key must be a function"),
        (lambda: TakeSort(1, None, "down"), TypeError, "take_sort's reverse must be True or"),
    ],
)
def test_bad_arguments(make, error, says):
    with pytest.raises(error, match=says):
        make()
