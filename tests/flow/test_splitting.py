"""Batches split by the hash of their keys: every way gives what `partition_of` gives for one."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from contract import here_only
from hypothesis import example, given
from hypothesis import strategies as st

from flowlike.flow.splitting import Splitter
from flowlike.native import partition_of

pytestmark = here_only("builds")

PARTITIONS = st.sampled_from([1, 2, 3, 5, 300])
COMMON = st.integers(-(2**64), 2**64) | st.integers(0, 9)
KEYS = COMMON | st.sampled_from(
    [True, False, 1.0, -0.0, 0.5, float("inf"), Fraction(3), Decimal(4), np.int64(5), np.True_]
)  # fmt: skip
KEYS |= st.none() | st.text(max_size=3) | st.binary(max_size=3) | st.tuples(COMMON, st.text())


class Colour(Enum):
    RED = 1


@dataclass(frozen=True)
class Place:
    street: str


class Odd(int):
    """An integer that is equal to itself alone."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 99


def expected(events: Any, keys: Any, partitions: int) -> list[list[Any]]:
    found: list[list[Any]] = [[] for _ in range(partitions)]
    for event, key in zip(events, keys, strict=True):
        found[partition_of(key, partitions)].append(event)
    return found


def same(found: list[Any], wanted: list[list[Any]]) -> bool:
    """Equal, and of the same types: True is not to become 1 on its way."""
    return [list(map(repr, part)) for part in found] == [list(map(repr, part)) for part in wanted]


@given(st.lists(COMMON, min_size=1) | st.lists(KEYS, min_size=1), st.integers(1, 60), PARTITIONS)
@example([1, True, 1.0], 20, 5)
@example([0, 2**63, -(2**63), 2**64 + 1], 20, 5)
def test_lists(events: list[Any], times: int, partitions: int) -> None:
    splitter = Splitter(None, partitions, "partition()")
    for batch in (events, events * times, events):  # short, long, and with keys that are known
        assert same(splitter(batch), expected(batch, batch, partitions))


@given(
    st.integers(-(2**65), 2**65), st.integers(1, 200), st.integers(1, 2**66), st.booleans(),
    PARTITIONS,
)  # fmt: skip
@example(-(2**63), 2, 2**64 - 1, False, 5)
@example(2**63 - 41, 40, 1, False, 5)
@example(2**63 - 40, 41, 1, False, 5)
@example(-(2**62), 100, 2**56 + 1, False, 5)
def test_ranges(start: int, count: int, step: int, down: bool, partitions: int) -> None:
    step = -step if down else step
    batch = range(start, start + count * step, step)
    wanted = expected(batch, batch, partitions)
    assert same(Splitter(None, partitions, "partition()")(batch), wanted)


@pytest.mark.parametrize("partitions", [1, 2, 5, 300])
@pytest.mark.parametrize("key", [0, -2, "real", "k", lambda event: event[0]])
@pytest.mark.parametrize(
    "keys", [range(50), [n / 2 for n in range(50)], [str(n) for n in range(50)]]
)
def test_every_kind_of_key(key: Any, keys: Any, partitions: int) -> None:
    events: list[Any] = [(each, "value") for each in keys]
    if key == "k":
        events = [{"k": each} for each in keys]
    elif key == "real":
        events = [each + 0j for each in range(50)]
        keys = range(50)
    found = Splitter(key, partitions, "partition()")(events)
    assert same(found, expected(events, keys, partitions))


def test_records_that_are_no_dicts_among_dicts() -> None:
    class Default(dict[str, int]):
        def __missing__(self, name: str) -> int:
            return 7

    events = [{"k": 1}, Default(), Default(k=3)] * 20
    found = Splitter("k", 5, "partition()")(events)
    assert found == expected(events, [1, 7, 3] * 20, 5)


def test_integers_with_an_equality_of_their_own() -> None:
    batch = [1, Odd(1)] * 40
    assert Splitter(None, 300, "partition()")(batch) == expected(batch, batch, 300)
    assert partition_of(1, 300) != partition_of(Odd(1), 300)


def test_a_key_that_cannot_be_looked_up_but_has_a_stable_hash() -> None:
    batch = ["a", Decimal("sNaN"), "b"]
    assert same(Splitter(None, 5, "partition()")(batch), expected(batch, batch, 5))


@pytest.mark.parametrize("before", [3, 100])
@pytest.mark.parametrize("first", [1, "a"])
@pytest.mark.parametrize("key", [None, 0, "k", lambda event: event[0]])
def test_a_key_without_a_hash_is_told_with_its_event(key: Any, first: Any, before: int) -> None:
    def event(value: Any) -> Any:
        return value if key is None else {"k": value} if key == "k" else (value, 0)

    batch = [*[event(first)] * before, event([5]), event([6])]
    with pytest.raises(TypeError, match="a key of type 'list' is not hashable") as caught:
        Splitter(key, 2, "partition(it)")(batch)
    assert caught.value.__notes__ == [f"in partition(it), event {event([5])!r}"]


@pytest.mark.parametrize(
    ("key", "bad", "error"),
    [
        (0, (), IndexError),
        ("k", {"j": 1}, KeyError),
        ("k", 5, AttributeError),
        (lambda event: event[0], (), (IndexError, KeyError)),
    ],
)
def test_a_failing_key_is_told_with_its_event(key: Any, bad: Any, error: Any) -> None:
    good = {"k": 1} if key == "k" else (1, 2)
    with pytest.raises(error) as caught:
        Splitter(key, 2, "partition(it)")([good, good, bad, good])
    assert caught.value.__notes__ == [f"in partition(it), event {bad!r}"]


class Stops:
    def __getitem__(self, index: int) -> int:
        raise StopIteration

    def __repr__(self) -> str:
        return "Stops"


@pytest.mark.parametrize("key", [0, lambda event: event[0]])
def test_stop_iteration_ends_nothing_silently(key: Any) -> None:
    with pytest.raises(RuntimeError, match="it raised StopIteration") as caught:
        Splitter(key, 2, "it")([(1,), Stops(), (2,)])
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__notes__ == ["in it, event Stops"]


@pytest.mark.parametrize("kind", [list, np.array])
def test_a_key_function_is_called_once_per_event(kind: Any) -> None:
    called: list[int] = []

    def key(event: int) -> int:
        called.append(event)
        return 1 // (5 - event)

    with pytest.raises(ZeroDivisionError) as caught:
        Splitter(key, 2, "it")(kind(range(10)))
    assert (caught.value.__notes__, called) == (["in it, event 5"], [0, 1, 2, 3, 4, 5])


def test_keys_that_hardly_come_again_are_not_looked_up() -> None:
    splitter = Splitter(None, 3, "it")
    known = splitter._known
    keys = [str(number) for number in range(known.LIMIT + 1)]
    wanted = expected(keys, keys, 3)
    assert splitter(keys) == wanted
    assert len(known) == 1
    assert splitter(keys) == wanted
    assert len(known) == 1  # it was not asked
    with pytest.raises(TypeError, match="not hashable") as caught:
        splitter(["a", [5]])
    assert caught.value.__notes__ == ["in it, event [5]"]


def test_keys_that_come_again_are_looked_up_even_if_they_are_many() -> None:
    splitter = Splitter(None, 3, "it")
    known = splitter._known
    for _ in range(5):
        splitter(["a"] * known.LIMIT)
    splitter([str(number) for number in range(known.LIMIT + 1)])
    splitter(["a", "b"])
    assert {"a", "b"} <= known.keys()


def test_known_keys_are_bounded_in_number_and_size() -> None:
    splitter = Splitter(None, 2, "it")
    known = splitter._known
    splitter(["a"] * 3 * known.LIMIT)  # so that it is worth its while
    splitter([str(number) for number in range(known.LIMIT + 4)])
    assert len(known) == 5
    splitter(["a" * 129, ("a" * 129,), tuple(range(9)), Place("Elm"), frozenset({"b" * 129})])
    assert len(known) == 5
    splitter(["a" * 128, (1, "a"), None, Colour.RED, frozenset({"b"})])
    assert len(known) == 10
