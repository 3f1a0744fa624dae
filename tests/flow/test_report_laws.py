"""The numbers of a report add up, in every stage and in all, whatever the flow is made of."""

from __future__ import annotations

from functools import partial
from operator import add
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowlike import (
    CountWindow,
    FixedWindow,
    Flow,
    GlobalWindow,
    Retry,
    RunReport,
    SessionWindow,
    SlidingWindow,
    StageReport,
)


class Odd(Exception):
    pass


def fragile(n):
    if n % 7 == 3:
        raise Odd(n)
    return n


def halves(n):
    return fragile(n) % 2


def fragile_range(n):
    return range(fragile(n) % 4)


FUNCTIONS = {
    "map": lambda n: n + 1,
    "filter": lambda n: n % 3,
    "reject": lambda n: n % 5 == 0,
    "flat_map": lambda n: range(n % 4),
    "each": lambda n: None,
    "map skip": fragile,
    "filter skip": halves,
    "reject retry": halves,
    "flat_map retry": fragile_range,
    "each skip": fragile,
}
POLICIES = {"skip": "skip", "retry": Retry(2, then="skip")}
ROUTES = ("partition", "shuffle", "drop")


def reference(events: list[int], steps: list[str]) -> tuple[list[int], dict[str, int]]:
    """What comes out, and the numbers, one event after the other."""
    numbers = {"filtered": 0, "skipped": 0, "retried": 0}
    for step in steps:
        if step == "drop":
            kept = [n for n in events if n % 4 != 1]
            numbers["filtered"] += len(events) - len(kept)
            events = kept
        if step not in FUNCTIONS:
            continue
        kind, _, policy = step.partition(" ")
        before, events = events, []
        for n in before:
            try:
                result: Any = FUNCTIONS[step](n)
            except Odd:
                numbers["skipped"] += 1
                numbers["retried"] += 2 * (policy == "retry")
                continue
            if kind in ("filter", "reject") and bool(result) == (kind == "reject"):
                numbers["filtered"] += 1
            else:
                events += {"map": [result], "flat_map": result}.get(kind, [n])
    return events, numbers


async def awaited(function, n):
    return function(n)


def build(flow: Flow[int], steps: list[str], options: dict[str, Any], how: str) -> Flow[int]:
    for step in steps:
        if step == "drop":
            stages = options["stages"] or 3
            flow = flow.partition(
                hash=lambda n, m=stages: None if n % 4 == 1 else n % m,
                **options | {"stages": stages},
            )
        elif step in ROUTES:
            flow = getattr(flow, step)(**options)
        elif step == "map_batch":
            flow = flow.map_batch(lambda batch: batch[::2], on_error="skip")
        else:
            kind, _, policy = step.partition(" ")
            function = FUNCTIONS[step]
            calling: dict[str, Any] = {"on_error": POLICIES[policy]} if policy else {}
            if how != "plain":
                function = partial(awaited, function)
                calling["concurrency"] = 3 if how == "at once" else 1
            flow = getattr(flow, kind)(function, **calling)
    return flow


def adds_up(report: RunReport | StageReport) -> bool:
    came = report.events_in + report.produced
    left = report.events_out + report.filtered + report.skipped
    return came == left + report.late + report.discarded + report.consumed


layers = st.fixed_dictionaries(
    {
        "stages": st.sampled_from([None, 1, 3]),
        "max_demand": st.one_of(st.just("auto"), st.integers(1, 40)),
        "executor": st.sampled_from([None, None, None, "threads"]),
    }
)
steps = st.lists(st.sampled_from([*FUNCTIONS, *ROUTES]), max_size=8)
hows = st.sampled_from(["plain", "plain", "awaited", "at once"])


@given(size=st.integers(0, 200), steps=steps, options=layers, how=hows, array=st.booleans())
def test_what_operators_have_counted(size, steps, options, how, array):
    source = np.arange(size) if array else range(size)
    events, numbers = reference(list(range(size)), steps)
    report = build(Flow.from_iterable(source, **options), steps, options, how).run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    assert (report.events_in, report.events_out) == (size, len(events))
    assert {name: getattr(report, name) for name in numbers} == numbers
    assert (report.late, report.discarded) == (0, 0)
    if not any("flat_map" in step for step in steps):
        assert (report.consumed, report.produced) == (0, 0)


@given(size=st.integers(0, 100), steps=steps, options=layers, counts=st.booleans())
def test_what_unique_has_dropped(size, steps, options, counts):
    before, numbers = reference(list(range(size)), steps)
    flow = build(Flow.from_iterable(range(size), **options), steps, options, "plain")
    flow = flow.partition(key=lambda n: n % 9, **options).unique(lambda n: n % 9)
    report = (flow.count_by() if counts else flow).run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    dropped = len(before) - len({n % 9 for n in before})
    assert report.filtered == numbers["filtered"] + dropped


@given(size=st.integers(0, 60), options=layers, how=st.sampled_from(["inner", "outer", "left"]))
def test_what_a_join_has_made(size, options, how):
    left = Flow.from_iterable(range(size), **options).map(lambda n: n % 5)
    right = Flow.from_iterable(range(size // 2)).reject(lambda n: n % 5 == 2)
    joined = left.join(right, left_key=abs, right_key=abs, how=how, **options)
    report = joined.run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    assert report.events_out == len(joined.to_list())


@given(size=st.integers(0, 60), options=layers, sorts=st.booleans())
def test_what_several_partitions_have_made(size, options, sorts):
    flow = Flow.from_iterable(range(size)).partition(**options)
    if sorts:
        flow = flow.reduce(list, lambda acc, n: [*acc, n]).take_sort(3).filter(len)
    else:
        flow = flow.reduce(int, add).departition(int, add, str).reject(len)
    report = flow.run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    assert report.filtered == int(not sorts or not size)


@given(
    times=st.lists(st.integers(0, 60), max_size=60),
    late=st.booleans(),
    sorts=st.booleans(),
    options=layers,
)
def test_marks_between_partitions_are_no_events(times, late, sorts, options, notes):
    window = FixedWindow(10, by=float)
    fired = notes()
    flow = Flow.from_iterable(times if late else sorted(times), max_demand=5)
    flow = flow.partition(window=window, **options).count_by()
    flow = flow.each_state(fired.append)
    found = flow.take_sort(3) if sorts else flow.departition(dict, dict.__or__)
    report = found.run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    counting = [stage for stage in report.stages if "count_by" in stage.name]
    assert sum(stage.events_out for stage in counting) == len(fired)
    assert report.stages[-1].events_in == len(fired)


by = st.sampled_from([
    lambda: FixedWindow(10, by=float),
    lambda: SlidingWindow(10, 5, by=float).allowed_lateness(3),
    lambda: SessionWindow(2, by=float, key=lambda n: None),
    lambda: CountWindow(7),
])  # fmt: skip


@given(times=st.lists(st.integers(0, 60), max_size=60), window=by, options=layers)
def test_late_events(times, window, options):
    options = options | {"stages": 1}
    flow = Flow.from_iterable(times, max_demand=5).partition(window=window(), **options)
    report = flow.filter(lambda n: n % 4).count_by().run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report


@given(
    size=st.integers(0, 200),
    steps=st.lists(st.sampled_from([*FUNCTIONS, *ROUTES, "map_batch"]), max_size=5),
    before=st.lists(st.sampled_from([*FUNCTIONS, "map_batch"]), max_size=3),
    options=layers,
    reducer=st.sampled_from(["reduce", "reduce_batch", "count_by", "group_by", "collect_batch"]),
    every=st.one_of(st.none(), st.integers(1, 20)),
)
def test_what_a_reduce_has_taken_in(size, steps, before, options, reducer, every, notes):
    window = None if every is None else GlobalWindow().trigger_every(every, "reset")
    flow = build(Flow.from_iterable(range(size), **options), steps, options, "plain")
    flow = build(flow.partition(window=window, **options), before, options, "plain")
    match reducer:
        case "reduce":
            flow = flow.reduce(int, add).emit("state")
        case "reduce_batch":
            flow = flow.reduce_batch(list, fragile_batch_sum, on_error="skip")
        case "count_by" | "group_by":
            flow = getattr(flow, reducer)(lambda n: n % 3)
        case _:
            flow = flow.collect_batch()
    found = notes()
    report = flow.each_state(found.append).shuffle(**options).map(abs_of).run()
    assert all(map(adds_up, report.stages)), report
    assert adds_up(report), report
    if "map_batch" not in [*steps, *before]:  # which cuts as the batches come
        _, numbers = reference(list(range(size)), [*steps, *before])
        assert (report.filtered, report.retried) == (numbers["filtered"], numbers["retried"])
        if reducer != "reduce_batch":  # which skips as the batches come
            assert report.skipped == numbers["skipped"]
    if reducer == "collect_batch":
        [layer] = {stage.name for stage in report.stages if "abs_of" in stage.name}
        taken = sum(stage.events_in for stage in report.stages if stage.name == layer)
        assert taken == sum(map(len, found))


def abs_of(n):
    return n


def fragile_batch_sum(acc, batch):
    return [*acc, fragile(len(batch))]
