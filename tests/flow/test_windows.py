"""Windows in flows that run: their timers, their producers, and what the report says of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np
import pytest
from contract import here_only, interleaved, run
from hypothesis import given
from hypothesis import strategies as st

from flowlike import (
    CountWindow,
    FixedWindow,
    Flow,
    FlowBuildError,
    GlobalWindow,
    PeriodicWindow,
    SessionWindow,
    SlidingWindow,
)


async def at(seconds):
    """Wait until the virtual clock is there."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    handle = loop.call_at(seconds, future.set_result, None)
    try:
        await future
    finally:
        handle.cancel()


async def timed(*table):
    """A source that gives events at their times: ``(seconds, event)``."""
    for seconds, event in table:
        await at(seconds)
        if event is not None:
            yield event


def itself(event):
    return event


def watched(flow):
    """``(seconds, window_id, trigger, state)`` of all that fires, and the report."""
    seen = []

    def note(state, ctx):
        now = asyncio.get_running_loop().time()
        seen.append((now, ctx.window_id, ctx.trigger, state))

    report = run(flow.each_state(note).arun())
    return seen, report


def total(flow):
    return flow.reduce(int, lambda acc, n: acc + n)


@here_only("clock")
def test_periodic_windows_end_by_the_clock():
    source = timed((1, 1), (9, 2), (10, 3), (35, 4), (39, 5))
    flow = total(Flow.from_iterable(source, stages=1, window=PeriodicWindow(10)))
    seen, _ = watched(flow)
    assert [(now, number, state) for now, number, _, state in seen] == [
        (10, 0, 3), (20, 1, 3), (39, 3, 9)
    ]  # fmt: skip


@here_only("clock")
def test_a_periodic_trigger():
    source = timed((1, 1), (9, 2), (35, 4), (36, None))
    window = GlobalWindow().trigger_periodically(10, "reset")
    seen, _ = watched(total(Flow.from_iterable(source, stages=1, window=window)))
    every = ("periodically", 10.0)
    assert [(now, trigger, state) for now, _, trigger, state in seen] == [
        (10, every, 3), (36, "done", 4)
    ]  # fmt: skip


@here_only("clock")
def test_lateness_ends_by_the_clock():
    lost = []
    window = FixedWindow(10, itself).allowed_lateness(60).on_late(lost.append)
    source = timed((0, 3), (1, 12), (50, 5), (70, 6), (80, None))
    seen, report = watched(total(Flow.from_iterable(source, stages=1, window=window)))
    assert seen == [
        (1, 0, "watermark", 3), (61, 0, "done", 8), (80, 10, "done", 12)
    ]  # fmt: skip
    assert lost == [6]
    assert report.late == 1


@here_only("clock")
def test_an_idle_source_is_left_out():
    window = FixedWindow(10, itself).idle_timeout(5)
    sources = [timed((0, 1), (4, 12), (8, 13), (30, 14)), timed((20, 11), (30, None))]
    seen, report = watched(total(Flow.from_iterables(sources, stages=1, window=window)))
    assert seen == [(5, 0, "done", 1), (30, 10, "done", 50)]
    assert report.late == 0


@here_only("clock")
def test_each_source_is_a_producer_of_its_own():
    window = FixedWindow(10, itself)
    sources = [timed((0, 1), (1, 25), (9, None)), timed((2, 3), (5, 14), (6, None))]
    seen, report = watched(total(Flow.from_iterables(sources, stages=1, window=window)))
    # At 5 both have come to 14; at 6 the second has ended, and the first is at 25.
    assert seen == [(5, 0, "done", 4), (6, 10, "done", 14), (9, 20, "done", 25)]
    assert report.late == 0


def test_late_events_are_reported_where_they_came():
    window = FixedWindow(10, itself)
    flow = Flow.from_iterable([5, 25, 3, 4, 31, 7], stages=1, window=window)
    report = total(flow).run()
    assert report.late == 3
    assert [stage.late for stage in report.stages] == [0, 3]


@here_only("clock")
def test_no_timer_is_left_when_a_flow_fails():
    def fail(state):
        raise OSError("broken")

    async def main():
        window = PeriodicWindow(10).trigger_periodically(3)
        flow = Flow.from_iterable(timed((1, 1), (100, 2)), stages=1, window=window)
        with pytest.raises(OSError, match="broken"):
            await total(flow).each_state(fail).arun()
        loop = asyncio.get_running_loop()
        assert loop.time() == 3
        assert [each for each in loop._scheduled if not each.cancelled()] == []

    run(main())


def test_sessions_have_the_key_of_the_partition():
    clicks = [("ann", 0), ("bob", 5), ("ann", 20), ("ann", 100), ("bob", 31)]
    flow = Flow.from_iterable(clicks, stages=1).partition(
        key=0, stages=3, window=SessionWindow(30, by=1)
    )
    flow = flow.count_by(0).map_state(lambda counts, ctx: (ctx.key, ctx.window_id, dict(counts)))
    found = sorted(flow.emit("state").to_list())
    assert found == [
        ("ann", 0, {"ann": 2}), ("ann", 100, {"ann": 1}), ("bob", 5, {"bob": 2})
    ]  # fmt: skip


def test_operators_before_the_reduce_come_before_the_window():
    window = FixedWindow(10, by=1)
    flow = Flow.from_iterable(range(30), stages=1, window=window).map(lambda n: ("x", n))
    flow = flow.filter(lambda pair: pair[1] % 2).map_values(lambda n: n + 1).group_by_key()
    assert flow.emit("state").to_list() == [
        {"x": [2, 4, 6, 8]}, {"x": [10, 12, 14, 16, 18]}, {"x": [20, 22, 24, 26, 28]}, {"x": [30]}
    ]  # fmt: skip


@pytest.mark.parametrize("executor", [None, "threads"])
def test_batches_are_cut_at_the_borders(executor):
    window = FixedWindow(100, by=itself, by_batch=itself)
    flow = Flow.from_iterable(np.arange(1000), stages=1, window=window)
    flow = flow.reduce_batch(int, lambda acc, batch: acc + int(batch.sum()), executor=executor)
    expected = [sum(range(start, start + 100)) for start in range(0, 1000, 100)]
    assert flow.emit("state").to_list() == expected


@here_only("builds")
def test_a_window_needs_a_reduce():
    with pytest.raises(FlowBuildError, match=r"FixedWindow\(10, itself\), but no reduce"):
        Flow.from_iterable([1], window=FixedWindow(10, itself)).to_list()


@here_only("builds")
def test_explain_shows_the_window():
    window = SlidingWindow(10, 5, itself).trigger_every(3)
    flow = Flow.from_iterable([1], window=window).count_by()
    assert "SlidingWindow(10, 5, itself).trigger_every(3, 'keep')" in flow.explain()


@given(
    sources=st.lists(st.lists(st.integers(0, 100), max_size=60), min_size=1, max_size=3),
    stages=st.integers(1, 3),
    window=st.sampled_from(
        [
            FixedWindow(7, itself),
            FixedWindow(7, itself).trigger_every(3),
            FixedWindow(30, itself).allowed_lateness(3600),
            SessionWindow(4, itself),
            CountWindow(5),
            PeriodicWindow(1),
        ]
    ),
    max_demand=st.one_of(st.just("auto"), st.integers(1, 20)),
)
def test_nothing_is_lost(sources, stages, window, max_demand, notes):
    late = notes()
    if hasattr(window, "on_late"):
        window = window.on_late(late.append)
    options = {"stages": stages, "window": window, "max_demand": max_demand}

    def done(counts, ctx):
        return counts if ctx.trigger == "done" else Counter()

    flow = Flow.from_iterables(sources, stages=1).partition(key=itself, **options)
    flow = flow.count_by().map_state(done).emit("state")
    found = sum(flow.to_list(), Counter())
    assert found + Counter(late) == Counter(n for source in sources for n in source)
    late.clear()
    assert flow.run().late == len(late)


@interleaved(20)
async def test_the_windows_do_not_depend_on_who_comes_first():
    """Sources in order of time, none behind the others by more than the windows know."""
    window = FixedWindow(10, itself)
    sources = [range(0, 60, 2), range(1, 60, 2), [5, 15, 25, 35, 45, 55]]
    flow = Flow.from_iterables(sources, stages=1, window=window, max_demand=4)
    flow = total(flow).map_state(lambda state, ctx: (ctx.window_id, state)).emit("state")
    assert [event async for event in flow] == [
        (start, sum(range(start, start + 10)) + start + 5) for start in range(0, 60, 10)
    ]
