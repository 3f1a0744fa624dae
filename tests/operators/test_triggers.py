"""When a trigger fires, what its functions see, and what leaves."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.operators import (
    CollectBatch,
    CountBy,
    EachState,
    Emit,
    GlobalWindow,
    GroupBy,
    MapState,
    OnTrigger,
    Reduce,
    TriggerContext,
)
from flowlike.operators.windows import CountTrigger

SUM = Reduce(int, lambda total, n: total + n)
KEEP = [55, 210, 465, 820, 1275, 1830, 2485, 3240, 4095, 5050, 5050]
RESET = [55, 155, 255, 355, 455, 555, 655, 755, 855, 955, 0]


@pytest.mark.parametrize(("action", "fired"), [("keep", KEEP), ("reset", RESET)])
@pytest.mark.parametrize("size", [1, 3, 7, 10, 11, 40, 100])
@pytest.mark.parametrize("kind", [list, np.array, lambda part: part])
def test_the_sums_of_the_contract(layer, events, action, fired, size, kind):
    numbers = range(1, 101)
    inputs = [kind(numbers[start : start + size]) for start in range(0, 100, size)]
    window = GlobalWindow().trigger_every(10, action)
    assert events(layer(SUM, Emit("state"), window=window), inputs) == fired


def test_keep_is_the_default():
    assert GlobalWindow().trigger_every(3).cutting == CountTrigger(3, "keep")


@given(st.integers(1, 9), st.data())
def test_a_count_trigger_cuts_without_gaps(size, data):
    held = data.draw(st.integers(0, size - 1))
    length = data.draw(st.integers(0, 40))
    cuts = list(CountTrigger(size, "keep").cut(held, length))
    assert [stop for _, stop, fires in cuts if fires] == [
        stop for stop in range(1, length + 1) if (held + stop) % size == 0
    ]
    edges = [0, *(stop for _, stop, _ in cuts)]
    assert [start for start, _, _ in cuts] == edges[:-1]
    assert edges[-1] == length
    assert all(start < stop for start, stop, _ in cuts)


@pytest.mark.parametrize("n", [0, -1])
def test_bad_sizes(n):
    with pytest.raises(ValueError, match=f"trigger_every's n must be at least 1, not {n}"):
        GlobalWindow().trigger_every(n)


@pytest.mark.parametrize("n", [1.5, "3", None, True])
def test_sizes_are_integers(n):
    with pytest.raises(TypeError, match="trigger_every's n must be an integer"):
        GlobalWindow().trigger_every(n)


def test_bad_actions():
    with pytest.raises(ValueError, match="trigger_every's action must be one of 'keep', 'reset'"):
        GlobalWindow().trigger_every(1, "drop")


def test_a_second_count_trigger():
    first = GlobalWindow().trigger_every(5)
    with pytest.raises(ValueError, match=r"has the trigger trigger_every\(5, 'keep'\) already"):
        first.trigger_every(5)


def test_triggers_are_added_by_methods():
    with pytest.raises(TypeError, match=r"not 5; use GlobalWindow\(...\)\.trigger_every\(n\)"):
        GlobalWindow(cutting=5)


def test_a_window_is_not_changed_by_its_methods():
    window = GlobalWindow()
    assert window.trigger_every(2) == GlobalWindow().trigger_every(2)
    assert window == GlobalWindow()


def test_the_global_window_fires_done_once_events_or_not(layer, events):
    assert events(layer(SUM, Emit("state")), []) == [0]
    assert events(layer(SUM, Emit("state")), [[1], [2]]) == [3]
    assert events(layer(CountBy(), Emit("state")), []) == [{}]


def test_the_context(layer, events):
    seen = []
    described = layer(
        SUM,
        EachState(lambda state, ctx: seen.append((state, ctx))),
        Emit("nothing"),
        window=GlobalWindow().trigger_every(2),
    )
    assert events(described, [[1, 2, 3]], partition=2, partitions=5) == []
    assert seen == [
        (3, TriggerContext(2, 5, "global", "global", None, ("every", 2))),
        (6, TriggerContext(2, 5, "global", "global", None, "done")),
    ]


def test_one_parameter_means_the_state_alone(layer, events):
    def last(state, default=7):
        return (state, default)

    described = layer(
        SUM,
        MapState(last),
        MapState(lambda *args: (args, 0)),
        MapState(lambda state, ctx: (*state, ctx.trigger)),
        Emit("state"),
    )
    assert events(described, [[1]]) == [((((1, 7),)), 0, "done")]


def test_map_state_may_be_repeated_and_leaves_the_kept_state_alone(layer, events):
    window = GlobalWindow().trigger_every(1, "keep")
    described = layer(
        SUM, MapState(lambda n: n * 10), MapState(lambda n: n + 1), Emit("state"), window=window
    )
    assert events(described, [[1, 2]]) == [11, 31, 31]


@pytest.mark.parametrize("place", [1, 2, 3])
def test_emit_stands_anywhere_after_the_reduce(layer, events, place):
    operators = [SUM, MapState(lambda n: n + 1), EachState(lambda n: None)]
    operators.insert(place, Emit("state"))
    assert events(layer(*operators), [[1]]) == [2]


def test_each_state_sees_what_is_there_at_its_place(layer, events):
    seen = []
    described = layer(
        SUM, EachState(seen.append), MapState(str), EachState(seen.append), Emit("nothing")
    )
    assert events(described, [[1, 2]]) == []
    assert seen == [3, "3"]


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        ({"a": 1}, [("a", 1)]),
        (OrderedDict(a=1), [("a", 1)]),
        ("ab", ["a", "b"]),
        (range(2), [0, 1]),
        (iter([5]), [5]),
        ([], []),
        ({}, []),
        (np.arange(3), [0, 1, 2]),
    ],
)
def test_events_of_a_state(layer, events, state, left):
    assert events(layer(CountBy(), MapState(lambda _: state)), [[1]]) == left


@pytest.mark.parametrize("state", [3, None, np.array(3)])
def test_a_state_that_has_no_events(layer, events, state):
    with pytest.raises(TypeError, match=r'map_state\(<lambda>\) .* use emit\("state"\)') as caught:
        events(layer(CountBy(), MapState(lambda _: state)), [[1]])
    assert caught.value.__notes__ == ["in map_state(<lambda>), replica 0 of 1"]
    with pytest.raises(TypeError, match=r'after reduce\(<lambda>\) .* use emit\("state"\)'):
        events(layer(Reduce(lambda: state, lambda a, e: a)), [[1]])


def test_run_iterates_nothing_but_calls_everything(layer, batches):
    seen = []
    described = layer(SUM, MapState(seen.append), EachState(seen.append))
    assert batches(described, [[1, 2]], emits=False) == []
    assert seen == [3, None]

    def on_trigger(state):
        seen.append("on_trigger")
        return 5, state

    assert batches(layer(SUM, OnTrigger(on_trigger)), [[1]], emits=False) == []
    assert seen[-1] == "on_trigger"


def test_states_of_one_push_leave_as_one_batch(layer, batches):
    window = GlobalWindow().trigger_every(2, "reset")
    left = batches(layer(SUM, Emit("state"), window=window), [range(6), [1]])
    assert left == [[1, 5, 9], [1]]


@pytest.mark.parametrize("action", ["keep", "reset"])
def test_on_trigger_decides_what_leaves_and_what_stays(layer, events, action):
    window = GlobalWindow().trigger_every(2, action)
    described = layer(SUM, OnTrigger(lambda n, ctx: ([n, ctx.trigger], 100)), window=window)
    every = ("every", 2)
    assert events(described, [[1, 2, 3, 4, 5]]) == [3, every, 107, every, 105, "done"]


@pytest.mark.parametrize(
    ("reducer", "first", "second"),
    [
        (CountBy(), {1: 1}, {1: 1, 2: 1}),
        (GroupBy(lambda n: n), {1: [1]}, {1: [1], 2: [2]}),
    ],
)
def test_built_in_states_that_on_trigger_emits_do_not_change_later(
    layer, events, reducer, first, second
):
    window = GlobalWindow().trigger_every(1)
    described = layer(reducer, OnTrigger(lambda state: ([state], state)), window=window)
    assert events(described, [[1, 2]]) == [first, second, second]


def test_collected_batches_and_on_trigger(layer, events):
    window = GlobalWindow().trigger_every(3)
    described = layer(
        CollectBatch(), OnTrigger(lambda batch: ([list(batch)], batch[-1:])), window=window
    )
    assert events(described, [range(4), np.array([4, 5])]) == [[0, 1, 2], [2, 3, 4, 5], [5]]
    described = layer(CollectBatch(), OnTrigger(lambda batch: ([len(batch)], [])), window=window)
    assert events(described, [range(4)]) == [3, 1]


@pytest.mark.parametrize("result", [None, 3, [], [1, 2], (1, 2, 3)])
def test_on_trigger_must_return_a_pair(layer, events, result):
    message = r"on_trigger\(<lambda>\) must return a pair \(events, new_state\), not"
    with pytest.raises(TypeError, match=message) as caught:
        events(layer(SUM, OnTrigger(lambda n: result)), [[1]])
    assert caught.value.__notes__ == ["in on_trigger(<lambda>), replica 0 of 1"]


def test_the_events_of_on_trigger_must_be_iterable(layer, events):
    with pytest.raises(TypeError, match=r"on_trigger\(<lambda>\) must return .* an iterable"):
        events(layer(SUM, OnTrigger(lambda n: (n, n))), [[1]])


@pytest.mark.parametrize(
    ("reducer", "wanted"),
    [
        (CountBy(), "a mapping of counts"),
        (GroupBy(0), "a dict of lists"),
        (CollectBatch(), "a batch"),
    ],
)
def test_a_built_in_reducer_checks_the_new_state(layer, events, reducer, wanted):
    window = GlobalWindow().trigger_every(1)
    described = layer(reducer, OnTrigger(lambda state: ([], 3)), window=window)
    with pytest.raises(TypeError, match=rf"on_trigger\(<lambda>\).*{wanted}") as caught:
        events(described, [["ab"]])
    assert caught.value.__notes__ == ["in on_trigger(<lambda>), replica 0 of 1"]


def test_lists_that_on_trigger_emits_are_copied(layer, batches):
    def keep(state):
        return state, state

    def extend(state, event):
        state.append(event)
        return state

    window = GlobalWindow().trigger_every(1)
    described = layer(Reduce(list, extend), OnTrigger(keep), window=window)
    assert batches(described, [[1], [2]]) == [[1], [1, 2], [1, 2]]
