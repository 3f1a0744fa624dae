"""Every kind of array, from end to end: what stays an array, and what its events are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from contract import PROCESSES, here_only

from flowlike import CountWindow, FixedWindow, Flow, GlobalWindow
from flowlike.stages import BroadcastDispatcher

SIZE = 3000
NUMBERS = np.arange(SIZE)


def rows():
    found = np.empty(SIZE, [("key", np.int32), ("value", np.float64)])
    found["key"], found["value"] = NUMBERS % 7, NUMBERS / 2
    return found


KINDS = {
    "float64": (NUMBERS % 50 / 2, None),
    "float32": ((NUMBERS % 50).astype(np.float32), None),
    "int32": ((NUMBERS % 50).astype(np.int32), None),
    "uint8": ((NUMBERS % 50).astype(np.uint8), None),
    "bool": (NUMBERS % 3 == 0, None),
    "bytes": (np.array([b"%d" % (n % 50) for n in NUMBERS]), None),
    "text": (np.array([str(n % 50) for n in NUMBERS]), None),
    "structured": (rows(), "key"),
    "rows": (np.stack([NUMBERS % 7, NUMBERS], axis=1), 0),
    "cubes": (np.arange(4 * SIZE).reshape(SIZE, 2, 2), lambda row: row[0][0] % 7),
    "arrow numbers": (pa.array(NUMBERS % 50), None),
    "arrow floats": (pa.array((NUMBERS % 50 / 2).astype(np.float32)), None),
    "arrow texts": (pa.array([str(n % 50) for n in NUMBERS]), None),
    "arrow with nulls": (
        pa.array([None if n % 5 == 0 else n % 50 for n in NUMBERS.tolist()]),
        None,
    ),
    "arrow dictionary": (pa.array([str(n % 9) for n in NUMBERS]).dictionary_encode(), None),
    "record batch": (
        pa.RecordBatch.from_pydict({"key": NUMBERS % 7, "value": [str(n) for n in NUMBERS]}),
        "key",
    ),
    "record batch, texts": (
        pa.RecordBatch.from_pydict({"value": NUMBERS, "key": [str(n % 9) for n in NUMBERS]}),
        "key",
    ),
    "record batch, function": (
        pa.RecordBatch.from_pydict({"value": NUMBERS}),
        lambda row: row["value"] % 7,
    ),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def events(batch):
    """The events as Python objects that can be compared and counted."""
    found = batch.to_pylist() if hasattr(batch, "to_pylist") else batch.tolist()
    return [shown(event) for event in found]


def shown(event):
    return repr(event)


def key_of(key, event):
    if key is None:
        return event
    if callable(key):
        return key(event)
    return event[0] if isinstance(event, tuple) and key == "key" else event[key]


def is_like(batch, source):
    """Whether a batch is of the same kind as the source."""
    if isinstance(source, np.ndarray):
        return (
            type(batch) is np.ndarray
            and batch.dtype == source.dtype
            and batch.shape[1:] == source.shape[1:]
        )
    if isinstance(source, pa.RecordBatch):
        return isinstance(batch, pa.RecordBatch) and batch.schema.equals(source.schema)
    return isinstance(batch, pa.Array) and batch.type.equals(source.type)


def alike(source):
    """A function that hands batches on, if they are of the same kind as the source."""
    few = source[:1]

    def hand_on(batch):
        assert is_like(batch, few)
        return batch

    return hand_on


@here_only("identity")
@pytest.mark.parametrize("max_demand", [100, "auto"])
def test_slices_are_views_of_the_source(kind, max_demand):
    source, _ = kind
    found = list(Flow.from_iterable(source, stages=1, max_demand=max_demand).batches())
    assert all(is_like(batch, source) for batch in found)
    assert [event for batch in found for event in events(batch)] == events(source)
    if isinstance(source, np.ndarray):
        assert all(np.shares_memory(batch, source) for batch in found)
    elif isinstance(source, pa.Array):
        (buffer,) = {batch.buffers()[-1].address for batch in found}
        assert buffer == source.buffers()[-1].address


def test_the_events_are_python_objects(kind):
    source, _ = kind
    flow = Flow.from_iterable(source, stages=1)
    assert [shown(event) for event in flow.to_list()] == events(source)
    assert [shown(event) for event in flow] == events(source)
    assert flow.map(shown).to_list() == events(source)
    assert flow.filter(lambda event: shown(event) in few).map(shown).to_list() == [
        event for event in events(source) if event in few
    ]


few = {"1", "2.0", "'3'", "b'4'", "True", "(1, 0.5)", "[1, 1]", "{'value': 5}"}


@pytest.mark.parametrize("executor", [None, "threads"])
def test_through_map_batch(kind, executor):
    source, _ = kind
    flow = Flow.from_iterable(source, stages=1).map_batch(alike(source), executor=executor)
    assert [shown(event) for event in flow.to_list()] == events(source)
    assert all(is_like(batch, source) for batch in flow.batches())


@pytest.mark.parametrize("stages", [1, 3, 300])
def test_partitions_stay_what_they_are(kind, stages, place):
    source, key = kind
    if isinstance(source, np.ndarray) and source.dtype == bool and stages == 300:
        stages = 2
    if stages == 300 and place == PROCESSES:
        stages = 20  # each is a stage with a subscription of each worker
    flow = Flow.from_iterable(source).partition(stages=stages, key=key).map_batch(alike(source))
    assert Counter(map(shown, flow.to_list())) == Counter(events(source))


def test_equal_keys_meet_whatever_carries_them(kind):
    source, key = kind
    plain = source.to_pylist() if hasattr(source, "to_pylist") else source.tolist()

    def parts(flow, key):
        flow = flow.partition(stages=5, key=key).reduce(list, lambda seen, e: [*seen, e])
        return sorted([shown(event) for event in state] for state in flow.emit("state").to_list())

    # The fields of a structured array's events are numbered.
    plain_key = 0 if isinstance(plain[0], tuple) else key
    found = parts(Flow.from_iterable(source[:200]), key)
    assert found == parts(Flow.from_iterable(plain[:200]), plain_key)


def test_a_hash_of_ones_own_keeps_them_too(kind):
    source, _ = kind

    def place(event):
        return None if shown(event) in few else len(shown(event)) % 3

    flow = Flow.from_iterable(source).partition(stages=3, hash=place).map_batch(alike(source))
    found = Counter(map(shown, flow.to_list()))
    assert found == Counter(event for event in events(source) if event not in few)


def test_windows_are_cut_by_slicing(kind):
    source, _ = kind
    flow = Flow.from_iterable(source, stages=1, max_demand=128, window=CountWindow(500))
    found = flow.collect_batch().emit("state").to_list()
    assert [len(state) for state in found] == [500] * 6
    assert [event for state in found for event in events(state)] == events(source)
    assert all(is_like(state, source) for state in found)


def test_windows_with_triggers(kind):
    source, _ = kind
    flow = Flow.from_iterable(
        source, stages=1, window=GlobalWindow().trigger_every(700, "reset")
    ).collect_batch()
    found = flow.emit("state").to_list()
    assert [len(state) for state in found] == [700] * 4 + [200]
    assert [event for state in found for event in events(state)] == events(source)
    assert [shown(event) for event in flow.to_list()] == events(source)


def test_an_empty_window_is_an_empty_batch(kind):
    source, _ = kind
    flow = Flow.from_iterable(source[:600], stages=1)
    flow = flow.partition(stages=1, window=GlobalWindow().trigger_every(300, "reset"))
    found = flow.collect_batch().emit("state").to_list()
    assert [len(state) for state in found] == [300, 300, 0]
    assert is_like(found[-1], source)


def test_windows_of_event_time(kind):
    source, _ = kind
    times = iter(range(SIZE))
    flow = Flow.from_iterable(source, stages=1, window=FixedWindow(1000, lambda _: next(times)))
    found = flow.collect_batch().emit("state").to_list()
    assert [len(state) for state in found] == [1000] * 3
    assert [event for state in found for event in events(state)] == events(source)


def test_unique(kind):
    source, key = kind
    if key is None or callable(key):

        def key(event, inner=key):
            return shown(event if inner is None else inner(event))

    flow = Flow.from_iterable(source, stages=1).unique(key)
    plain = source.to_pylist() if hasattr(source, "to_pylist") else source.tolist()
    first = {}
    for event in plain:
        first.setdefault(key_of(key, event), event)
    assert [shown(event) for event in flow.to_list()] == [shown(e) for e in first.values()]
    assert all(is_like(batch, source) for batch in flow.batches())


def test_selectors(kind):
    source, _ = kind
    flow = Flow.from_iterable(source)
    flow = Flow.merge([flow], dispatcher=BroadcastDispatcher(), stages=1)
    assert len(flow.map_batch(alike(source)).to_list()) == SIZE


@pytest.mark.parametrize("max_demand", [64, "auto"])
def test_reduce_batch_sees_batches_cut_at_the_borders(kind, max_demand):
    source, _ = kind
    alone = source[:1]

    def add(seen, batch):
        assert len(batch) == 1 or is_like(batch, alone)
        return [*seen, *events(batch)]

    flow = Flow.from_iterable(source, stages=1, max_demand=max_demand, window=CountWindow(1000))
    states = flow.reduce_batch(list, add).emit("state").to_list()
    assert [len(state) for state in states] == [1000] * 3
    assert [event for state in states for event in state] == events(source)


def test_to_array(kind):
    source, _ = kind
    found = Flow.from_iterable(source, stages=1).map_batch(lambda batch: batch).to_array()
    plain = source if isinstance(source, np.ndarray) else source.to_pylist()
    if isinstance(source, np.ndarray):
        assert found.dtype == source.dtype
    assert [shown(event) for event in found.tolist()] == [
        shown(event) for event in (plain.tolist() if isinstance(plain, np.ndarray) else plain)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int64, bool])
def test_arrow_numbers_become_an_array_of_their_own_type(dtype):
    source = pa.array(np.arange(1000).astype(dtype))
    found = Flow.from_iterable(source, stages=1).map_batch(lambda batch: batch).to_array()
    assert found.dtype == dtype
    assert found.tolist() == source.to_pylist()


def test_a_column_that_is_not_there():
    batch = pa.RecordBatch.from_pydict({"value": [1, 2]})
    with pytest.raises(KeyError, match="key"):
        Flow.from_iterable(batch).partition(stages=2, key="key").count_by("value").to_list()


def test_a_key_column_that_cannot_be_hashed_names_the_row():
    batch = pa.RecordBatch.from_pydict({"key": [[1], [2]], "value": [3, 4]})
    with pytest.raises(TypeError, match="not hashable") as failed:
        Flow.from_iterable(batch).partition(stages=2, key="key").count_by("value").to_list()
    assert any("'value': 3" in note for note in failed.value.__notes__)


def test_arrays_with_dictionaries_of_their_own_become_a_list():
    words = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()]
    flow = Flow.from_iterable(range(2), stages=1, max_demand=1)
    flow = flow.map_batch(lambda batch: words[batch[0]]).collect_batch()
    assert flow.emit("state").to_list() == [["a", "b", "c"]]


def test_batches_without_columns_and_of_other_schemas_are_not_mixed():
    schemas = [
        pa.RecordBatch.from_pydict({"a": [1, 2]}),
        pa.RecordBatch.from_pydict({"a": ["1"]}),
        pa.RecordBatch.from_pydict({"b": [3]}),
    ]
    flow = Flow.from_iterable(range(3), stages=1, max_demand=1)
    flow = flow.map_batch(lambda batch: schemas[batch[0]]).shuffle(stages=1)
    expected = [{"a": 1}, {"a": 2}, {"a": "1"}, {"b": 3}]
    assert flow.map_batch(lambda batch: batch).to_list() == expected
    assert flow.collect_batch().emit("state").to_list() == [expected]
