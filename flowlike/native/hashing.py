"""Stable hashes of keys: the same in every process, and for all keys that are equal."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Hashable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np

from ._kernels import lib

__all__ = ["BYTES_SEED", "partition_of", "stable_hash"]

MOST_PARTITIONS = 2**32 - 1

BYTES_SEED = 0x5BF0_3635_16E7_4C0D
_TEXT_SEED = 0x243F_6A88_85A3_08D3

_MASK = 2**64 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_number: Any = lib.flowlike_hash_number
_bytes: Any = lib.flowlike_hash_bytes
_combine: Any = lib.flowlike_hash_combine
_partition_of_number: Any = lib.flowlike_partition_of_number


def stable_hash(key: Hashable) -> int:
    """Hash a key to 64 bits, well mixed, whatever the process and ``PYTHONHASHSEED``.

    Keys that are equal in Python hash alike: 1, 1.0, True and numpy's 1; a str and an enum
    that is one. Any two NaN hash alike too, so they reach one partition.

    Args:
        key: a number, str, bytes, None, date, time, timedelta, UUID, POSIX path or enum; a
            tuple, frozenset or frozen dataclass of keys.

    Raises:
        TypeError: another type of key; the message names the cure.

    >>> stable_hash(1) == stable_hash(1.0) == stable_hash(True)
    True
    """
    kind = type(key)
    if kind is int:
        return _number(hash(key))  # type: ignore[no-any-return]
    if kind is str:
        return _text(key)
    if kind is float and key == key:  # noqa: PLR0124 - NaN is not equal to itself
        return _number(hash(key))  # type: ignore[no-any-return]
    return _other(key)


def partition_of(key: Hashable, partitions: int) -> int:
    """The partition of a key, from 0 to ``partitions`` - 1, evenly by its `stable_hash`.

    Raises:
        TypeError: a type of key that `stable_hash` does not take.
        ValueError: ``partitions`` is less than 1.
    """
    if partitions < 1:
        raise ValueError(f"partitions must be at least 1, not {partitions}")
    if type(key) is int:
        return _partition_of_number(hash(key), partitions)  # type: ignore[no-any-return]
    return stable_hash(key) * partitions >> 64


@lru_cache(maxsize=1 << 16)
def _text(text: str) -> int:
    encoded = text.encode("utf-8", "surrogatepass")
    return _bytes(encoded, len(encoded), _TEXT_SEED)  # type: ignore[no-any-return]


def _other(key: Any) -> int:
    """Everything but plain int and str, which are what keys mostly are."""
    if isinstance(key, str):
        return _text(str.__str__(key))
    if isinstance(key, np.generic) and not isinstance(key, np.longdouble):
        item = key.item()
        if not isinstance(item, np.generic):
            return stable_hash(item)
    if isinstance(key, numbers.Number):
        not_a_number = key.is_nan() if isinstance(key, Decimal) else key != key  # noqa: PLR0124
        return _number(lib.FLOWLIKE_NAN_HASH if not_a_number else hash(key))  # type: ignore[no-any-return]
    if isinstance(key, bytes):
        return _bytes(key, len(key), BYTES_SEED)  # type: ignore[no-any-return]
    if isinstance(key, tuple):
        return _sequence("tuple", key)
    if isinstance(key, frozenset):
        # A sum does not depend on the order of the elements.
        total = sum(_number(stable_hash(element) - 2**63) for element in key)
        return _combine(_tagged("frozenset", len(key)), total & _MASK)  # type: ignore[no-any-return]
    if isinstance(key, Enum):
        return _sequence("enum", (type(key).__qualname__, key.name))
    if _is_frozen_dataclass(key):
        values = (getattr(key, f.name) for f in dataclasses.fields(key) if f.compare)
        return _sequence(type(key).__qualname__, values)
    return _scalar(key)


def _scalar(key: Any) -> int:
    """Scalars of the standard library, each by the value that its equality compares.

    Raises:
        TypeError: it is none of those either.
    """
    match key:
        case None:
            return _tagged("None", 0)
        case datetime() if key.utcoffset() is not None:
            return _tagged("datetime", (key - _EPOCH) // _MICROSECOND)
        case datetime():
            moment = (key - _EPOCH.replace(tzinfo=None)) // _MICROSECOND
            return _tagged("naive datetime", moment)
        case date():
            return _tagged("date", key.toordinal())
        case time():
            offset = key.utcoffset()
            span = timedelta(0, (key.hour * 60 + key.minute) * 60 + key.second, key.microsecond)
            tag = "naive time" if offset is None else "time"
            return _tagged(tag, (span - (offset or timedelta())) // _MICROSECOND)
        case timedelta():
            return _tagged("timedelta", key // _MICROSECOND)
        case UUID():
            return _tagged("uuid", key.int)
        case PurePosixPath():
            return _sequence("path", (str(key),))
    unfit = "is not hashable" if type(key).__hash__ is None else "has no stable hash"
    raise TypeError(
        f"a key of type {type(key).__name__!r} {unfit}; keys may be numbers, str, bytes, None, "
        f"dates and times, UUIDs, enums, and tuples, frozensets and frozen dataclasses of "
        f"these; convert it in key=, or give hash="
    )


def _is_frozen_dataclass(key: Any) -> bool:
    params = getattr(type(key), "__dataclass_params__", None)
    return params is not None and params.frozen and params.eq


def _tagged(tag: str, number: int) -> int:
    return _combine(_text(tag), stable_hash(number))  # type: ignore[no-any-return]


def _sequence(tag: str, elements: Iterable[Any]) -> int:
    result = _text(tag)
    for element in elements:
        result = _combine(result, stable_hash(element))
    return result
