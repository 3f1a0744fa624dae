"""Windows that fire where a function of the events says so."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike import Continue, Fire
from flowlike.operators import (
    CollectBatch,
    CountBy,
    Emit,
    GlobalWindow,
    Layer,
    MapState,
    OnTrigger,
    Reduce,
    ReduceBatch,
    compile_program,
    run_inline,
)

SUM = Reduce(int, lambda total, n: total + n)
STATE = Emit("state")


def nothing():
    return None


def at_zero(batch, acc):
    """Fires before every 0, which is left out."""
    events = list(batch)
    if 0 not in events:
        return Continue(acc)
    place = events.index(0)
    return Fire("zero", events[:place], events[place + 1 :], acc, "reset")


@pytest.mark.parametrize("kind", [list, np.array])
@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_it_fires_at_the_exact_places(told, kind, size):
    numbers = [1, 2, 0, 3, 0, 0, 4, 5]
    inputs = [kind(numbers[start : start + size]) for start in range(0, len(numbers), size)]
    window = GlobalWindow().trigger(nothing, at_zero)
    assert told(inputs, SUM, STATE, window=window) == [3, 3, 0, 9]


def test_keep_goes_on_with_the_state(told):
    def each(batch, acc):
        return Fire("each", batch[:1], batch[1:], acc)

    window = GlobalWindow().trigger(nothing, each)
    assert told([[1, 2], [3]], SUM, STATE, window=window) == [1, 3, 6, 6]


def test_the_accumulator_goes_from_batch_to_batch(told):
    seen = []

    def count(batch, acc):
        seen.append(acc)
        return Continue(acc + len(batch))

    window = GlobalWindow().trigger(lambda: 10, count)
    assert told([[1, 2], [3]], SUM, STATE, window=window) == [6]
    assert seen == [10, 12]


def test_the_events_of_continue_take_the_place_of_the_batch(told):
    window = GlobalWindow().trigger(nothing, lambda batch, acc: Continue(acc, batch[1:]))
    assert told([[1, 2, 3], [4]], SUM, STATE, window=window) == [5]


def test_the_name_is_in_the_context(told):
    window = GlobalWindow().trigger(nothing, at_zero)
    named = MapState(lambda state, ctx: (ctx.trigger, state))
    assert told([[1, 0, 2]], SUM, named, STATE, window=window) == [("zero", 1), ("done", 2)]


def test_on_trigger_wins_over_reset(told):
    window = GlobalWindow().trigger(nothing, at_zero)
    assert told([[1, 0, 2]], SUM, OnTrigger(lambda n: ([n], 100)), window=window) == [1, 102]


def test_every_reducer(told):
    window = GlobalWindow().trigger(nothing, at_zero)
    numbers = [[1, 1, 0, 2]]
    assert told(numbers, CountBy(), STATE, window=window) == [{1: 2}, {2: 1}]
    assert told(numbers, CollectBatch(), STATE, window=window) == [[1, 1], [2]]
    total = ReduceBatch(int, lambda acc, batch: acc + sum(batch), executor="threads")
    assert told(numbers, total, STATE, window=window) == [2, 2]


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(1, 5)))
def test_it_does_not_matter_how_events_are_cut(numbers, sizes):
    window = GlobalWindow().trigger(nothing, at_zero)
    layer = Layer(window=window).then(CollectBatch()).then(STATE)
    program = compile_program(layer, partition=0, partitions=1)
    rest, found = numbers, []
    for size in [*sizes, len(numbers)]:
        if rest:
            found += run_inline(program.push(rest[:size]))
        rest = rest[size:]
    found += run_inline(program.finish())
    expected = [[]]
    for n in numbers:
        if n == 0:
            expected.append([])
        else:
            expected[-1].append(n)
    assert [state for batch in found for state in batch] == expected


@pytest.mark.parametrize("result", [None, 5, (1, 2), Continue])
def test_another_result(told, result):
    window = GlobalWindow().trigger(nothing, lambda batch, acc: result)
    message = r"the function of trigger\(nothing, <lambda>\) must return Continue\(acc\)"
    with pytest.raises(TypeError, match=message) as caught:
        told([[1]], SUM, window=window)
    assert caught.value.__notes__ == [
        "in trigger(nothing, <lambda>), replica 0 of 1, a list of 1 events"
    ]


def test_it_does_not_fire_for_ever(told):
    def stuck(batch, acc):
        return Fire("stuck", [], batch, acc)

    with pytest.raises(RuntimeError, match="after must get shorter"):
        told([[1]], SUM, STATE, window=GlobalWindow().trigger(nothing, stuck))


def test_it_may_fire_before_an_event(told):
    def before_and_after(batch, done):
        if done == batch[0]:
            return Fire("after", batch[:1], batch[1:], None)
        return Fire("before", [], batch, batch[0])

    window = GlobalWindow().trigger(nothing, before_and_after)
    assert told([[1, 2]], SUM, STATE, window=window) == [0, 1, 1, 3, 3]


def failing(*arguments):
    raise OSError("broken")


def stopping(*arguments):
    raise StopIteration


@pytest.mark.parametrize(
    ("trigger", "what"),
    [((failing, at_zero), "init()"), ((nothing, failing), "a list of 1 events")],
)
def test_what_a_function_raises_has_a_note(told, trigger, what):
    with pytest.raises(OSError, match="broken") as caught:
        told([[1]], SUM, window=GlobalWindow().trigger(*trigger))
    (note,) = caught.value.__notes__
    assert note.endswith(f"replica 0 of 1, {what}")


@pytest.mark.parametrize("trigger", [(stopping, at_zero), (nothing, stopping)])
def test_stop_iteration_ends_nothing(told, trigger):
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        told([[1]], SUM, window=GlobalWindow().trigger(*trigger))


async def coroutine(*arguments):
    return None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, at_zero), "trigger's init must be callable, not 5"),
        ((nothing, 5), "trigger's fn must be callable, not 5"),
        ((coroutine, at_zero), "trigger's init is a coroutine function"),
        ((nothing, coroutine), "trigger's fn is a coroutine function"),
    ],
)
def test_functions_that_are_none(arguments, message):
    with pytest.raises(TypeError, match=message):
        GlobalWindow().trigger(*arguments)


@pytest.mark.parametrize("first", ["trigger", "trigger_every"])
@pytest.mark.parametrize("second", ["trigger", "trigger_every"])
def test_one_trigger_that_cuts(first, second):
    arguments = {"trigger": (nothing, at_zero), "trigger_every": (3,)}
    window = getattr(GlobalWindow(), first)(*arguments[first])
    shown = {"trigger": "trigger(nothing, at_zero)", "trigger_every": "trigger_every(3, 'keep')"}
    message = re.escape(f"has the trigger {shown[first]} already; a window has one count or")
    with pytest.raises(ValueError, match=message):
        getattr(window, second)(*arguments[second])


def test_bad_decisions():
    with pytest.raises(TypeError, match=r"Continue's events must return a batch|Continue's events"):
        Continue(None, 5)
    with pytest.raises(TypeError, match="Fire's before"):
        Fire("name", 5, [], None)
    with pytest.raises(TypeError, match="Fire's after"):
        Fire("name", [], "text", None)
    with pytest.raises(ValueError, match="Fire's action must be one of 'keep', 'reset'"):
        Fire("name", [], [], None, "drop")


@pytest.mark.parametrize("name", ["done", "watermark", ("every", 3), ("periodically", 1.5)])
def test_names_that_other_triggers_have(name):
    with pytest.raises(ValueError, match=f"own trigger names .* not {re.escape(repr(name))}"):
        Fire(name, [], [], None)


@pytest.mark.parametrize("name", [None, "every", ("done", 1), (np.zeros(2), 1), np.zeros(2)])
def test_any_other_name_will_do(name):
    assert Fire(name, [], [], None).name is name
