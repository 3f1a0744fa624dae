"""Hashes: the same for keys that are equal, in every process, and spread evenly."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.native import partition_of, stable_hash

Point = namedtuple("Point", "x y")  # noqa: PYI024


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Place:
    street: str
    number: int
    note: str = field(default="", compare=False)


@dataclass
class Changing:
    number: int


EQUAL = [
    (1, 1.0, True, np.int8(1), np.uint64(1), np.float32(1), np.bool_(True), Number.ONE,
     Fraction(1), Decimal(1), 1 + 0j, np.complex128(1)),
    (0, -0.0, False, Decimal("-0")),
    (-1, -1.0, np.int64(-1)),
    (1.5, Fraction(3, 2), Decimal("1.5"), np.float16(1.5), np.longdouble(1.5)),
    (2**61 - 1, float(2**61) - 0, 2**61 - 1)[::2],
    (2**70, float(2**70), Fraction(2**70)),
    (math.inf, Decimal("Infinity"), np.float32("inf")),
    ("one", Word.ONE, np.str_("one")),
    (b"one", np.bytes_(b"one")),
    ((1, 2), (1.0, True + 1), Point(1, 2)),
    (frozenset({1, "a", None}), frozenset({None, "a", 1.0})),
    (Place("Elm", 4), Place("Elm", 4.0, note="blue door")),  # type: ignore[arg-type]
    (datetime(2024, 5, 1, 12, tzinfo=UTC),
     datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))),
    (time(12, tzinfo=UTC), time(14, tzinfo=timezone(timedelta(hours=2)))),
    (timedelta(days=1), timedelta(hours=24), np.timedelta64(86_400, "s")),
    (date(2024, 5, 1), np.datetime64("2024-05-01")),
    (PurePosixPath("a/b"), PurePosixPath("a//b/.")),
]  # fmt: skip

DISTINCT: list[Any] = [
    0, 1, 2, -1, 1.5, math.inf, -math.inf, math.nan, 1j, "", "a", "b", "1", "é", "\ud800", b"",
    b"a", b"b", None, (), (1,), (1, 2), (2, 1), ((1,), 2), (1, (2,)), ("a",), frozenset(),
    frozenset({1}), frozenset({1, 2}), frozenset({frozenset({1, 2})}), Colour.RED, Colour.BLUE,
    Place("Elm", 4), Place("Elm", 5), date(2024, 5, 1), datetime(2024, 5, 1),  # noqa: DTZ001
    datetime(2024, 5, 1, tzinfo=UTC), time(1), time(1, tzinfo=UTC),
    timedelta(1), UUID(int=1), PurePosixPath("a"),
]  # fmt: skip


@pytest.mark.parametrize("keys", EQUAL, ids=repr)
def test_equal_keys_hash_alike(keys: tuple[Any, ...]) -> None:
    assert len(set(keys)) == 1 or isinstance(keys[-1], np.generic)
    assert len({stable_hash(key) for key in keys}) == 1
    assert len({partition_of(key, 1000) for key in keys}) == 1


@given(st.integers() | st.floats(allow_nan=False))
def test_numbers_hash_alike_whatever_their_type(number: float) -> None:
    same = [number, Fraction(number)] if math.isfinite(number) else [number]
    if number == int(number) if math.isfinite(number) else False:
        same.append(int(number))
    assert len({stable_hash(key) for key in same}) == 1


def test_distinct_keys_hash_apart() -> None:
    hashes = Counter(stable_hash(key) for key in DISTINCT)
    assert hashes.most_common(1)[0][1] == 1


@given(st.text() | st.integers() | st.binary() | st.tuples(st.integers(), st.text()))
def test_hashes_are_64_bits_and_partitions_follow(key: Any) -> None:
    hash = stable_hash(key)
    assert 0 <= hash < 2**64
    for partitions in (1, 2, 3, 128, 2**32 - 1):
        assert partition_of(key, partitions) == hash * partitions >> 64


def test_nan_has_one_partition() -> None:
    nans = [math.nan, float("nan"), np.float32("nan"), Decimal("nan"), -math.nan]
    assert len({stable_hash(nan) for nan in nans}) == 1


@pytest.mark.parametrize("salt", ["0", "1", "12345"])
def test_another_process_agrees(salt: str) -> None:
    keys = [1, 1.5, "key", b"key", None, ("a", 1), frozenset({"a", "b", "c"})]
    program = f"from flowlike.native import stable_hash\nprint([stable_hash(k) for k in {keys!r}])"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": salt},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str([stable_hash(key) for key in keys])


def test_the_hashes_of_this_version() -> None:
    """A change of these is a change of where everybody's keys go."""
    assert [stable_hash(key) for key in GOLDEN] == list(GOLDEN.values())


@pytest.mark.parametrize("key", [[1], {}, set(), bytearray(b"a"), np.arange(3), Changing(1)])
def test_unhashable_keys(key: Any) -> None:
    with pytest.raises(TypeError, match=r"is not hashable.*give hash="):
        stable_hash(key)
    with pytest.raises(TypeError, match=r"is not hashable.*give hash="):
        partition_of((1, key), 3)


@pytest.mark.parametrize("key", [object(), len, int, Place, ..., range(3), memoryview(b"a")])
def test_keys_without_a_stable_hash(key: Any) -> None:
    with pytest.raises(TypeError, match=r"has no stable hash; keys may be numbers.*give hash="):
        stable_hash(key)


@pytest.mark.parametrize("partitions", [0, -1])
def test_too_few_partitions(partitions: int) -> None:
    for key in (1, "a"):
        with pytest.raises(ValueError, match="at least 1"):
            partition_of(key, partitions)


@pytest.mark.parametrize(
    "keys",
    [
        range(40_000),
        range(0, 40_000 * 1024, 1024),
        [n / 7 for n in range(40_000)],
        [f"user-{n}" for n in range(40_000)],
        [(n, "a") for n in range(40_000)],
    ],
    ids=["counting", "steps", "reals", "text", "pairs"],
)
def test_keys_spread_evenly(keys: Any) -> None:
    for partitions in (2, 7, 16):
        counts = Counter(partition_of(key, partitions) for key in keys)
        even = len(keys) / partitions
        # The sum of squares is chi-squared with partitions - 1 degrees: 60 is out of reach.
        assert sum((count - even) ** 2 for count in counts.values()) / even < 60


GOLDEN: dict[Any, int] = {
    0: 0,
    1: 4326460912318144697,
    -1: 10199070890001212929,
    1.5: 2760448076077352571,
    2**64: 1924872030080688709,
    "": 10343499228067310748,
    "a": 15463846764041303632,
    "flowlike": 1853380937962758962,
    b"flowlike": 7629628339740237406,
    None: 17876742160157776734,
    (1, "a"): 18150136910061493452,
    frozenset({1, 2}): 6075786488504120464,
}
