"""Windows and partitions that would share one state are told so; what nobody changes may be."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest

from flowlike import CountWindow, Flow, GlobalWindow
from flowlike.operators.fresh_states import FreshStates

CHANGES = [
    (list, lambda state: state.append(1)),
    (dict, lambda state: state.update(a=1)),
    (Counter, lambda state: state.update("a")),
    (OrderedDict, lambda state: state.update(a=1)),
    (lambda: defaultdict(int), lambda state: state["a"]),
    (set, lambda state: state.add(1)),
    (deque, lambda state: state.append(1)),
    (bytearray, lambda state: state.extend(b"1")),
    (lambda: [0], lambda state: state.__setitem__(0, 1)),
    (lambda: {"a": 0}, lambda state: state.update(a=1)),
    (lambda: np.zeros(3), lambda state: state.__setitem__(1, 1)),
]


@pytest.mark.parametrize(("make", "change"), CHANGES)
def test_an_object_that_comes_again_and_was_changed(make, change):
    shared = make()
    states = FreshStates(lambda: shared, "reduce")
    assert states() is states() is shared
    change(shared)
    name = type(shared).__name__
    with pytest.raises(ValueError, match=f"the init of reduce has given the same {name} twice"):
        states()


@pytest.mark.parametrize(("make", "change"), CHANGES)
def test_new_objects(make, change):
    states = FreshStates(make, "reduce")
    for _ in range(3):
        change(states())


@pytest.mark.parametrize("shared", [0, 1.5, "", (), None, frozenset(), object(), np.zeros(1 << 20)])
def test_what_cannot_be_changed_or_is_not_looked_at(shared):
    states = FreshStates(lambda: shared, "reduce")
    assert all(states() is shared for _ in range(3))


def add(acc, event):
    acc.append(event)
    return acc


def shared_default(acc=[]):  # noqa: B006 - the mistake that is told
    return acc


REDUCES = {
    "reduce": lambda flow, init: flow.reduce(init, add),
    "reduce_batch": lambda flow, init: flow.reduce_batch(init, add),
    "emit_and_reduce": lambda flow, init: flow.emit_and_reduce(
        init, lambda acc, event: ([], add(acc, event))
    ),
}


@pytest.mark.parametrize("name", REDUCES)
@pytest.mark.parametrize(
    "layer",
    [
        {"stages": 3},
        {"stages": 1, "window": CountWindow(2)},
        {"stages": 1, "window": GlobalWindow().trigger_every(2, "reset")},
    ],
)
def test_a_default_that_partitions_or_windows_would_share(name, layer):
    shared_default().clear()
    flow = REDUCES[name](Flow.from_iterable(range(9)).partition(**layer), shared_default)
    with pytest.raises(ValueError, match=rf"the init of {name} .* such as lambda: \[\]") as caught:
        flow.to_list()
    assert any(note.endswith("init()") for note in caught.value.__notes__)


def test_a_state_that_is_never_changed_may_be_shared():
    nothing = []
    window = GlobalWindow().trigger_every(2, "reset")
    flow = Flow.from_iterable(range(5), stages=1, window=window)
    flow = flow.reduce(lambda: nothing, lambda acc, event: [*acc, event]).emit("state")
    assert flow.to_list() == flow.to_list() == [[0, 1], [2, 3], [4]]


def test_the_windows_of_a_departition():
    shared = {}
    flow = Flow.from_iterable(range(4), stages=1, window=CountWindow(2)).count_by()
    merged = flow.departition(lambda: shared, lambda acc, state: acc.update(state) or acc)
    with pytest.raises(ValueError, match="the init of departition has given the same dict twice"):
        merged.to_list()
