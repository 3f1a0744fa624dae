"""Stable hashes of the scalars of the standard library: dates, times, UUIDs, paths."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from flowlike.native.hashing import sequence, tagged

__all__ = ["hash_scalar"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def hash_scalar(key: Any) -> int:
    """Scalars of the standard library, each by the value that its equality compares.

    Raises:
        TypeError: it is none of those either.
    """
    match key:
        case None:
            return tagged("None", 0)
        case datetime() if key.utcoffset() is not None:
            return tagged("datetime", (key - _EPOCH) // _MICROSECOND)
        case datetime():
            moment = (key - _EPOCH.replace(tzinfo=None)) // _MICROSECOND
            return tagged("naive datetime", moment)
        case date():
            return tagged("date", key.toordinal())
        case time():
            offset = key.utcoffset()
            span = timedelta(0, (key.hour * 60 + key.minute) * 60 + key.second, key.microsecond)
            tag = "naive time" if offset is None else "time"
            return tagged(tag, (span - (offset or timedelta())) // _MICROSECOND)
        case timedelta():
            return tagged("timedelta", key // _MICROSECOND)
        case UUID():
            return tagged("uuid", key.int)
        case PurePosixPath():
            return sequence("path", (str(key),))
    unfit = "is not hashable" if type(key).__hash__ is None else "has no stable hash"
    raise TypeError(
        f"a key of type {type(key).__name__!r} {unfit}; keys may be numbers, str, bytes, None, "
        f"dates and times, UUIDs, enums, and tuples, frozensets and frozen dataclasses of "
        f"these; convert it in key=, or give hash="
    )
