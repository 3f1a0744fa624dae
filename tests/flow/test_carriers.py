"""Layers of kernels alone: many replicas in few stages, which shows in nothing but the plan."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow, GlobalWindow
from flowlike.flow.carriers import carriers as carriers_of
from flowlike.flow.options import LayerOptions
from flowlike.flow.planner import cpus, make_plan
from flowlike.flow.routing import Shuffle
from flowlike.native import logistic_map
from flowlike.operators import Retry
from flowlike.stages import AutoDemand

KERNEL = logistic_map.bind(num=3, p=6_700_417, mu=22)
NUMBERS = np.arange(1, 200_001)
MANY = 40 * cpus()
CHUNKS = GlobalWindow().trigger_every(64, "reset")


def mapped(**options):
    return Flow.from_iterable(NUMBERS, stages=MANY, **options).map_batch(KERNEL)


def chunked(**options):
    flow = Flow.from_iterable(NUMBERS).partition(stages=MANY, window=CHUNKS, **options)
    return flow.collect_batch().map_state(KERNEL)


def carriers(flow):
    return make_plan(flow).layers[-1].carriers


def for_threads(threads, stages):
    layer = make_plan(mapped()).layers[-1].layer
    return carriers_of(layer, LayerOptions(), stages, [Shuffle()], threads=threads, is_last=True)


@here_only("builds")
@pytest.mark.parametrize("flow", [mapped(), mapped(ordered=True), chunked()])
def test_few_stages_carry_what_only_calls_kernels(flow):
    plan = make_plan(flow)
    assert [layer.carriers for layer in plan.layers] == [2 * cpus()]


@here_only("builds")
@pytest.mark.skipif(cpus() == 1, reason="there a single replica is as many as threads")
@pytest.mark.parametrize("stages", [None, cpus(), 2 * cpus()])
def test_there_are_enough_without_a_state_to_keep_the_threads_busy(stages):
    assert carriers(Flow.from_iterable(NUMBERS, stages=stages).map_batch(KERNEL)) == 2 * cpus()


@here_only("builds")
def test_fewer_replicas_than_threads_call_no_more_kernels_at_once():
    assert [for_threads(8, stages) for stages in (1, 7, 8)] == [1, 7, 16]


@here_only("builds")
def test_a_single_replica_keeps_the_order_also_where_there_is_one_cpu():
    assert [for_threads(1, stages) for stages in (1, 2)] == [1, 2]


@here_only("builds")
def test_the_plan_says_so():
    assert f"{MANY} replicas in {2 * cpus()} stages" in chunked().explain()
    assert "replicas in" not in Flow.from_iterable(NUMBERS, stages=2).map(abs).explain()


@here_only("builds")
@pytest.mark.parametrize(
    "flow",
    [
        mapped().map(abs),
        mapped(max_demand=100),
        mapped(buffer_size=100),
        mapped(on_init=print),
        Flow.from_iterable(NUMBERS, stages=MANY).map_batch(KERNEL, executor="threads"),
        Flow.from_iterable(NUMBERS, stages=MANY).map_batch(KERNEL, on_error=Retry(2)),
        chunked(max_demand=100),
        chunked(hash=lambda n: n % MANY),
        chunked().each_state(print),
    ],
)
def test_every_replica_is_a_stage_where_it_could_show(flow):
    assert carriers(flow) == MANY


@here_only("builds")
def test_who_reads_a_window_by_the_replicas_before_gets_all_of_them():
    flow = chunked().partition(stages=2).collect_batch()
    assert [layer.carriers for layer in make_plan(flow).layers] == [MANY, 2]


@pytest.mark.parametrize("flow", [mapped(), chunked(), chunked().emit("state")])
def test_nothing_is_lost_or_twice(flow):
    found = flow.to_list()
    if isinstance(found[0], np.ndarray):
        assert sum(len(chunk) != 64 for chunk in found) <= MANY  # one for each partition, its last
        found = np.concatenate(found)
    assert np.array_equal(np.sort(found), np.sort(KERNEL(NUMBERS)))


def test_the_order_of_a_source_is_kept():
    flow = Flow.from_iterable(NUMBERS, stages=MANY, ordered=True).map_batch(KERNEL)
    assert np.array_equal(flow.to_array(), KERNEL(NUMBERS))


def test_windows_belong_to_the_partitions_and_not_to_the_stages():
    rows = np.stack([NUMBERS % 7, NUMBERS], axis=1)
    copy = logistic_map.bind(num=0, p=1, mu=0)
    window = GlobalWindow().trigger_every(10, "reset")
    flow = Flow.from_iterable(rows[:, 0]).partition(stages=MANY, window=window).collect_batch()
    states = flow.map_state(copy).emit("state").to_list()
    for n in range(7):
        alike = [state for state in states if n in state.tolist()]
        assert sum(int((state == n).sum()) for state in alike) == int((rows[:, 0] == n).sum())
    apart = Flow.from_iterable(rows[:, 0]).partition(stages=MANY, window=window).collect_batch()
    expected = apart.map_state(lambda state: state).emit("state").to_list()
    assert sorted(map(tuple, states)) == sorted(map(tuple, expected))


def test_the_report_counts_all():
    report = chunked().run()
    assert report.events_in == len(NUMBERS)
    layer = [stage for stage in report.stages if stage.name.startswith("layer")]
    assert sum(stage.events_in for stage in layer) == len(NUMBERS)


@here_only("memory")
def test_a_kernel_that_fails_says_in_which_partition():
    failing = logistic_map.bind(num=3, p=0, mu=22)
    flow = Flow.from_iterable(NUMBERS).partition(stages=MANY, window=CHUNKS).collect_batch()
    with pytest.raises(ZeroDivisionError) as caught:
        flow.map_state(failing).to_list()
    assert any(f"of {MANY}" in note for note in caught.value.__notes__)


def test_leaving_in_the_middle_ends_all():
    async def main():
        async for _ in chunked().emit("state"):
            break

    asyncio.run(main())


@here_only("builds")
def test_their_batches_may_take_as_long_as_those_of_all_they_carry():
    layer = make_plan(chunked()).layers[-1]
    assert layer.max_demand.target == pytest.approx(AutoDemand.TARGET * (MANY // layer.carriers))
