"""Windows in whole flows against the reference: timers, producers, partitions and triggers."""

from __future__ import annotations

import functools
from itertools import groupby
from typing import Any

from contract import here_only
from hypothesis import given
from hypothesis import strategies as st
from laws.reference import END, Log
from laws.windowed import KEYS, described, log_of, referred, source, steps, windows

from flowlike import Flow, PartitionDispatcher
from flowlike.testing import ProbeConsumer, run

pytestmark = here_only("clock")

demands = st.one_of(st.just("auto"), st.integers(1, 9))
seeds = st.integers(0, 2**32)


def append(state: Any, event: Any) -> Any:
    return [*state, event]


def extend(state: Any, batch: Any) -> Any:
    return [*state, *batch]


def joined(one: Any, other: Any) -> Any:
    return one + other


REDUCERS = {
    "reduce": lambda flow: flow.reduce(list, append),
    "merging": lambda flow: flow.reduce(list, append, merge=joined),
    "reduce_batch": lambda flow: flow.reduce_batch(list, extend),
    "threads": lambda flow: flow.reduce_batch(list, extend, executor="threads"),
    "collect": lambda flow: flow.collect_batch(),
    "at once": lambda flow: flow.emit_and_reduce(
        list, lambda acc, event: (["at once"], append(acc, event))
    ),
}


def shown(state: Any, ctx: Any) -> Any:
    fired = ctx.window_id, ctx.key, ctx.trigger, tuple(state)
    return ctx.partition, fired


def replaced(state: Any, ctx: Any) -> Any:
    return [shown(state, ctx)], list(state)


def in_order(fired: list[Any]) -> list[Any]:
    """Sessions that start at one time fire in any order."""
    found: list[Any] = []
    for _, group in groupby(fired, key=lambda each: (each[0], each[2])):
        found += sorted(group, key=repr)
    return found


def sorted_states(fired: list[Any], how: str, cut: bool) -> list[Any]:
    """The order in which pairs are made is open, also of those where a count trigger cuts."""
    if cut and how != "inner":
        return [(*each[:3], len(each[3])) for each in fired]
    return [(*each[:3], sorted(each[3], key=repr)) for each in fired]


def check(given_window: Any, flow: Any, logs: list[Log], end: float, options: Any) -> None:
    """Run a flow; each partition must do what the reference does with its log."""
    late: list[Any] = []
    flow = flow(described(given_window, late))
    flow = REDUCERS[options["reducer"]](flow)
    replaces = options["replaces"] and given_window["kind"][0] != "session"
    flow = flow.on_trigger(replaced) if replaces else flow.map_state(shown).emit("state")
    if options.get("gathers"):
        flow = flow.departition(list, append, lambda acc, ctx: (ctx.window_id, acc))
    found: list[Any] = []
    report = run(gather(flow, found), seed=options["seed"])
    if options.get("gathers"):
        starts = [window_id for window_id, _ in found]
        assert starts == sorted(set(starts))
        found = [each for _, states in found for each in states]
    expected_late = []
    for partition, log in enumerate(logs):
        whole = referred(given_window, options["producers"], options["unique"], options.get("how"))
        if replaces:
            for name in ("every", "punctuation", "periodically", "lateness"):
                trigger = getattr(whole, name)
                setattr(whole, name, trigger and (trigger[0], "keep"))  # the new state wins
        expected = [tuple(each) for each in whole.run(log, end)]
        mine = [each[1] for each in found if each != "at once" and each[0] == partition]
        if options.get("how"):
            how = options["how"], given_window["cutting"] is not None
            mine, expected = sorted_states(mine, *how), sorted_states(expected, *how)
        if options.get("gathers"):  # which puts the windows in order
            mine.sort(key=lambda each: each[0])
            expected.sort(key=lambda each: each[0])
        assert in_order(mine) == in_order(expected), f"partition {partition}"
        expected_late += whole.late
    assert sorted(late) == sorted(expected_late)
    assert report.late == len(late)


async def gather(flow: Any, found: list[Any]) -> Any:
    probe = ProbeConsumer(manual=False)
    async with flow.into_stages([probe]) as running:
        report = await running.wait()
    found += probe.events
    return report


options = st.fixed_dictionaries(
    {
        "seed": seeds,
        "reducer": st.sampled_from(sorted(REDUCERS)),
        "replaces": st.sampled_from([False, False, True]),
        "max_demand": demands,
        "unique": st.sampled_from([None, None, lambda event: event[1] % 3]),
    }
)


def prepared(flow: Any, options: Any) -> Any:
    """The operators before the reduce."""
    flow = flow.filter(lambda event: event[2] % 11).map(tuple)
    return flow if options["unique"] is None else flow.unique(options["unique"])


def part_of(log: Log, partition: int, partitions: int) -> Log:
    return [
        each
        for each in log
        if each[2] is END or (each[2][2] % 11 and each[2][2] % partitions == partition)
    ]


def last(log: Log) -> float:
    return log[-1][0]


@given(window=windows, told=steps, producers=st.integers(1, 3), options=options)
def test_sources_of_one_replica(window, told, producers, options):
    log = log_of(told, producers)
    sources = [source(log, producer) for producer in range(producers)]

    def flow(window):
        first = Flow.from_iterables(
            sources, stages=1, window=window, max_demand=options["max_demand"]
        )
        return prepared(first, options)

    window = window | {"key": 0}
    check(window, flow, [part_of(log, 0, 1)], last(log), options | {"producers": producers})


@given(
    window=windows,
    told=steps,
    producers=st.integers(1, 3),
    partitions=st.integers(1, 3),
    options=options,
    gathers=st.booleans(),
)
def test_flows_merged_into_partitions(window, told, producers, partitions, options, gathers):
    if gathers and (window["kind"][0] == "session" or options["reducer"] == "at once"):
        gathers = False
    log = log_of(told, producers)
    dispatcher = PartitionDispatcher(partitions, hash=lambda event: event[2] % partitions)
    layer = {"max_demand": options["max_demand"]}
    flows = [
        Flow.from_iterable(source(log, producer), stages=1, **layer).map(tuple)
        for producer in range(producers)
    ]

    def flow(window):
        merged = Flow.merge(flows, dispatcher=dispatcher, window=window, **layer)
        return prepared(merged, options)

    logs = [part_of(log, number, partitions) for number in range(partitions)]
    given_options = options | {"producers": producers, "gathers": gathers}
    if gathers:
        given_options["replaces"] = False
    check(window | {"key": 0}, flow, logs, last(log), given_options)


@functools.cache
def homes(partitions: int) -> dict[int, int]:
    """In which partition each key is."""
    flow = Flow.from_iterable(range(KEYS)).partition(stages=partitions).collect_batch()
    flow = flow.map_state(lambda keys, ctx: [(key, ctx.partition) for key in keys])
    return dict(flow.to_list())


def of_keys(log: Log, partition: int, partitions: int) -> Log:
    where = homes(partitions)
    return [each for each in log if each[2] is END or where[each[2][0]] == partition]


@given(
    window=windows,
    told=steps,
    partitions=st.integers(1, 3),
    options=options,
    at_once=st.sampled_from([None, list, iter]),
)
def test_partitions_of_keys(window, told, partitions, options, at_once):
    """One source, whose events may come one by one, or all at once in batches."""
    log = log_of(told, 1)
    if at_once is not None:
        log = [(0, *each[1:]) for each in log]
    log = [each for each in log if each[2] is END or each[2][2] % 11]
    events = source(log, 0) if at_once is None else at_once([each[2] for each in log[:-1]])
    layer = {"max_demand": options["max_demand"]}
    first = Flow.from_iterable(events, stages=1, **layer).map(tuple)

    def flow(window):
        layer["window"] = window
        return prepared(first.partition(key=0, stages=partitions, **layer), options)

    logs = [of_keys(log, number, partitions) for number in range(partitions)]
    check(window, flow, logs, last(log), options | {"producers": 1})


@given(
    window=windows,
    told=steps,
    partitions=st.integers(1, 3),
    options=options,
    how=st.sampled_from(["inner", "left", "right", "outer"]),
)
def test_joins(window, told, partitions, options, how):
    if window["cutting"] and (window["cutting"][0] != "every" or window["kind"][0] == "session"):
        window = window | {"cutting": None}
    options = options | {"how": how, "producers": 2, "unique": None, "replaces": False}
    log = log_of(told, 2)
    layer = {"max_demand": options["max_demand"], "stages": partitions}
    left, right = (Flow.from_iterable(source(log, side), stages=1) for side in (0, 1))

    def flow(window):
        return left.join(right, left_key=0, right_key=0, how=how, window=window, **layer)

    logs = [of_keys(log, number, partitions) for number in range(partitions)]
    check(window, flow, logs, last(log), options)
