"""Dealing events out to buckets, and what a partition's hash may return."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.stages import PartitionDispatcher
from flowlike.stages.dispatchers.buckets import deal


@st.composite
def dealt(draw: st.DrawFn) -> tuple[list[int], int]:
    buckets = draw(st.sampled_from([1, 2, 3, 4, 5, 200, 255]))
    shortest = draw(st.sampled_from([0, 0, 130]))
    ids = st.lists(st.integers(0, buckets), min_size=shortest, max_size=200)
    return draw(ids), buckets


@given(dealt(), st.booleans())
def test_every_event_is_in_the_bucket_of_its_id(case: tuple[list[int], int], narrow: bool) -> None:
    ids, buckets = case
    # Sequences as events: NumPy must take none of them for a row.
    events = [(position, "e") for position in range(len(ids))]
    found = deal(events, bytes(ids) if narrow else np.array(ids, np.uint32), buckets)
    pairs = list(zip(events, ids, strict=True))
    assert found == [[event for event, at in pairs if at == each] for each in range(buckets)]


@pytest.mark.parametrize("buckets", [256, 65_535, 65_536, 100_000])
def test_more_buckets_than_a_byte_or_two_can_count(buckets: int) -> None:
    places = [buckets - 1, 0, buckets, 0, buckets - 1]
    for times in (1, 100):  # few events and many go different ways
        found = deal(range(5 * times), np.array(places * times, np.uint32), buckets)
        assert found[0] == [n for n in range(5 * times) if n % 5 in (1, 3)]
        assert found[-1] == [n for n in range(5 * times) if n % 5 in (0, 4)]
        assert sum(map(len, found)) == 4 * times


def parts(dispatcher: PartitionDispatcher, names: list[Any], events: Any) -> list[Any]:
    """What each partition is given."""
    for number, name in enumerate(names):
        options: Any = SimpleNamespace(partition=name, selector=None)
        dispatcher.subscribe(number, options)
        dispatcher.ask(number, 1000)
    given = dict(dispatcher.dispatch(events))
    return [list(given.get(number, [])) for number in range(len(names))]


@pytest.mark.parametrize("kind", [list, np.array])
@pytest.mark.parametrize(
    ("names", "hashes"),
    [
        ([0, 1], [0, 1, True, 1.0, False, np.int64(1), None]),
        ([0, 1, 2], [2, None, 2.0, 0]),
        (["a", "b"], ["b", "a", None, "b"]),
        ([1, 0], [0, 1, None]),
        (list(range(256)), [255, None, 0]),
        (list(range(300)), [299, None, 0, 256.0]),
    ],
)
def test_a_hash_may_return_whatever_equals_a_name(kind: Any, names: Any, hashes: Any) -> None:
    dispatcher = PartitionDispatcher(names, hash=hashes.__getitem__)
    expected = [
        [event for event, found in enumerate(hashes) if found is not None and found == name]
        for name in names
    ]
    assert parts(dispatcher, names, kind(range(len(hashes)))) == expected


@pytest.mark.parametrize("kind", [list, range, np.arange])
@pytest.mark.parametrize(
    ("names", "wrong"), [([0, 1], 2), ([0, 1], -1), ([0, 1], 256), ([0, 1], "a"), (["a"], 0)]
)
def test_the_first_event_with_no_such_partition_is_named(kind: Any, names: Any, wrong: Any) -> None:
    dispatcher = PartitionDispatcher(names, hash=lambda n: names[0] if n < 5 else wrong)
    events = kind(10) if kind is not list else list(range(10))
    with pytest.raises(ValueError, match=f"hash returned {wrong!r} for the event 5; "):
        parts(dispatcher, names, events)


def test_a_partition_that_cannot_be_hashed() -> None:
    dispatcher = PartitionDispatcher(2, hash=lambda n: 0 if n < 5 else [])  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="unhashable") as caught:
        parts(dispatcher, [0, 1], list(range(10)))
    assert caught.value.__notes__ == ["in the hash of the partitions, event 5"]


@pytest.mark.parametrize("kind", [list, range, np.arange])
def test_a_hash_that_raises_is_called_once_per_event(kind: Any) -> None:
    called = []

    def hash(event: int) -> int:
        called.append(event)
        return 1 // (5 - event)

    events = kind(10) if kind is not list else list(range(10))
    with pytest.raises(ZeroDivisionError) as caught:
        parts(PartitionDispatcher(2, hash=hash), [0, 1], events)
    assert caught.value.__notes__ == ["in the hash of the partitions, event 5"]
    assert called == [0, 1, 2, 3, 4, 5]


def test_stop_iteration_from_a_hash_ends_nothing_silently() -> None:
    dispatcher = PartitionDispatcher(2, hash=lambda n: next(iter([])))
    with pytest.raises(RuntimeError, match="hash of the partitions raised StopIteration") as caught:
        parts(dispatcher, [0, 1], [7])
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__notes__ == ["in the hash of the partitions, event 7"]
