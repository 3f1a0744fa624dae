"""Windows by event time against a sequential reference: batches cut anyhow, several producers."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from flowlike import Continue, FixedWindow, SessionWindow, SlidingWindow
from flowlike.operators import (
    CollectBatch,
    Emit,
    EmitAndReduce,
    Layer,
    MapState,
    Reduce,
    compile_program,
    run_inline,
)


class Reference:
    """One event after the other, no batches: windows are ``[first, end, key, events, due]``."""

    def __init__(self, upstreams: int, lateness: Any, patience: float | None) -> None:
        self.lateness, self.patience = lateness, patience
        self.high = dict.fromkeys(range(upstreams), -inf)
        self.spoke = dict.fromkeys(range(upstreams), 0.0)
        self.ended: set[int] = set()
        self.idle: set[int] = set()
        self.windows: list[list[Any]] = []
        self.mark, self.now = -inf, 0.0
        self.fired: list[Any] = []
        self.late: list[Any] = []

    def event(self, upstream: int, event: Any) -> None:
        self.high[upstream] = max(self.high[upstream], event[1])
        self.spoke[upstream] = self.now
        self.idle.discard(upstream)
        self.move()
        targets = self.targets(event)
        for window in targets:
            window[3].append(event)
        if not targets:
            self.late.append(event)

    def end(self, upstream: int) -> None:
        self.ended.add(upstream)
        self.move()

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.next_due()) <= until:
            self.now = due
            over = [each for each in self.windows if each[4] is not None and each[4] <= due]
            for window in sorted(over, key=lambda each: each[0]):
                self.fire(window, "done")
            if self.patience:
                self.idle |= {u for u in self.spoke if self.spoke[u] + self.patience <= due}
            self.move()
        self.now = until

    def next_due(self) -> float:
        dues = [window[4] for window in self.windows if window[4] is not None]
        if self.patience:
            counting = set(self.high) - self.ended - self.idle
            dues += [self.spoke[upstream] + self.patience for upstream in counting]
        return min(dues, default=inf)

    def move(self) -> None:
        counting = set(self.high) - self.ended - self.idle
        positions = [self.high[upstream] for upstream in counting]
        self.mark = max(self.mark, min(positions) if positions else max(self.high.values()))
        closed = [each for each in self.windows if each[4] is None and self.is_over(each)]
        for window in sorted(closed, key=lambda each: each[0]):
            if self.lateness is None:
                self.fire(window, "done")
                continue
            seconds, action = self.lateness
            self.fired.append((window[0], window[2], "watermark", list(window[3])))
            window[4] = self.now + seconds
            if action == "reset":
                window[3] = []

    def fire(self, window: list[Any], trigger: str) -> None:
        self.windows.remove(window)
        self.fired.append((window[0], window[2], trigger, window[3]))

    def finish(self) -> None:
        for window in sorted(self.windows, key=lambda each: each[0]):
            self.fire(window, "done")


class Grid(Reference):
    """Fixed and sliding windows, in integers."""

    def __init__(self, duration: int, every: int, **options: Any) -> None:
        super().__init__(**options)
        self.duration, self.every = duration, every

    def is_over(self, window: list[Any]) -> bool:
        return window[1] <= self.mark

    def targets(self, event: Any) -> list[Any]:
        start = event[1] // self.every * self.every
        found = []
        while start + self.duration > event[1]:
            known = [window for window in self.windows if window[0] == start]
            if not known and start + self.duration > self.mark:
                known = [[start, start + self.duration, None, [], None]]
                self.windows += known
            found += known
            start -= self.every
        return found


class Sessions(Reference):
    """Sessions of the keys, which are the first of an event."""

    def __init__(self, gap: int, **options: Any) -> None:
        super().__init__(**options)
        self.gap = gap

    def is_over(self, window: list[Any]) -> bool:
        return window[1] + self.gap < self.mark

    def targets(self, event: Any) -> list[Any]:
        key, time = event[:2]
        mine = [
            each
            for each in self.windows
            if each[2] == key and each[0] - self.gap <= time <= each[1] + self.gap
        ]
        if not mine and time + self.gap < self.mark:
            return []
        mine.sort(key=lambda each: each[0])
        self.windows = [each for each in self.windows if each not in mine]
        first, last = min([time, *(w[0] for w in mine)]), max([time, *(w[1] for w in mine)])
        events = [event for each in mine for event in each[3]]
        due = mine[0][4] if mine and last + self.gap < self.mark else None
        joined = [first, last, key, events, due]
        self.windows.append(joined)
        return [joined]


def append(state: list[Any], event: Any) -> list[Any]:
    return [*state, event]


def shown(state: Any, ctx: Any) -> Any:
    return (ctx.window_id, ctx.key, ctx.trigger, list(state))


REDUCERS = {
    "reduce": lambda window: (Reduce(list, append), window),
    "merging": lambda window: (Reduce(list, append, merge=lambda a, b: a + b), window),
    "collect": lambda window: (CollectBatch(), window),
    "at once": lambda window: (EmitAndReduce(list, lambda a, e: ([], append(a, e))), window),
    "cut": lambda window: (
        Reduce(list, append),
        window.trigger(lambda: None, lambda batch, acc: Continue(acc)),
    ),
}
times = st.integers(-30, 60)
events = st.tuples(st.integers(0, 2), times)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(0, 2), st.lists(events, min_size=1, max_size=12)),
        st.tuples(st.just("end"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.integers(1, 9)),
    ),
    max_size=12,
)
options = {
    "upstreams": st.integers(1, 3),
    "lateness": st.sampled_from([None, (5, "keep"), (5, "reset")]),
    "patience": st.sampled_from([None, None, 4.0]),
    "reducer": st.sampled_from(sorted(REDUCERS)),
}


def follow(reference: Any, window: Any, reducer: str, upstreams: int, told: Any) -> None:
    """Do the same to both; what has fired and what is late must agree at every step."""
    late: list[Any] = []
    if reference.lateness is not None:
        window = window.allowed_lateness(*reference.lateness)
    if reference.patience is not None:
        window = window.idle_timeout(reference.patience)
    operator, window = REDUCERS[reducer](window.on_late(late.append))
    layer = Layer(window=window).then(operator).then(MapState(shown)).then(Emit("state"))
    program = compile_program(layer, partition=0, partitions=1, upstreams=upstreams)
    program.begin(0.0)
    fired: list[Any] = []
    count = 0
    now = 0.0

    def do(generator: Any) -> None:
        fired.extend(state for batch in run_inline(generator) for state in batch)

    for what, *rest in told:
        if what == "wait":
            reference.wait(rest[0])
            until = now + rest[0]
            while program.deadline is not None and program.deadline <= until:
                now = program.deadline
                do(program.tick(now))
            now = until
        elif rest[0] >= upstreams or rest[0] in reference.ended:
            continue
        elif what == "end":
            if len(reference.ended) < upstreams - 1:
                reference.end(rest[0])
                do(program.upstream_ended(rest[0], now))
        else:
            count += len(rest[1])
            numbered = [(*event, count + place) for place, event in enumerate(rest[1])]
            for event in numbered:
                reference.event(rest[0], event)
            do(program.push(numbered, rest[0], now))
        assert canonical(fired) == canonical(reference.fired)
        assert sorted(late) == sorted(reference.late)
    reference.finish()
    do(program.finish(now))
    assert canonical(fired) == canonical(reference.fired)
    assert program.late == len(late) == len(reference.late)
    assert program.deadline is None


def canonical(fired: list[Any]) -> list[Any]:
    """Sessions of different keys with one start fire in any order."""
    found: list[Any] = []
    for each in fired:
        if found and found[-1][0][0] == each[0] and found[-1][0][2] == each[2]:
            found[-1].append(each)
        else:
            found.append([each])
    return [sorted(group, key=lambda one: one[1] or 0) for group in found]


@given(duration=st.integers(1, 20), told=steps, **options)
def test_fixed_windows(duration, told, upstreams, lateness, patience, reducer):
    reference = Grid(duration, duration, upstreams=upstreams, lateness=lateness, patience=patience)
    follow(reference, FixedWindow(duration, by=1), reducer, upstreams, told)


@given(every=st.integers(1, 8), more=st.integers(0, 15), told=steps, **options)
@example(
    every=2,
    more=1,
    told=[("push", 0, [(0, 49), (0, 48)])],
    upstreams=2,
    lateness=None,
    patience=None,
    reducer="collect",
)
def test_sliding_windows(every, more, told, upstreams, lateness, patience, reducer):
    reference = Grid(every + more, every, upstreams=upstreams, lateness=lateness, patience=patience)
    follow(reference, SlidingWindow(every + more, every, by=1), reducer, upstreams, told)


@given(gap=st.integers(1, 10), told=steps, **options)
@example(
    gap=1,
    told=[("push", 0, [(0, 29), (1, 29), (0, 31), (1, 28)]), ("wait", 5)],
    upstreams=1,
    lateness=(5, "keep"),
    patience=None,
    reducer="reduce",
)
def test_session_windows(gap, told, upstreams, lateness, patience, reducer):
    reference = Sessions(gap, upstreams=upstreams, lateness=lateness, patience=patience)
    follow(reference, SessionWindow(gap, by=1, key=0), reducer, upstreams, told)


finite = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(finite, min_size=1), st.floats(1e-3, 1e6), st.sampled_from([list, np.array]))
def test_fixed_windows_partition_time(floats, duration, kind):
    """Every event is in one window, whose borders are around it."""
    window = FixedWindow(duration, by=lambda time: time, by_batch=lambda array: array)
    layer = Layer(window=window).then(CollectBatch()).then(MapState(shown)).then(Emit("state"))
    program = compile_program(layer, partition=0, partitions=1, upstreams=2)
    assert run_inline(program.push(kind(floats))) == []  # the other producer holds it back
    ((*fired,),) = run_inline(program.finish())
    starts = [start for start, *_ in fired]
    assert starts == sorted(set(starts))
    assert sorted(time for *_, events in fired for time in events) == sorted(floats)
    for start, _, _, events in fired:
        end = (round(start / duration) + 1) * duration
        assert all(start <= time < end for time in events)


@given(
    st.lists(st.lists(st.integers(-30, 60), min_size=1), max_size=6),
    st.sampled_from(
        [
            FixedWindow(7, by_batch=abs),
            SlidingWindow(9, 4, by_batch=abs),
            SessionWindow(3, by_batch=abs),
        ]
    ),
    st.sampled_from([None, (5, "keep"), (5, "reset")]),
)
def test_arrays_are_cut_as_lists_are(batches, window, lateness):
    if lateness is not None:
        window = window.allowed_lateness(*lateness)
    layer = Layer(window=window).then(CollectBatch()).then(MapState(shown)).then(Emit("state"))
    found = []
    for kind in (list, np.array):
        program = compile_program(layer, partition=0, partitions=1)
        left = [run_inline(program.push(kind(batch))) for batch in batches]
        found.append(([*left, run_inline(program.finish())], program.late))
    assert found[0] == found[1]
