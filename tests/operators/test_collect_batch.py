"""collect_batch: arrays stay arrays, windows are views, kernels are called once a push."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.native import logistic_map
from flowlike.operators import (
    CollectBatch,
    EachState,
    Emit,
    GlobalWindow,
    Layer,
    Map,
    MapState,
    compile_program,
    run_inline,
)
from flowlike.operators.coalescing import cut

KERNEL = logistic_map.bind(num=3, p=97, mu=5)
EVERY_4 = GlobalWindow().trigger_every(4, "reset")


def kernel_over(windows):
    return [KERNEL(np.asarray(window, np.int64)).tolist() for window in windows]


def test_arrays_stay_arrays(layer, batches):
    (left,) = batches(layer(CollectBatch()), [np.arange(3), np.arange(3, 5)])
    assert isinstance(left, np.ndarray)
    assert left.tolist() == [0, 1, 2, 3, 4]


def test_lists_and_mixtures_become_lists(layer, batches):
    assert batches(layer(CollectBatch()), [[1], range(2)]) == [[1, 0, 1]]
    assert batches(layer(CollectBatch()), [np.arange(2), np.array([0.5])]) == [[0, 1, 0.5]]
    assert batches(layer(CollectBatch()), [range(3)]) == [[0, 1, 2]]


def test_a_window_inside_a_batch_is_a_view(layer, events):
    array = np.arange(10)
    first, second, _ = events(layer(CollectBatch(), Emit("state"), window=EVERY_4), [array])
    assert np.shares_memory(first, array)
    assert np.shares_memory(second, array)
    assert (first.tolist(), second.tolist()) == ([0, 1, 2, 3], [4, 5, 6, 7])


def test_neighbouring_parts_of_one_batch_are_one_view_again(layer, events):
    array = np.arange(6)
    window = GlobalWindow().trigger_every(2, "keep")
    states = events(layer(CollectBatch(), Emit("state"), window=window), [array])
    assert [len(state) for state in states] == [2, 4, 6, 6]
    assert all(np.shares_memory(state, array) for state in states)


def test_what_was_emitted_does_not_change_later(layer, events):
    window = GlobalWindow().trigger_every(1, "keep")
    for kind in (list, np.array):
        states = events(
            layer(CollectBatch(), Emit("state"), window=window), [kind([1, 2]), kind([3])]
        )
        assert [list(state) for state in states] == [[1], [1, 2], [1, 2, 3], [1, 2, 3]]


def test_strided_arrays_are_made_contiguous_however_they_are_cut(layer, events):
    strided = np.arange(20)[::2]
    states = events(
        layer(CollectBatch(), Emit("state"), window=EVERY_4), [strided[:3], strided[3:]]
    )
    assert [state.tolist() for state in states] == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]
    assert all(state.flags.c_contiguous for state in states)


def test_rows(layer, events):
    rows = np.arange(12).reshape(6, 2)
    first, last = events(layer(CollectBatch(), Emit("state"), window=EVERY_4), [rows])
    assert first.shape == (4, 2)
    assert last.shape == (2, 2)
    last = events(layer(CollectBatch(), Emit("state"), window=EVERY_4), [rows[:4]])[-1]
    assert last.shape == (0, 2)


def test_an_empty_window(layer, events):
    collect = layer(CollectBatch(), Emit("state"), window=EVERY_4)
    assert events(collect, []) == [[]]
    assert events(collect, [[1, 2, 3, 4]]) == [[1, 2, 3, 4], []]
    _, empty = events(collect, [np.arange(4, dtype=np.int16)])
    assert empty.dtype == np.int16
    assert len(empty) == 0


def test_an_empty_window_before_a_kernel_is_an_array_of_its_kind(layer, events):
    seen = []
    described = layer(
        CollectBatch(), EachState(seen.append), MapState(KERNEL), Emit("state"), window=EVERY_4
    )
    (state,) = events(described, [])
    assert seen[0].dtype == KERNEL.input
    assert len(state) == 0
    assert events(described, [[1, 2, 3, 4]])[0].tolist() == KERNEL([1, 2, 3, 4]).tolist()


def test_empty_windows_emit_no_batch(layer, batches):
    assert batches(layer(CollectBatch(), window=EVERY_4), []) == []


def test_one_call_for_all_windows_of_a_push(layer, batches):
    calls = []
    described = layer(CollectBatch(), MapState(KERNEL), Emit("state"), window=EVERY_4)
    array = np.arange(18)
    (states, last) = batches(described, [array], calls=calls)
    windows = [array[0:4], array[4:8], array[8:12], array[12:16]]
    assert [state.tolist() for state in states] == kernel_over(windows)
    assert [state.tolist() for state in last] == kernel_over([array[16:]])
    assert [call.executor for call in calls] == ["native", "native"]
    assert [call.events for call in calls] == [16, 2]
    (piece,) = calls[0].arguments[0]
    assert np.shares_memory(piece, array)
    assert len(piece) == 16


def test_one_call_over_the_pieces_of_several_batches(layer, batches):
    calls = []
    described = layer(CollectBatch(), MapState(KERNEL), Emit("events"), window=EVERY_4)
    array = np.arange(12)
    left = batches(described, [array[:3], array[3:9], array[9:]], calls=calls)
    assert np.concatenate(left).tolist() == KERNEL(array).tolist()
    assert [list(map(len, call.arguments[0])) for call in calls[:2]] == [[3, 5], [1, 3]]


def test_long_pieces_are_written_at_their_place(layer, events):
    array = np.arange(10_000)
    window = GlobalWindow().trigger_every(4_000, "reset")
    described = layer(CollectBatch(), MapState(KERNEL), Emit("state"), window=window)
    states = events(described, [array[:3_000], array[3_000:]])
    assert [len(state) for state in states] == [4_000, 4_000, 2_000]
    assert np.concatenate(states).tolist() == KERNEL(array).tolist()


def test_the_rest_of_the_functions_runs_for_each_window_in_order(layer, events):
    seen = []
    described = layer(
        CollectBatch(),
        MapState(KERNEL),
        MapState(lambda state, ctx: (state.tolist(), ctx.trigger)),
        EachState(seen.append),
        Emit("state"),
        window=EVERY_4,
    )
    left = events(described, [np.arange(9)])
    every = ("every", 4)
    first, second, last = kernel_over([range(4), range(4, 8), range(8, 9)])
    assert left == [(first, every), (second, every), (last, "done")]
    assert seen == left


@pytest.mark.parametrize(
    ("operators", "emits"),
    [([Emit("nothing")], True), ([Emit("state")], False), ([], False)],
)
def test_nothing_leaves_but_the_kernel_is_called(layer, batches, operators, emits):
    calls = []
    described = layer(CollectBatch(), MapState(KERNEL), *operators, window=EVERY_4)
    assert batches(described, [np.arange(8)], calls=calls, emits=emits) == []
    assert len(calls) == 2


def test_windows_of_lists_are_called_one_by_one(layer, events):
    calls = []
    described = layer(CollectBatch(), MapState(KERNEL), Emit("state"), window=EVERY_4)
    states = events(described, [list(range(8))], calls=calls)
    assert [state.tolist() for state in states] == kernel_over([range(4), range(4, 8), []])
    assert len(calls) == 3


def test_a_result_is_cut_into_views_of_any_sizes():
    result = np.arange(7)
    views = cut(result, [2, 0, 4, 1])
    assert [view.tolist() for view in views] == [[0, 1], [], [2, 3, 4, 5], [6]]
    assert all(np.shares_memory(view, result) for view in views if len(view))


def test_arrays_that_do_not_fit_together_leave_apart(layer, batches):
    window = GlobalWindow().trigger_every(2, "reset")
    left = batches(
        layer(CollectBatch(), window=window), [np.arange(4), np.array([0.5, 1.5]), [1, 2, 3]]
    )
    assert [getattr(batch, "dtype", list) for batch in left] == [np.int64, np.float64, list, list]
    described = layer(
        CollectBatch(),
        MapState(lambda batch: batch / 2 if batch[0] else batch),
        window=window,
    )
    first, second, _ = batches(described, [np.arange(4), [np.int64(0)]])
    assert (first.tolist(), second.tolist()) == ([0, 1], [1.0, 1.5])


def test_kept_windows_are_called_one_by_one(layer, events):
    calls = []
    window = GlobalWindow().trigger_every(4, "keep")
    described = layer(CollectBatch(), MapState(KERNEL), Emit("state"), window=window)
    states = events(described, [np.arange(8)], calls=calls)
    assert [len(state) for state in states] == [4, 8, 8]
    assert len(calls) == 3


def test_an_array_of_another_dtype_is_an_error_that_names_the_kernel(layer, events):
    described = layer(CollectBatch(), MapState(KERNEL), Emit("state"), window=EVERY_4)
    with pytest.raises(TypeError) as caught:
        events(described, [np.arange(8.0)])
    label = MapState(KERNEL).label
    assert caught.value.__notes__ == [f"in {label}, replica 0 of 1, a state of type ndarray"]


def test_a_kernel_that_fails_over_several_windows(layer, events):
    broken = logistic_map.bind(num=3, p=0, mu=5)
    described = layer(CollectBatch(), MapState(broken), Emit("state"), window=EVERY_4)
    with pytest.raises(ZeroDivisionError) as caught:
        events(described, [np.arange(9)])
    label = MapState(broken).label
    assert caught.value.__notes__ == [f"in {label}, replica 0 of 1, several windows with 8 events"]


@given(
    st.lists(st.integers(0, 40), max_size=8),
    st.integers(1, 20),
    st.sampled_from(["keep", "reset"]),
    st.sampled_from(["state", "events"]),
    st.sampled_from([np.asarray, np.ndarray.tolist, lambda part: part[::-1][::-1]]),
)
def test_however_the_input_is_cut(sizes, size, action, mode, kind):
    array = np.arange(sum(sizes)) * 7
    edges = np.cumsum([0, *sizes])
    inputs = [kind(array[start:stop]) for start, stop in pairwise(edges) if stop > start]
    layer = Layer(window=GlobalWindow().trigger_every(size, action))
    for operator in (CollectBatch(), MapState(KERNEL), Emit(mode)):
        layer = layer.then(operator)
    program = compile_program(layer, partition=0, partitions=1)
    left = []
    for batch in inputs:
        left += run_inline(program.push(batch))
    left += run_inline(program.finish())
    whole = len(array) // size
    if action == "reset":
        windows = [array[n * size : (n + 1) * size] for n in range(whole)] + [array[whole * size :]]
    else:
        windows = [array[: (n + 1) * size] for n in range(whole)] + [array]
    expected = kernel_over(windows)
    if mode == "state":
        assert [state.tolist() for batch in left for state in batch] == expected
    else:
        assert [n for batch in left for n in batch] == [n for state in expected for n in state]


def test_a_per_event_operator_before_it_gives_lists(layer, batches):
    assert batches(layer(Map(lambda n: n + 1), CollectBatch()), [np.arange(3)]) == [[1, 2, 3]]
