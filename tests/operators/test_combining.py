"""Counting ahead of an exchange, as a plain program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowlike.batches import join, joinable
from flowlike.counted import Counted
from flowlike.envelopes import stands_for
from flowlike.operators import (
    CountBy,
    FlatMap,
    Layer,
    Map,
    MapBatch,
    combining,
    compile_program,
    run_inline,
)
from flowlike.stages.buffer import Buffer

WORDS = Layer().then(FlatMap(str.split))


def program(layer: Layer, combine_for: str | None = "partition()") -> Any:
    return compile_program(layer, partition=0, partitions=1, combine_for=combine_for)


def shown(batches: list[Any]) -> list[Any]:
    """What was counted as lists of pairs."""
    return [
        list(zip(batch.events, batch.counts, strict=True)) if type(batch) is Counted else batch
        for batch in batches
    ]


@pytest.mark.parametrize(
    "layer",
    [
        WORDS,
        Layer().then(MapBatch(list)).then(FlatMap(str.split)),
        Layer().then(FlatMap(str.split)).then(MapBatch(list)),
    ],
    ids=["fused", "fused last", "fused first"],
)
def test_counts_leave_at_the_end_in_the_order_of_the_first_events(layer: Layer) -> None:
    words = program(layer)
    assert run_inline(words.push(["to be or", "not to"])) == []
    assert run_inline(words.push(["be"])) == []
    assert shown(run_inline(words.finish())) == [[("to", 2), ("be", 2), ("or", 1), ("not", 1)]]


def test_nothing_leaves_if_nothing_came() -> None:
    assert run_inline(program(WORDS).finish()) == []


def test_an_array_is_counted_by_its_python_objects() -> None:
    numbers = program(Layer())
    run_inline(numbers.push(np.array([1, 2, 1])))
    (sent,) = run_inline(numbers.finish())
    assert (sent.counts, list(map(type, sent.events))) == ([2, 1], [int, int])


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "_MOST", 3)
    words = program(WORDS)
    assert run_inline(words.push(["a b a b a b a b"])) == []
    sent = run_inline(words.push(["a b c c c c"]))
    assert shown(sent) == [[("a", 5), ("b", 5), ("c", 4)]]
    assert run_inline(words.push(["a"])) == []
    assert shown(run_inline(words.finish())) == [[("a", 1)]]


def test_events_that_mostly_differ_pass_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combining, "_MOST", 3)
    monkeypatch.setattr(combining, "_NOT_WORTH_FOR", 4)
    words = program(WORDS)
    assert shown(run_inline(words.push(["a b c a"]))) == [[("a", 2), ("b", 1), ("c", 1)]]
    assert run_inline(words.push(["x x x"])) == [["x", "x", "x"]]
    assert run_inline(words.push(["y y"])) == [["y", "y"]]
    assert run_inline(words.push(["z z"])) == []
    assert shown(run_inline(words.finish())) == [[("z", 2)]]


@pytest.mark.parametrize(
    ("bad", "text"),
    [([5], "a key of type 'list' is not hashable"), (object, "has no stable hash")],
)
def test_an_event_without_a_partition_is_told_at_once(bad: Any, text: str) -> None:
    events = program(Layer().then(Map(lambda n: bad if n == 7 else n)))
    run_inline(events.push([1, 2]))
    with pytest.raises(TypeError, match=text) as caught:
        run_inline(events.push([1, 3, 7, 8]))
    assert caught.value.__notes__ == [f"in partition(), event {bad!r}"]


def test_a_failing_operator_is_told_as_ever() -> None:
    words = program(WORDS)
    with pytest.raises(TypeError) as caught:
        run_inline(words.push(["a", 5]))
    assert caught.value.__notes__ == ["in flat_map(split), replica 0 of 1, event 5"]


def test_counts_are_added_up_behind_the_exchange() -> None:
    counts = program(Layer().then(CountBy()), None)
    run_inline(counts.push(["b", "a"]))
    run_inline(counts.push(Counted(["a", "c"], [3, 2])))
    run_inline(counts.push(["c"]))
    assert run_inline(counts.finish()) == [[("b", 1), ("a", 4), ("c", 3)]]


def test_counted_events_are_joined_to_their_kind_only() -> None:
    one, other = Counted(["a", "b"], [2, 3]), Counted(["a"], [1])
    assert shown([join([one, other])]) == [[("a", 2), ("b", 3), ("a", 1)]]
    assert (len(one), stands_for(one), stands_for(["a"])) == (2, 5, 1)
    assert joinable(one, other)
    assert not any([joinable(one, ["a"]), joinable(["a"], one), joinable(np.ones(1), one)])


def test_a_buffer_keeps_counted_events_apart() -> None:
    buffer = Buffer(100, "last")
    for batch in (["x"], ["y"], Counted(["a", "b"], [2, 3]), Counted(["a"], [1]), ["z"]):
        assert buffer.put(batch) == 0
    assert (buffer.count, buffer.held()) == (6, 9)
    taken = []
    while buffer.count:
        taken.append(buffer.take(4))
    assert shown(taken) == [["x", "y"], [("a", 2), ("b", 3), ("a", 1)], ["z"]]
