"""Triggers by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flowlike.operators import (
    Emit,
    Filter,
    FixedWindow,
    GlobalWindow,
    MapState,
    PeriodicWindow,
    Reduce,
    Unique,
)

SUM = Reduce(int, lambda total, n: total + n)
NAMED = MapState(lambda state, ctx: (ctx.trigger, state))
STATE = Emit("state")
PERIOD = ("periodically", 10.0)


@pytest.mark.parametrize(("action", "second"), [("keep", 6), ("reset", 3)])
def test_it_fires_what_has_changed_since(story, action, second):
    window = GlobalWindow().trigger_periodically(10, action)
    one = story(SUM, NAMED, STATE, window=window)
    assert one.program.timed
    assert one.program.deadline is None
    assert one.wait(100) == []
    one.now = 3.0
    assert one.push([1]) == []
    assert one.program.deadline == 10.0
    assert one.push([2]) == []
    assert one.wait(6.9) == []
    assert one.wait(0.2) == [(PERIOD, 3)]
    assert one.wait(50) == []
    assert one.push([3]) == []
    assert one.wait(10) == [(PERIOD, second)]
    assert one.finish() == [("done", second if action == "keep" else 0)]


def test_what_was_due_comes_before_the_next_event(story):
    one = story(SUM, STATE, window=GlobalWindow().trigger_periodically(10))
    assert one.push([1]) == []
    one.now = 12.0  # the tick is late
    assert one.push([2]) == [1]
    assert one.program.deadline == 20.0
    one.now = 57.0
    assert one.push([4]) == [3]
    assert one.program.deadline == 60.0
    one.now = 61.0
    assert one.finish() == [7, 7]


@pytest.mark.parametrize("before", [(), (Unique(),)])
def test_what_is_filtered_has_changed_nothing(story, before):
    odd = Filter(lambda n: n % 2)
    one = story(*before, odd, SUM, STATE, window=GlobalWindow().trigger_periodically(10))
    assert one.push([1, 2]) == []
    assert one.wait(10) == [1]
    assert one.push([4, 6]) == []
    assert one.wait(30) == []
    assert one.finish() == [1]


def test_a_window_is_not_there_for_what_is_filtered(story):
    one = story(Filter(lambda n: n % 2), SUM, NAMED, STATE, window=PeriodicWindow(10))
    assert one.push([4, 6]) == []
    assert one.program.deadline is None
    assert one.wait(10) == []
    assert one.push([3, 4]) == []
    assert one.wait(10) == [("done", 3)]
    assert one.push([6]) == []
    assert one.finish() == []


def test_a_clock_that_is_behind_its_timer(story):
    """A loop calls up to a millisecond early; what comes then is of the next period."""
    numbered = MapState(lambda state, ctx: (ctx.window_id, state))
    windows = story(SUM, numbered, STATE, window=PeriodicWindow(10))
    trigger = story(SUM, STATE, window=GlobalWindow().trigger_periodically(10))
    for one in (windows, trigger):
        assert one.push([1]) == []
    assert windows.wait(10) == [(0, 1)]
    assert trigger.wait(10) == [1]
    for one in (windows, trigger):
        one.now = 9.9996
        assert one.push([2]) == []
        assert one.program.deadline == 20.0
    assert windows.wait(15) == [(1, 2)]
    assert trigger.wait(15) == [3]


def test_a_count_trigger_beside_it(story):
    window = GlobalWindow().trigger_every(2, "reset").trigger_periodically(1)
    one = story(SUM, STATE, window=window)
    assert one.push([1, 2]) == [3]
    assert one.wait(1) == []  # nothing has changed since
    assert one.push([1, 2, 5]) == [3]
    assert one.wait(1) == [5]
    assert one.finish() == [5]


def test_a_timedelta(story):
    window = GlobalWindow().trigger_periodically(timedelta(minutes=1), "reset")
    assert repr(window) == "GlobalWindow().trigger_periodically(60, 'reset')"
    one = story(SUM, NAMED, STATE, window=window)
    one.push([1])
    assert one.wait(60) == [(("periodically", 60.0), 1)]


@pytest.mark.parametrize("duration", [0, -1, float("nan"), float("inf"), timedelta(0)])
def test_durations_out_of_range(duration):
    with pytest.raises(ValueError, match="trigger_periodically's duration must be"):
        GlobalWindow().trigger_periodically(duration)


@pytest.mark.parametrize("duration", [None, "1", True, [1]])
def test_durations_that_are_none(duration):
    with pytest.raises(TypeError, match="trigger_periodically's duration must be a timedelta"):
        GlobalWindow().trigger_periodically(duration)


def test_bad_actions_and_a_second_one():
    with pytest.raises(ValueError, match="trigger_periodically's action must be one of"):
        GlobalWindow().trigger_periodically(1, "drop")
    with pytest.raises(ValueError, match=r"has the trigger trigger_periodically\(1, 'keep'\)"):
        GlobalWindow().trigger_periodically(1).trigger_periodically(2)
    with pytest.raises(TypeError, match=r"periodic must be a PeriodicTrigger, not 3"):
        GlobalWindow(periodic=3)


def test_all_open_windows_of_event_time_fire_in_order(story):
    window = FixedWindow(10, by=lambda n: n).allowed_lateness(60).trigger_periodically(5)
    shown = MapState(lambda state, ctx: (ctx.window_id, ctx.trigger, state))
    one = story(SUM, shown, STATE, window=window, upstreams=2)
    every = ("periodically", 5.0)
    assert one.push([25, 3]) == []
    assert one.push([12], 1) == [(0, "watermark", 3)]
    assert one.wait(5) == [(10, every, 12), (20, every, 25)]
    assert one.push([4]) == []  # the first window takes it late
    assert one.wait(5) == [(0, every, 7)]
    assert one.wait(100) == [(0, "done", 7)]
    assert one.finish() == [(10, "done", 12), (20, "done", 25)]
