"""Lists, reports and plans: what a run gives back."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from operator import itemgetter
from types import SimpleNamespace

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow, GlobalWindow, RunReport
from flowlike.native import logistic_map


def test_a_flow_of_nothing_but_a_source():
    assert Flow.from_iterable([3, 1, 2], stages=1).to_list() == [3, 1, 2]


def test_operators_in_order():
    flow = (
        Flow.from_iterable(range(10), stages=1)
        .map(lambda n: n + 1)
        .filter(lambda n: n % 2)
        .reject(lambda n: n == 5)
        .flat_map(lambda n: [n, -n])
        .map(lambda n: ("key", n))
        .map_values(abs)
    )
    assert flow.to_list() == [("key", n) for n in (1, 1, 3, 3, 7, 7, 9, 9)]


def test_a_flow_is_run_again_and_branched():
    base = Flow.from_iterable(range(4), stages=1).map(lambda n: n * 10)
    even, words = base.filter(lambda n: n % 20 == 0), base.map(str)
    assert base.to_list() == [0, 10, 20, 30]
    assert even.to_list() == [0, 20]
    assert words.to_list() == ["0", "10", "20", "30"]
    assert base.to_list() == [0, 10, 20, 30]
    assert base.partition(stages=2).count_by().to_list() != even.to_list()


def test_state_is_new_in_every_run():
    counts = Flow.from_iterable("abca").partition(stages=2).count_by()
    for _ in range(3):
        assert sorted(counts.to_list()) == [("a", 2), ("b", 1), ("c", 1)]


def test_flows_run_at_the_same_time():
    flow = Flow.from_iterable(range(100)).partition(stages=3).map(lambda n: n + 1)

    async def main():
        reports = await asyncio.gather(*(flow.arun() for _ in range(5)))
        assert [report.events_out for report in reports] == [100] * 5

    asyncio.run(main())


@pytest.mark.parametrize("max_demand", ["auto", 1, 10, 100_000])
def test_many_events_over_many_stages(max_demand):
    flow = Flow.from_iterable(range(10_000), stages=8, max_demand=max_demand)
    flow = flow.map(lambda n: n + 1).partition(stages=8, max_demand=max_demand).map(lambda n: -n)
    assert sorted(flow.to_list()) == list(range(-10_000, 0))


def test_one_stage_keeps_the_order():
    events = list(range(5000))
    flow = Flow.from_iterable(iter(events), stages=1).map(lambda n: n).shuffle(stages=1)
    assert flow.map(lambda n: n).to_list() == events


@here_only("order")
def test_a_plain_map_keeps_the_order_by_itself():
    assert Flow.from_iterable(range(5000)).map(lambda n: n).to_list() == list(range(5000))


def test_a_partition_keeps_the_order_of_its_events():
    flow = Flow.from_iterable([(n % 7, n) for n in range(2000)], stages=1)
    states = flow.partition(key=0, stages=3).group_by_key().to_list()
    assert dict(states) == {key: list(range(key, 2000, 7)) for key in range(7)}


def test_keys_by_function_index_and_name():
    mapping = [{"name": "a"}, {"name": "b"}, {"name": "a"}]
    objects = [SimpleNamespace(name="a"), SimpleNamespace(name="b"), SimpleNamespace(name="a")]
    pairs = [("a", 1), ("b", 2), ("a", 3)]
    for events, key in [(mapping, "name"), (objects, "name"), (pairs, 0), (pairs, itemgetter(0))]:
        flow = Flow.from_iterable(events).partition(key=key, stages=4).count_by(key)
        assert sorted(flow.to_list()) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("events", [[1, 1.0, True, 2], np.array([1.0, 1.0, 1.0, 2.0])])
def test_keys_equal_in_python_meet(events):
    for stages in (2, 3, 8):
        flow = Flow.from_iterable(events).partition(stages=stages).collect_batch().emit("state")
        assert sorted(len(state) for state in flow.to_list())[-2:] in ([1, 3], [0, 4])


def test_a_hash_of_ones_own():
    flow = Flow.from_iterable(range(10)).partition(hash=lambda n: n % 3 or None, stages=3)
    states = flow.collect_batch().emit("state").to_list()
    assert sorted(states) == [[], [1, 4, 7], [2, 5, 8]]


@pytest.mark.parametrize("where", [3, -1, 10**30])
def test_a_hash_out_of_range(where):
    flow = Flow.from_iterable([1]).partition(hash=lambda n: where, stages=3)
    with pytest.raises(ValueError, match="partition"):
        flow.run()


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_on_init_once_a_replica_at_every_run(stages, notes):
    calls = notes()

    def on_init(partition, partitions):
        calls.append((partition, partitions))

    flow = Flow.from_iterable([1], stages=stages, on_init=on_init).map(str)
    for _ in range(2):
        calls.clear()
        flow.run()
        assert sorted(calls) == [(replica, stages) for replica in range(stages)]


def test_the_report():
    flow = Flow.from_iterables([range(30), [1, 2]], stages=2).filter(lambda n: n > 1)
    report = flow.partition(stages=3).map(str).run(timeout=50)
    assert isinstance(report, RunReport)
    assert (report.events_in, report.events_out) == (32, 29)
    assert (report.late, report.discarded) == (0, 0)
    assert 0 < report.wall_time < 50
    assert Counter(stage.name for stage in report.stages) == {
        "source 1: range of 30": 1,
        "source 2: list of 2": 1,
        "layer 1: filter(<lambda>)": 2,
        "layer 2: map(str)": 3,
    }
    sources, first, second = report.stages[:2], report.stages[2:4], report.stages[4:]
    assert [(stage.events_in, stage.events_out) for stage in sources] == [(30, 30), (2, 2)]
    assert sum(stage.events_in for stage in first) == 32
    assert sum(stage.events_out for stage in first) == 29
    assert sum(stage.events_in for stage in second) == 29
    assert [stage.replica for stage in second] == [0, 1, 2]
    assert all(stage.busy >= 0 and stage.waiting >= 0 for stage in report.stages)


def test_a_run_hands_on_nothing_but_calls_everything(notes):
    seen = notes()
    window = GlobalWindow().trigger_every(2)

    def record(state):
        seen.append(list(state))
        return 0  # nothing that could be iterated

    flow = Flow.from_iterable([1, 2, 3], window=window, stages=1).reduce(
        list, lambda acc, n: [*acc, n]
    )
    flow.map_state(record).run()
    assert list(seen) == [[1, 2], [1, 2, 3]]
    with pytest.raises(TypeError, match=r'emit\("state"\)'):
        flow.map_state(record).to_list()


def test_what_a_full_buffer_drops_is_counted_and_logged(caplog, notes):
    flow = Flow.from_iterable(range(3), max_demand=1, stages=1, buffer_size=10, buffer_keep="first")
    flow = flow.flat_map(lambda n: range(100 * n, 100 * n + 100)).shuffle(stages=1, max_demand=5)
    seen = notes()
    report = flow.each(seen.append).run()
    assert report.discarded == 300 - len(seen) > 0
    assert report.peak_buffer == 10
    assert seen[:15] == list(range(15))
    assert all("layer 1: flat_map(<lambda>)" in record.message for record in caplog.records)
    assert sum(stage.discarded for stage in report.stages) == report.discarded


def test_what_nobody_asked_for_is_kept_without_a_buffer_size():
    flow = Flow.from_iterable(range(3), max_demand=1, stages=1).flat_map(lambda n: range(50_000))
    report = flow.shuffle(stages=2, max_demand=5).map(abs).run()
    assert (report.discarded, report.events_out) == (0, 150_000)


@here_only("builds")
def test_the_plan_as_text():
    flow = Flow.from_iterable(range(8), stages=2, max_demand=10).map(str).filter(len)
    text = flow.partition(key=0, stages=3).count_by().explain()
    assert text == flow.partition(key=0, stages=3).count_by().explain()
    for words in (
        "source 1: range of 8",
        "2 stages",
        "10 of each producer, again at 5",
        "map(str) -> filter(len)",
        "partition(key=0)",
        "3 stages",
        "count_by()",
    ):
        assert words in text


@here_only("builds")
def test_executors_in_the_plan():
    flow = Flow.from_iterable(range(8)).map(str).map(int, executor="threads")
    assert "threads" in flow.explain()
    assert "loop" in flow.explain()


@here_only("builds")
def test_a_flow_in_words():
    flow = Flow.from_iterable([1]).map(str).partition(stages=2).count_by()
    assert repr(flow) == "Flow(list of 1).map(str).partition().count_by()"


def test_a_described_flow_leaves_nothing_when_it_is_dropped():
    Flow.from_iterable([1]).map(str).start()
    Flow.from_iterable([1]).batches()
    Flow.from_iterable([1]).abatches()
    iter(Flow.from_iterable([1]))
    gc.collect()


@pytest.mark.parametrize(
    ("flow", "dtype"),
    [
        (Flow.from_iterable(np.empty(0, np.int32)), np.int32),
        (Flow.from_iterable(np.empty(0, np.int64)).partition(stages=2), np.int64),
        (Flow.from_iterable([]).map_batch(logistic_map.bind(num=1, p=7, mu=2)), np.int64),
        (Flow.from_iterable([]), np.float64),
        (Flow.from_iterables([np.empty(0, np.int8), []]), np.float64),
    ],
)
def test_no_events_make_an_array_of_the_kind_that_they_would_have_had(flow, dtype):
    array = flow.to_array()
    assert (array.dtype, array.shape) == (dtype, (0,))
