"""Arrays from one end to the other: kinds of arrays, and where results are written."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from contract import here_only

from flowlike import CountWindow, Flow
from flowlike.flow.planner import make_plan
from flowlike.native import logistic_map, scatter
from flowlike.stages import BroadcastDispatcher

KERNEL = logistic_map.bind(num=3, p=6_700_417, mu=22)
NUMBERS = np.arange(1, 300_001)
RIGHT = KERNEL(NUMBERS)


@pytest.mark.parametrize("max_demand", [1000, "auto"])
def test_one_replica_writes_in_the_order_of_the_source(max_demand):
    flow = Flow.from_iterable(NUMBERS, stages=1, max_demand=max_demand).map_batch(KERNEL)
    assert np.array_equal(flow.to_array(), RIGHT)
    assert np.array_equal(flow.to_array(), RIGHT)  # each run has a result of its own


@here_only("room")
@pytest.mark.parametrize("stages", [2, 7])
def test_several_replicas_write_into_one_result(stages):
    found = Flow.from_iterable(NUMBERS, stages=stages).map_batch(KERNEL).to_array()
    assert found.base is None  # nothing was copied, and no memory is there in vain
    assert np.array_equal(np.sort(found), np.sort(RIGHT))


@pytest.mark.parametrize("source", [NUMBERS[:1000].tolist(), range(1, 1001)])
def test_what_comes_from_python_integers(source):
    flow = Flow.from_iterable(source, stages=1).map_batch(KERNEL)
    assert np.array_equal(flow.to_array(), RIGHT[:1000])


def test_a_filter_before_leaves_room_that_is_not_kept():
    flow = Flow.from_iterable(NUMBERS, stages=1).filter(lambda n: n <= 10)
    few = flow.map_batch(np.array).map_batch(KERNEL).to_array()
    assert np.array_equal(few, RIGHT[:10])
    few = flow.map_batch(KERNEL).to_array()
    assert np.array_equal(few, RIGHT[:10])
    assert few.base is None or len(few.base) < 20


@here_only("builds")
def test_room_that_nobody_has_is_not_asked_for():
    flow = Flow.from_iterable(range(10**14), stages=1)
    assert make_plan(flow.filter(bool).map_batch(KERNEL)).room == 1 << 24
    assert make_plan(flow.map(abs).map_batch(KERNEL)).room == 10**14
    assert make_plan(flow.map(abs)).room == 10**14
    assert make_plan(flow.flat_map(range)).room == 1 << 24


def test_events_that_come_twice_find_no_room_and_are_there_all_the_same():
    numbers = Flow.from_iterable(NUMBERS[:5000]).filter(bool)
    twice = Flow.merge([numbers], dispatcher=BroadcastDispatcher(), stages=2).map_batch(KERNEL)
    assert np.array_equal(np.sort(twice.to_array()), np.sort(np.repeat(RIGHT[:5000], 2)))


def test_chunks_that_are_skipped_leave_no_gap():
    chunks = Flow.from_iterable([[1, 2], ["no number"], [3]], stages=1, max_demand=1)
    flow = chunks.flat_map(list).shuffle(stages=1, max_demand=1).map_batch(KERNEL, on_error="skip")
    assert np.array_equal(flow.to_array(), RIGHT[:3])
    failing = KERNEL.bind(p=0)
    none = Flow.from_iterable(NUMBERS[:9], stages=2).map_batch(failing, on_error="skip").to_array()
    assert (none.tolist(), none.dtype) == ([], np.int64)


def test_a_failing_kernel_gives_no_part_of_a_result():
    with pytest.raises(ZeroDivisionError, match="p must not be 0"):
        Flow.from_iterable(NUMBERS, stages=2).map_batch(KERNEL.bind(p=0)).to_array()


@pytest.mark.parametrize("stages", [1, 3])
def test_the_order_that_was_asked_for(stages):
    flow = Flow.from_iterable(NUMBERS, stages=stages, ordered=True).map_batch(KERNEL)
    assert np.array_equal(flow.to_array(), RIGHT)


@here_only("builds")
def test_kernels_alone_let_batches_grow_faster():
    numbers = Flow.from_iterable(NUMBERS, stages=2)

    def growth(flow):
        return make_plan(flow).layers[-1].max_demand.growth

    usual = growth(numbers.map(abs))
    windows = numbers.partition(window=CountWindow(10)).collect_batch()
    for flow in (numbers.map_batch(KERNEL), windows.map_state(KERNEL).emit("state")):
        assert growth(flow) > usual
    for flow in (numbers.map(abs).map_batch(KERNEL), windows, windows.map_state(len).emit("state")):
        assert growth(flow) == usual


def test_long_arrays_are_partitioned_in_a_thread_and_keep_their_order():
    keys = (NUMBERS % 1000).astype(np.int32)
    rows = np.rec.fromarrays([keys, NUMBERS], names="key, number")
    wanted = [part["number"].tolist() for part in scatter(rows, 3, keys)]

    def in_order(flow):
        return sorted(part.tolist() for part in flow.collect_batch().emit("state").to_list())

    long = Flow.from_iterable(rows, stages=1)
    for flow in (long, long.map_batch(np.copy)):
        with_numbers = flow.partition(stages=3, key="key").map_batch(lambda batch: batch["number"])
        assert in_order(with_numbers) == sorted(wanted)


def test_a_flow_that_is_left_while_its_source_is_partitioned_in_a_thread():
    numbers = Flow.from_iterable(np.arange(1 << 21), max_demand=1 << 20)
    for batch in numbers.partition(stages=2, max_demand=1 << 20).map_batch(KERNEL).batches():
        assert len(batch)
        break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("flowlike")]
