"""Windows that cannot be, and event times that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from flowlike import (
    CountWindow,
    FixedWindow,
    FlowBuildError,
    GlobalWindow,
    PeriodicWindow,
    SessionWindow,
    SlidingWindow,
)
from flowlike.operators import CollectBatch, CountBy, Emit, OnTrigger, Reduce

NAN, INF = float("nan"), float("inf")
STATE = Emit("state")


def itself(event):
    return event


async def coroutine(event):
    return event


MAKERS = {
    "FixedWindow's duration": lambda d: FixedWindow(d, itself),
    "SlidingWindow's duration": lambda d: SlidingWindow(d, 1, itself),
    "SlidingWindow's every": lambda d: SlidingWindow(1, d, itself),
    "SessionWindow's gap": lambda d: SessionWindow(d, itself),
    "PeriodicWindow's duration": PeriodicWindow,
    "allowed_lateness's duration": FixedWindow(1, itself).allowed_lateness,
    "idle_timeout's duration": FixedWindow(1, itself).idle_timeout,
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("duration", [0, -1, NAN, INF, timedelta(0), timedelta(seconds=-1)])
def test_durations_out_of_range(name, duration):
    with pytest.raises(ValueError, match=name):
        MAKERS[name](duration)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("duration", [None, "10", True, [1], 1j])
def test_durations_that_are_none(name, duration):
    with pytest.raises(TypeError, match=f"{name} must be a timedelta or a number of seconds"):
        MAKERS[name](duration)


@pytest.mark.parametrize("n", [0, -1])
def test_count_windows_of_no_size(n):
    with pytest.raises(ValueError, match=f"CountWindow's n must be at least 1, not {n}"):
        CountWindow(n)


@pytest.mark.parametrize("n", [1.5, "3", None, True])
def test_count_windows_of_no_integer(n):
    with pytest.raises(TypeError, match="CountWindow's n must be an integer"):
        CountWindow(n)


def test_an_event_in_far_too_many_windows() -> None:
    with pytest.raises(ValueError, match=r"at least 10 s for a duration of 1e\+06 s, not 0.001 s"):
        SlidingWindow(1e6, 0.001, "time")
    assert SlidingWindow(1e6, 10, "time").every == 10


def test_sliding_windows_with_holes():
    with pytest.raises(ValueError, match=r"every must be at most its duration of 5 s, not 6 s"):
        SlidingWindow(5, 6, itself)


@pytest.mark.parametrize(
    "make", [FixedWindow, SessionWindow, lambda d, **by: SlidingWindow(d, d, **by)]
)
def test_what_gives_the_time(make):
    with pytest.raises(TypeError, match=r"Window needs by, a function"):
        make(1)
    with pytest.raises(TypeError, match=r"Window's by must be a function, an int"):
        make(1, by=1.5)
    with pytest.raises(TypeError, match=r"Window's by is a coroutine function"):
        make(1, by=coroutine)
    with pytest.raises(TypeError, match=r"Window's by_batch must be callable"):
        make(1, by_batch=3)
    with pytest.raises(TypeError, match=r"Window's by_batch is a coroutine function"):
        make(1, by_batch=coroutine)


def test_the_key_of_sessions():
    with pytest.raises(TypeError, match="SessionWindow's key must be a function"):
        SessionWindow(1, itself, key=1.5)


def test_on_late():
    window = FixedWindow(1, itself)
    with pytest.raises(TypeError, match="on_late's fn must be callable, not 3"):
        window.on_late(3)
    with pytest.raises(TypeError, match="on_late's fn is a coroutine function"):
        window.on_late(coroutine)
    with pytest.raises(ValueError, match="allowed_lateness's action must be one of"):
        window.allowed_lateness(1, "drop")


@pytest.mark.parametrize(
    ("method", "argument"), [("allowed_lateness", 1), ("on_late", itself), ("idle_timeout", 1)]
)
def test_methods_of_event_time_windows_once_and_for_them_alone(method, argument):
    for window in (FixedWindow(1, itself), SlidingWindow(2, 1, itself), SessionWindow(1, itself)):
        once = getattr(window, method)(argument)
        with pytest.raises(ValueError, match=rf"has {method}\(\) already"):
            getattr(once, method)(argument)
    for other in (GlobalWindow(), CountWindow(1), PeriodicWindow(1)):
        with pytest.raises(AttributeError, match=rf"'{type(other).__name__}'.*'{method}'"):
            getattr(other, method)


def test_how_windows_are_shown():
    window = SlidingWindow(timedelta(minutes=1), 30, by="at").trigger_every(5, "reset")
    window = window.allowed_lateness(5).on_late(print).idle_timeout(2.5)
    assert repr(window) == (
        "SlidingWindow(timedelta(seconds=60), 30, 'at').trigger_every(5, 'reset')"
        ".allowed_lateness(5, 'keep').on_late(print).idle_timeout(2.5)"
    )
    assert repr(SessionWindow(10, itself, key=0)) == "SessionWindow(10, itself, 0)"
    assert repr(CountWindow(3)) == "CountWindow(3)"
    assert repr(FixedWindow(10, 0, by_batch=abs)) == "FixedWindow(10, 0, by_batch=abs)"
    shown = "SessionWindow(10, key='id', by_batch=abs)"
    assert repr(SessionWindow(10, key="id", by_batch=abs)) == shown


WINDOWS = [FixedWindow(10, itself), SlidingWindow(10, 5, itself), SessionWindow(10, itself)]


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.kind)
@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (None, "None is neither"),
        (NAN, "nan is neither"),
        (INF, "inf is neither"),
        (-INF, "-inf is neither"),
        ("12:30", "'12:30' is neither"),
        (True, "True is neither"),
        (1j, "1j is neither"),
        ([1], r"\[1\] is neither"),
        (datetime(2024, 5, 1), "is a naive datetime; give it a timezone"),  # noqa: DTZ001
        (datetime(2024, 5, 1, tzinfo=UTC), "comes among the other of the two kinds"),
        (timedelta(1), "is neither"),
        (np.datetime64("2024-05-01"), "is neither"),
        (1 << 70, "is too far from 0"),
        (1 << 62, "is too far from 0"),
        (Decimal("NaN"), "is neither"),
    ],
)
def test_times_that_are_none(told, window, time, shown):
    window = type(window)(*_arguments(window), by=1)
    with pytest.raises(ValueError, match=f"must be finite numbers of seconds or aware .*{shown}"):
        told([[("a", 1), ("b", time), ("c", 2)]], CollectBatch(), window=window)
    with pytest.raises(ValueError, match=shown) as caught:
        told([[("a", 1)], [("b", time)]], CollectBatch(), window=window)
    (note,) = caught.value.__notes__
    assert note.startswith(f"in {window!r}, replica 0 of 1, event ('b', ")


def _arguments(window):
    return [getattr(window, name) for name in ("duration", "gap", "every") if hasattr(window, name)]


def test_numbers_among_datetimes(told):
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    for inputs in ([[moment], [5]], [[moment, 5]], [[5], [moment]], [[5.0, moment]]):
        with pytest.raises(ValueError, match="comes among the other of the two kinds"):
            told(inputs, CollectBatch(), window=FixedWindow(10, itself))


def test_other_kinds_of_numbers(told):
    times = [np.int64(1), np.float32(2.5), Fraction(7, 2), Decimal("4.5"), 12]
    window = FixedWindow(10, itself)
    fired = told([times], CollectBatch(), STATE, window=window)
    assert fired == [times[:4], times[4:]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([1.0, NAN]), "nan is neither"),
        (np.array([1.0, INF]), "inf is neither"),
        (np.array(["2024-05-01", "NaT"], "M8[s]"), "NaT' is neither"),
        (np.array([True, False]), r"\(bool\) is neither"),
        (np.array(["a", "b"]), r"is neither"),
        (np.array([1, 1 << 63], np.uint64), "is too far from 0"),
        (np.array([1]), "array of 2 times, one for each event, not of shape"),
        (np.array([[1], [2]]), "array of 2 times"),
        ([1, 2], r"array of 2 times, one for each event, not \[1, 2\]"),
    ],
)
def test_arrays_of_times_that_are_none(told, array, message):
    with pytest.raises(ValueError, match=message) as caught:
        told([np.arange(2)], CollectBatch(), window=FixedWindow(10, by_batch=lambda _: array))
    (note,) = caught.value.__notes__
    assert "replica 0 of 1" in note


def test_datetimes_of_an_array_are_naive_one_by_one(told):
    times = np.array(["2026-03-01T12:00:05"], "M8[s]")
    with pytest.raises(ValueError, match=r"is a naive datetime; take the times .* by_batch"):
        told([times], CollectBatch(), window=FixedWindow(10, itself))
    told([times], CollectBatch(), window=FixedWindow(10, by_batch=itself))


def broken(event):
    if event == 7:
        raise OSError("broken")
    return event


def stopping(event):
    if event == 7:
        raise StopIteration
    return event


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.kind)
@pytest.mark.parametrize("kind", [list, np.array, lambda events: events])
def test_a_by_that_raises(told, window, kind):
    failing = type(window)(*_arguments(window), by=broken)
    with pytest.raises(OSError, match="broken") as caught:
        told([kind(range(5, 9))], CollectBatch(), window=failing)
    assert caught.value.__notes__ == [f"in {failing!r}, replica 0 of 1, event 7"]
    ending = type(window)(*_arguments(window), by=stopping)
    with pytest.raises(RuntimeError, match="raised StopIteration") as ended:
        told([kind(range(5, 9))], CollectBatch(), window=ending)
    assert ended.value.__notes__ == [f"in {ending!r}, replica 0 of 1, event 7"]


def test_a_by_batch_that_raises(told):
    window = FixedWindow(10, by_batch=lambda array: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        told([np.arange(3)], CollectBatch(), window=window)
    assert caught.value.__notes__ == [
        "in FixedWindow(10, by_batch=<lambda>), replica 0 of 1, an array of 3 int64 events"
    ]


def test_on_late_that_raises(told):
    def refuse(event):
        raise OSError("late")

    window = FixedWindow(10, itself).on_late(refuse)
    with pytest.raises(OSError, match="late") as caught:
        told([[25, 3]], CollectBatch(), window=window)
    assert caught.value.__notes__ == ["in on_late(refuse), replica 0 of 1, event 3"]


def test_keys_of_sessions(told):
    for key, error in ((broken, OSError), (stopping, RuntimeError), (lambda n: [n], TypeError)):
        window = SessionWindow(10, itself, key=key)
        with pytest.raises(error) as caught:
            told([[7]], CollectBatch(), window=window)
        (note,) = caught.value.__notes__
        assert note == f"in the key of {window!r}, replica 0 of 1, event 7"
    assert str(caught.value).startswith(f"the key of {window!r} needs keys that can be hashed")


def test_a_merge_that_raises(story):
    def refuse(one, other):
        raise OSError("no")

    reduce = Reduce(int, lambda a, e: a + e, merge=refuse)
    one = story(reduce, window=SessionWindow(5, itself), upstreams=2)
    one.push([0, 8])
    with pytest.raises(OSError, match="no") as caught:
        one.push([4])
    (note,) = caught.value.__notes__
    assert note.startswith("in the merge of reduce(<lambda>), replica 0 of 1, a state of type int")


def test_windows_too_small_for_their_times(told):
    with pytest.raises(ValueError, match="too far from 0 for windows every 1e-10 s"):
        told([[1e9]], CollectBatch(), window=FixedWindow(1e-10, itself))
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="less than the microsecond"):
        told([[moment]], CollectBatch(), window=FixedWindow(1e-10, itself))


def test_states_that_nobody_could_join(told):
    replace = OnTrigger(lambda state: ([], state))
    window = SessionWindow(5, itself).allowed_lateness(5)
    add = Reduce(int, lambda a, e: a + e)
    with pytest.raises(FlowBuildError, match=r"give the reduce a merge="):
        told([], add, replace, window=window)
    assert told([], CountBy(), replace, window=window) == []
    merged = Reduce(int, lambda a, e: a + e, merge=lambda a, b: a + b)
    assert told([], merged, replace, window=window) == []
    assert told([], add, replace, window=SessionWindow(5, itself)) == []
