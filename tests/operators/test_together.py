"""Several programs as one: each goes on as it would alone, and what is native goes together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.native import logistic_map
from flowlike.operators import (
    Calls,
    CollectBatch,
    Emit,
    FixedWindow,
    GlobalWindow,
    Layer,
    Map,
    MapBatch,
    MapState,
    Together,
    compile_program,
    run_inline,
)
from flowlike.parted import Parted

KERNEL = logistic_map.bind(num=3, p=97, mu=5)
LAYERS = [
    Layer().then(MapBatch(KERNEL)),
    Layer().then(CollectBatch()).then(MapState(KERNEL)),
    Layer(window=GlobalWindow().trigger_every(3, "reset"))
    .then(CollectBatch())
    .then(MapState(KERNEL))
    .then(Emit("state")),
    Layer(window=GlobalWindow().trigger_every(4, "keep").trigger_periodically(5))
    .then(CollectBatch())
    .then(MapState(KERNEL)),
    Layer(window=FixedWindow(5, abs)).then(CollectBatch()).then(MapState(KERNEL)),
    Layer().then(Map(abs, executor="threads")).then(CollectBatch()),
]

PARTS = st.lists(
    st.dictionaries(st.integers(2, 5), st.lists(st.integers(0, 40), min_size=1), min_size=1),
    max_size=5,
)


def programs(layer, upstreams=1):
    return {
        number: compile_program(layer, partition=number, partitions=8, upstreams=upstreams)
        for number in range(2, 6)
    }


def flat(batches):
    return [np.asarray(event).tolist() for batch in batches for event in batch]


def by_value(events):
    return sorted(events, key=repr)


@pytest.mark.parametrize("layer", LAYERS)
@given(pushes=PARTS)
def test_each_goes_on_as_it_would_alone(layer, pushes):
    alone, together = programs(layer, 2), Together(programs(layer, 2))
    assert together.timed == any(each.timed for each in alone.values())
    assert together.has_state == alone[2].has_state
    for each in alone.values():
        each.begin(0.0)
    together.begin(0.0)
    now = 0.0
    for turn, push in enumerate(pushes):
        now += 3.0
        upstream = turn % 2
        arrays = {number: np.array(events) for number, events in push.items()}
        expected = []
        for number, events in arrays.items():
            expected += run_inline(alone[number].push(events, upstream, now))
        found = run_inline(together.push(Parted(list(arrays.items())), upstream, now))
        assert by_value(flat(found)) == by_value(flat(expected))
        deadlines = [each.deadline for each in alone.values() if each.deadline is not None]
        assert together.deadline == min(deadlines, default=None)
        if (due := together.deadline) is not None and due <= now + 1:
            now = due
            expected = [b for each in alone.values() for b in run_inline(each.tick(now))]
            assert by_value(flat(run_inline(together.tick(now)))) == by_value(flat(expected))
    for last, end in ((False, "upstream_ended"), (True, "finish")):
        arguments = (now,) if last else (0, now)
        expected = [
            b for each in alone.values() for b in run_inline(getattr(each, end)(*arguments))
        ]
        found = run_inline(getattr(together, end)(*arguments))
        assert by_value(flat(found)) == by_value(flat(expected))
    assert together.late == sum(each.late for each in alone.values())
    counts = [each.counts() for each in alone.values()]
    assert together.counts() == tuple(map(sum, zip(*counts, strict=True)))


def asked(steps):
    """What is asked for in turn, each answered at once."""
    requests = []
    answer = None
    try:
        while True:
            request = steps.send(answer)
            requests.append(request)
            answer = [request.function(argument) for argument in request.arguments]
    except StopIteration:
        return requests


def test_kernels_of_all_are_called_in_one_request():
    together = Together(programs(LAYERS[2]))
    parts = [(number, np.arange(7)) for number in range(2, 6)]
    (request,) = asked(together.push(Parted(parts)))
    assert (request.executor, len(request.arguments), request.events) == ("native", 4, 24)


def test_what_leaves_leaves_together():
    together = Together(programs(LAYERS[0]))
    parts = [(number, np.arange(5000)) for number in range(2, 6)]
    (batch,) = run_inline(together.push(Parted(parts)))
    assert np.array_equal(batch, np.concatenate([KERNEL(part) for _, part in parts]))
    together = Together(programs(LAYERS[2]))
    (states,) = run_inline(together.push(Parted([(n, np.arange(6)) for n in range(2, 6)])))
    assert len(states) == 8


def test_a_kernel_that_fails_is_its_own_programs():
    layer = Layer().then(CollectBatch()).then(MapState(logistic_map.bind(num=3, p=0, mu=5)))
    together = Together(programs(layer))
    run_inline(together.push(Parted([(3, np.arange(4))])))
    steps = together.finish()
    with pytest.raises(ZeroDivisionError) as caught:
        run_inline(steps)
    assert any("replica 2 of 8" in note for note in caught.value.__notes__)


def test_what_fails_outside_of_the_calls_is_raised():
    together = Together(programs(LAYERS[1]))
    run_inline(together.push(Parted([(3, np.arange(4))])))
    steps = together.finish()
    assert isinstance(next(steps), Calls)
    with pytest.raises(MemoryError, match="no more"):
        steps.throw(MemoryError("no more"))
    with pytest.raises(StopIteration):
        next(steps)
