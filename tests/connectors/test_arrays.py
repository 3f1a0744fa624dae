"""Arrays stay arrays: views of the source, joined once at the end."""

from __future__ import annotations

import numpy as np
import pytest

from flowlike import Flow

RECORDS = np.array([(1, 2.5), (2, 3.5), (3, 4.5)], dtype=[("id", "i4"), ("price", "f8")])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(10),
        np.arange(10, dtype=np.uint8),
        np.linspace(0, 1, 10).astype(np.float32),
        np.arange(12).reshape(6, 2),
        np.arange(24).reshape(4, 3, 2),
        RECORDS,
        np.array(["a", "bc"]),
        np.arange(10)[::-2],
        np.arange(10).astype(">i8"),
    ],
)
@pytest.mark.parametrize("max_demand", ["auto", 1, 3])
def test_views_that_make_an_equal_array_again(array, max_demand):
    flow = Flow.from_iterable(array, max_demand=max_demand).map_batch(lambda batch: batch)
    batches = list(flow.batches())
    assert all(np.shares_memory(batch, array) for batch in batches)
    assert all(batch.dtype == array.dtype for batch in batches)
    result = flow.to_array()
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


def test_the_source_itself_sends_views():
    array = np.arange(100_000)
    batches = list(Flow.from_iterable(array).batches())
    assert len(batches) < 100
    assert all(np.shares_memory(batch, array) for batch in batches)


def test_events_of_arrays_are_python_scalars():
    kinds = Flow.from_iterable(np.arange(3)).map(type).to_list()
    assert kinds == [int, int, int]
    assert [type(event) for event in Flow.from_iterable(np.array([0.5]))] == [float]
    assert Flow.from_iterable(np.arange(4).reshape(2, 2)).to_list() == [[0, 1], [2, 3]]
    assert Flow.from_iterable(RECORDS).map(lambda record: record[1]).to_list() == [2.5, 3.5, 4.5]


def test_the_result_of_arrays_is_no_detour_through_objects():
    class Counted(np.ndarray):
        lists = 0

        def tolist(self):
            Counted.lists += 1
            return super().tolist()

    array = np.arange(1000, dtype=np.int16).view(Counted)
    flow = Flow.from_iterable(array).map_batch(lambda batch: batch * 2)
    result = flow.to_array()
    assert result.dtype == np.int16
    assert result.tolist() == list(range(0, 2000, 2))
    assert Counted.lists == 0


def test_arrays_through_partitions_stay_arrays():
    array = np.arange(1000, dtype=np.int32)
    result = Flow.from_iterable(array).partition(stages=4).collect_batch().to_array()
    assert result.dtype == np.int32
    assert np.sort(result).tolist() == list(range(1000))


@pytest.mark.parametrize("key", ["id", 0, lambda record: record[0]])
def test_records_are_partitioned_as_records(key):
    records = np.tile(RECORDS, 50)
    flow = Flow.from_iterable(records).partition(key=key, stages=3)
    states = flow.collect_batch().emit("state").to_list()
    assert len(states) == 3
    found = np.concatenate([state for state in states if len(state)])
    assert found.dtype == RECORDS.dtype
    assert np.bincount(found["id"]).tolist() == [0, 50, 50, 50]
    homes = [set(state["id"].tolist()) if len(state) else set() for state in states]
    assert sum(map(len, homes)) == 3


def test_a_list_becomes_an_array_at_the_end():
    result = Flow.from_iterable([1, 2, 3]).map(lambda n: n / 2).to_array()
    assert result.dtype == np.float64
    assert result.tolist() == [0.5, 1.0, 1.5]


def test_mixed_batches_make_one_array_in_order():
    def mixed(batch):
        return batch if batch[0] % 2 else batch.tolist()

    flow = Flow.from_iterable(np.arange(10), max_demand=1).map_batch(mixed)
    assert flow.to_array().tolist() == list(range(10))


def test_dtypes_that_differ_are_promoted():
    def typed(batch):
        return batch.astype(np.float32 if batch[0] % 2 else np.int16)

    flow = Flow.from_iterable(np.arange(4), max_demand=1).map_batch(typed)
    result = flow.to_array()
    assert result.dtype == np.float32
    assert result.tolist() == [0, 1, 2, 3]


def test_rows_of_different_width_make_no_array():
    flow = Flow.from_iterable([1, 2], max_demand=1).map_batch(lambda b: np.zeros((1, b[0])))
    assert flow.to_list() == [[0.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match="dimension"):
        flow.to_array()


@pytest.mark.parametrize("source", [[], range(0), iter(()), np.empty(0)])
def test_no_events_make_an_empty_array(source):
    assert Flow.from_iterable(source).to_array().shape == (0,)


def test_a_generator_is_an_array_in_the_end():
    result = Flow.from_iterable(n for n in range(100)).to_array()
    assert result.tolist() == list(range(100))


def test_a_filter_over_an_array_keeps_what_it_is_given():
    flow = Flow.from_iterable(np.arange(10)).map_batch(lambda batch: batch[batch > 6])
    assert flow.to_array().tolist() == [7, 8, 9]
