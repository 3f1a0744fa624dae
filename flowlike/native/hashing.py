"""Stable hashes of keys: the same in every process, and for all keys that are equal."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Hashable, Iterable
from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from flowlike.native._kernels import lib

__all__ = ["BYTES_SEED", "partition_of", "sequence", "stable_hash", "tagged"]

MOST_PARTITIONS = 2**32 - 1

BYTES_SEED = 0x5BF0_3635_16E7_4C0D
_TEXT_SEED = 0x243F_6A88_85A3_08D3

_MASK = 2**64 - 1

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
        return _text(key)  # type: ignore[arg-type]
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


def _text(text: str) -> int:
    encoded = text.encode("utf-8", "surrogatepass")
    return _bytes(encoded, len(encoded), _TEXT_SEED)  # type: ignore[no-any-return]


_tag = lru_cache(_text)  # there are few, but one in each tuple, date, ...


def _other(key: Any) -> int:
    """Everything but plain int and str, which are what keys mostly are."""
    if isinstance(key, str):
        return _text(str.__str__(key))
    if isinstance(key, np.generic) and not isinstance(key, np.longdouble):
        item = key.item()
        if not isinstance(item, np.generic):
            return stable_hash(item)
    if isinstance(key, numbers.Number):
        # A decimal says it by a method: a signalling NaN refuses to be compared.
        is_nan = getattr(key, "is_nan", None)
        not_a_number = key != key if is_nan is None else is_nan()  # noqa: PLR0124
        return _number(lib.FLOWLIKE_NAN_HASH if not_a_number else hash(key))  # type: ignore[no-any-return]
    if isinstance(key, bytes):
        return _bytes(key, len(key), BYTES_SEED)  # type: ignore[no-any-return]
    if isinstance(key, tuple):
        return sequence("tuple", key)
    if isinstance(key, frozenset):
        # A sum does not depend on the order of the elements.
        total = sum(_number(stable_hash(element) - 2**63) for element in key)
        return _combine(tagged("frozenset", len(key)), total & _MASK)  # type: ignore[no-any-return]
    if isinstance(key, Enum):
        return sequence("enum", (type(key).__qualname__, key.name))
    if _is_frozen_dataclass(key):
        values = (getattr(key, f.name) for f in dataclasses.fields(key) if f.compare)
        return sequence(type(key).__qualname__, values)
    # Lazily: few keys are dates or UUIDs, and their modules cost as much as all of flowlike.
    from flowlike.native.scalar_keys import hash_scalar  # noqa: PLC0415

    return hash_scalar(key)


def _is_frozen_dataclass(key: Any) -> bool:
    params = getattr(type(key), "__dataclass_params__", None)
    return params is not None and params.frozen and params.eq


def tagged(tag: str, number: int) -> int:
    """The hash of a number that is a ``tag``, and so equal to no plain number."""
    return _combine(_tag(tag), stable_hash(number))  # type: ignore[no-any-return]


def sequence(tag: str, elements: Iterable[Any]) -> int:
    """The hash of several keys in order that make a ``tag``."""
    result = _tag(tag)
    for element in elements:
        result = _combine(result, stable_hash(element))
    return result
