"""Golden tables: what comes in, when, and what has fired by then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from flowlike import (
    CountWindow,
    Fire,
    FixedWindow,
    PeriodicWindow,
    SessionWindow,
    SlidingWindow,
)
from flowlike.native import logistic_map
from flowlike.operators import (
    CollectBatch,
    CountBy,
    EachState,
    Emit,
    EmitAndReduce,
    GroupBy,
    MapState,
    OnTrigger,
    Reduce,
    ReduceBatch,
)

SUM = Reduce(int, lambda total, n: total + n)
STATE = Emit("state")
SHOWN = MapState(lambda state, ctx: (ctx.window_id, ctx.trigger, state))
IDS = MapState(lambda state, ctx: (ctx.window_id, list(state)))


def itself(event):
    return event


def test_count_windows(story):
    one = story(SUM, SHOWN, STATE, window=CountWindow(3))
    assert one.push([1, 2]) == []
    assert one.push([3, 4, 5, 6, 7]) == [(0, "done", 6), (1, "done", 15)]
    assert one.finish() == [(2, "done", 7)]
    assert story(SUM, STATE, window=CountWindow(3)).finish() == []


def test_a_full_count_window_leaves_nothing_behind(told):
    assert told([[1, 2, 3]], SUM, SHOWN, STATE, window=CountWindow(3)) == [(0, "done", 6)]


def test_a_count_trigger_counts_anew_in_each_count_window(told):
    window = CountWindow(3).trigger_every(2, "reset")
    every = ("every", 2)
    assert told([[1, 2, 3, 4, 5]], SUM, SHOWN, STATE, window=window) == [
        (0, every, 3), (0, "done", 3), (1, every, 9), (1, "done", 0)
    ]  # fmt: skip


def test_periodic_windows(story):
    one = story(SUM, SHOWN, STATE, window=PeriodicWindow(10))
    assert one.push([1]) == []
    assert one.program.deadline == 10.0
    assert one.wait(9) == []
    assert one.push([2]) == []
    assert one.wait(1) == [(0, "done", 3)]
    assert one.program.deadline is None
    assert one.wait(25) == []  # empty periods are not fired
    assert one.push([4]) == []
    one.now = 41.0  # the tick is late, and an event comes first
    assert one.push([8]) == [(3, "done", 4)]
    assert one.finish() == [(4, "done", 8)]


def test_fixed_windows_close_in_order_when_time_has_come(story):
    one = story(SUM, SHOWN, STATE, window=FixedWindow(10, itself))
    assert one.push([1, 9]) == []
    assert one.push([10]) == [(0, "done", 10)]
    assert one.push([12, 35]) == [(10, "done", 22)]
    assert one.push([29, 30]) == []  # 29 is late
    assert one.program.late == 1
    assert one.finish() == [(30, "done", 65)]


def test_out_of_order_but_in_time(story):
    one = story(SUM, SHOWN, STATE, window=FixedWindow(10, itself), upstreams=2)
    assert one.push([25, 3, 11]) == []
    assert one.push([14], 1) == [(0, "done", 3)]
    assert one.push([2], 1) == []
    assert one.ended(1) == [(10, "done", 25)]
    assert one.program.late == 1
    assert one.finish() == [(20, "done", 25)]


@pytest.mark.parametrize(("action", "second"), [("keep", 8), ("reset", 5)])
def test_lateness(story, action, second):
    lost = []
    window = FixedWindow(10, itself).allowed_lateness(60, action).on_late(lost.append)
    one = story(SUM, SHOWN, STATE, window=window)
    assert one.push([3, 12]) == [(0, "watermark", 3)]
    assert one.program.deadline == 60.0
    assert one.wait(30) == []
    assert one.push([5]) == []
    assert one.wait(30) == [(0, "done", second)]
    assert one.push([6]) == []
    assert lost == [6]
    assert one.program.late == 1
    assert one.finish() == [(10, "done", 12)]


def test_at_the_end_a_window_that_lingers_is_done_in_its_place(story):
    one = story(SUM, SHOWN, STATE, window=FixedWindow(10, itself).allowed_lateness(60))
    assert one.push([3, 12, 25]) == [(0, "watermark", 3), (10, "watermark", 12)]
    assert one.finish() == [(0, "done", 3), (10, "done", 12), (20, "done", 25)]


def test_an_idle_producer_is_left_out_until_it_speaks(story):
    one = story(SUM, SHOWN, STATE, window=FixedWindow(10, itself).idle_timeout(5), upstreams=2)
    assert one.push([1, 12], 0) == []
    assert one.wait(4) == []
    assert one.push([13], 0) == []
    assert one.wait(1) == [(0, "done", 1)]
    assert one.push([2, 11], 1) == []  # 2 is late; it counts again
    assert one.push([25], 0) == []
    assert one.program.late == 1
    assert one.ended(1) == [(10, "done", 36)]


def test_where_all_are_idle_the_greatest_time_counts(story):
    one = story(SUM, SHOWN, STATE, window=FixedWindow(10, itself).idle_timeout(5), upstreams=2)
    assert one.push([31], 0) == []
    assert one.push([1], 1) == []
    assert one.wait(5) == [(0, "done", 1)]
    assert one.program.deadline is None
    assert one.push([35], 1) == []
    assert one.finish() == [(30, "done", 66)]


def test_a_jump_by_a_year(story):
    one = story(SUM, SHOWN, STATE, window=SlidingWindow(2, 1, itself))
    year = 365 * 86400
    assert one.push([year, 5, year + 1]) == [(year - 1, "done", year)]
    assert one.program.late == 1
    assert one.push([3 * year]) == [(year, "done", 2 * year + 1), (year + 1, "done", year + 1)]


def test_an_event_that_is_late_for_some_of_its_sliding_windows(story):
    one = story(CollectBatch(), IDS, STATE, window=SlidingWindow(10, 5, itself))
    assert one.push([3, 11]) == [(-5, [3]), (0, [3])]
    assert one.push([8]) == []  # the window at 0 is closed, the one at 5 is not
    assert one.push([16, 4]) == [(5, [11, 8])]
    assert one.program.late == 1
    assert one.finish() == [(10, [11, 16]), (15, [16])]


def test_a_sliding_event_for_a_window_that_lingers_and_one_that_is_open(story):
    one = story(CollectBatch(), IDS, STATE,
                window=SlidingWindow(10, 5, itself).allowed_lateness(60, "reset"))  # fmt: skip
    assert one.push([3, 11, 8]) == [(-5, [3]), (0, [3])]
    assert one.finish() == [(-5, []), (0, [8]), (5, [11, 8]), (10, [11])]


OVERLAPPING = SlidingWindow(4, 2, by=itself)


@pytest.mark.parametrize(
    ("reducer", "window"),
    [
        (SUM, OVERLAPPING.trigger_every(1)),
        (SUM, OVERLAPPING.trigger_every(2)),
        (SUM, OVERLAPPING.trigger_every(3, "reset")),
        (CollectBatch(), OVERLAPPING.trigger_every(2, "reset")),
        (SUM, OVERLAPPING.trigger(int, lambda batch, _: Fire("now", batch[:1], batch[1:], 0))),
    ],
)
def test_overlapping_windows_fire_event_by_event(told, reducer, window):
    times = [3, 3, 4, 4, 4, 5, 3, 9, 9, 8, 9]
    steps = reducer, SHOWN, STATE
    one_by_one = told([[time] for time in times], *steps, window=window)
    assert told([times], *steps, window=window) == one_by_one
    assert told([times[:4], times[4:]], *steps, window=window) == one_by_one


def test_sessions(story):
    one = story(CollectBatch(), MapState(lambda s, ctx: (ctx.key, ctx.window_id, s)), STATE,
                window=SessionWindow(10, 1, key=0))  # fmt: skip
    a, b = "a", "b"
    assert one.push([(a, 5), (b, 7), (a, 15)]) == []
    assert one.push([(a, 30)]) == [(a, 5, [(a, 5), (a, 15)]), (b, 7, [(b, 7)])]
    assert one.push([(b, 19)]) == []
    assert one.program.late == 1
    assert one.push([(b, 20)]) == []  # its own session would end at 30: not past that
    assert one.finish() == [(b, 20, [(b, 20)]), (a, 30, [(a, 30)])]


@pytest.mark.parametrize(
    ("reducer", "state"),
    [
        (Reduce(list, lambda found, n: [*found, n]), [0, 12, 6]),
        (Reduce(list, lambda found, n: [*found, n], merge=lambda a, b: a + b), [0, 12, 6]),
        (ReduceBatch(list, lambda found, batch: [*found, *batch]), [0, 12, 6]),
        (ReduceBatch(list, lambda a, b: [*a, *b], merge=lambda a, b: a + b), [0, 12, 6]),
        (EmitAndReduce(list, lambda found, n: ([], [*found, n])), [0, 12, 6]),
        (CollectBatch(), [0, 12, 6]),
        (CountBy(lambda n: n % 4), {0: 2, 2: 1}),
        (GroupBy(lambda n: n % 4), {0: [0, 12], 2: [6]}),
    ],
)
def test_sessions_join_with_every_reducer(story, reducer, state):
    # The other producer says nothing, so that nothing closes.
    one = story(reducer, SHOWN, STATE, window=SessionWindow(6, itself), upstreams=2)
    assert one.push([0, 12]) == []
    assert one.push([6]) == []
    assert one.finish() == [(0, "done", state)]


def test_sessions_of_the_partition_s_key(story):
    one = story(
        SUM, MapState(lambda s, ctx: (ctx.key, s)), STATE,
        window=SessionWindow(5, itself), key=lambda n: n % 2,
    )  # fmt: skip
    assert one.push([1, 2, 3, 4]) == []
    assert one.finish() == [(1, 4), (0, 6)]


BERLIN = timezone(timedelta(hours=2))


@pytest.mark.parametrize("zone", [UTC, BERLIN])
def test_datetimes_are_aligned_to_the_epoch_in_utc(told, zone):
    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    events = [(noon + timedelta(minutes=n)).astimezone(zone) for n in (0, 59, 61)]
    window = FixedWindow(timedelta(hours=1), itself)
    fired = told([events], CollectBatch(), IDS, STATE, window=window)
    assert fired == [(noon, events[:2]), (noon + timedelta(hours=1), events[2:])]
    assert all(start.tzinfo is UTC for start, _ in fired)


def test_ids_keep_the_units_of_by(told):
    def ids(duration, times):
        fired = told([times], CollectBatch(), IDS, STATE, window=FixedWindow(duration, itself))
        return [repr(start) for start, _ in fired]

    assert ids(10, [5, 15]) == ["0", "10"]
    assert ids(timedelta(seconds=10), [5, 15]) == ["0", "10"]
    assert ids(10, [5.5, 15.0]) == ["0.0", "10.0"]
    assert ids(0.5, [1]) == ["1"]
    assert ids(0.5, [0.7]) == ["0.5"]


def test_arrays_are_cut_as_views(told):
    array = np.arange(10.0)
    window = FixedWindow(4, by_batch=itself)
    states = told([array], CollectBatch(), STATE, window=window)
    assert [state.tolist() for state in states] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(np.shares_memory(state, array) for state in states)
    mixed = np.array([0.0, 5.0, 1.0])
    window = FixedWindow(4, by_batch=itself).allowed_lateness(1)
    states = told([mixed], CollectBatch(), STATE, window=window)
    assert [state.tolist() for state in states] == [[0], [0, 1], [5]]
    assert all(isinstance(state, np.ndarray) for state in states)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrays_of_datetime64(told, unit):
    stamps = np.array(["2024-05-01T12:00", "2024-05-01T12:59", "2024-05-01T13:01"], f"M8[{unit}]")
    window = FixedWindow(3600, by_batch=itself)
    fired = told([stamps], CollectBatch(), IDS, STATE, window=window)
    assert [start for start, _ in fired] == [
        datetime(2024, 5, 1, 12, tzinfo=UTC), datetime(2024, 5, 1, 13, tzinfo=UTC)
    ]  # fmt: skip


def test_a_column_of_an_array_is_the_time(told):
    rows = np.array([[0, 1], [12, 2], [15, 3]])
    fired = told([rows], CollectBatch(), STATE, window=FixedWindow(10, 0))
    assert [state.tolist() for state in fired] == [[[0, 1]], [[12, 2], [15, 3]]]
    records = np.array([(0, 1.0), (12, 2.0)], [("t", int), ("v", float)])
    fired = told([records], CollectBatch(), STATE, window=FixedWindow(10, "t"))
    assert [state.tolist() for state in fired] == [[(0, 1.0)], [(12, 2.0)]]


def test_by_batch_alone_takes_lists_too(told):
    window = FixedWindow(10, by_batch=lambda rows: rows[:, 0])
    assert told([[(1, 5), (12, 6)]], CollectBatch(), STATE, window=window) == [[(1, 5)], [(12, 6)]]


def test_on_trigger_replaces_the_state_at_the_watermark(told):
    window = FixedWindow(10, itself).allowed_lateness(5)
    replaced = OnTrigger(lambda n, ctx: ([(ctx.trigger, n)], 100))
    assert told([[1, 12, 2]], SUM, replaced, window=window) == [
        ("watermark", 1), ("done", 102), ("done", 12)
    ]  # fmt: skip


def calls_of(steps):
    """What a program asks for, and its answer."""
    asked = []
    answer = None
    try:
        while True:
            request = steps.send(answer)
            asked.append(request)
            answer = [request.function(argument) for argument in request.arguments]
    except StopIteration as end:
        return asked, end.value


@pytest.mark.parametrize("window", [CountWindow(4), FixedWindow(4, by_batch=itself)])
def test_a_kernel_is_called_once_for_all_windows_that_a_batch_closes(story, window):
    kernel = logistic_map.bind(num=3, p=97, mu=5)
    seen = []
    named = EachState(lambda state, ctx: seen.append((ctx.window_id, state.tolist())))
    one = story(CollectBatch(), MapState(kernel), named, window=window)
    numbers = np.arange(18)
    asked, _ = calls_of(one.program.push(numbers, 0, 0.0))
    assert [len(call.arguments) for call in asked] == [1]
    one.finish()
    starts = range(0, 18, 4)
    assert [states for _, states in seen] == [kernel(numbers[n : n + 4]).tolist() for n in starts]
    assert [start for start, _ in seen] == (
        [0, 1, 2, 3, 4] if window.kind == "count" else list(starts)
    )
