"""Calibration: how many items fit a call that shall take a given time."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flowlike.options import check_callable, check_count, check_seconds

__all__ = ["Calibration", "calibrate"]

MOST_ITEMS = 1 << 26
"""No chunk is tried beyond this: the inputs would no longer fit a small machine."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a call costs.

    Attributes:
        chunk_size: the largest number of items that stays within the target; at least 1.
        seconds_per_item: what one more item adds to a call (not measured, thus NaN, where the
            environment gives the chunk size).
        overhead: seconds that a call takes whatever its length (NaN likewise).
    """

    chunk_size: int
    seconds_per_item: float
    overhead: float


def calibrate(
    function: Callable[[Any], Any],
    make_input: Callable[[int], Any],
    *,
    name: str | None = None,
    target: float | timedelta = 0.001,
    repeats: int = 10,
) -> Calibration:
    """Find the largest chunk that ``function`` works off within ``target`` seconds.

    Lengths are doubled until a call takes longer, then the border is found by bisection, to
    one part in 32. The time of a length is the least of ``repeats`` calls; making the input
    is not counted. Lengths end at 2^26 items.

    With a ``name`` the result is kept in the user's cache folder, per machine, version and
    target, and found there the next time. ``FLOWLIKE_CHUNK_<NAME>`` in the environment (the
    name in capitals, ``_`` for anything but letters and digits) overrides it all.

    Args:
        function: called with ``make_input(n)``.
        make_input: makes an input of n items.
        name: under which to keep the result.
        target: seconds (or a timedelta) that a call may take.
        repeats: how often a length is timed.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument out of range, or an environment variable that is no positive
            integer.

    Warns:
        RuntimeWarning: the cache folder cannot be written; the result is not kept.
    """
    check_callable("function", function)
    check_callable("make_input", make_input)
    seconds = check_seconds("target", target)
    check_count("repeats", repeats)
    if name is None:
        return _measured(function, make_input, seconds, repeats)
    _check_name(name)
    override = _from_environment(name)
    if override is not None:
        return Calibration(override, math.nan, math.nan)
    # Lazily: files and JSON are nothing that everybody who imports flowlike should pay for.
    from flowlike.native.calibration_cache import cache_path, keep, kept_at  # noqa: PLC0415

    path = cache_path(name, seconds)
    kept = kept_at(path)
    if kept is None:
        kept = _measured(function, make_input, seconds, repeats)
        keep(path, kept)
    return kept


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {name!r}")
    if not re.search(r"[A-Za-z0-9]", name):
        raise ValueError(f"name must have a letter or digit, not {name!r}")


def _measured(
    function: Callable[[Any], Any], make_input: Callable[[int], Any], target: float, repeats: int
) -> Calibration:
    def least(n: int, enough: float = -math.inf) -> float:
        """The least time of a call with n items, or the first that is ``enough``."""
        items = make_input(n)
        best = math.inf
        for _ in range(repeats):
            start = time.perf_counter()
            function(items)
            best = min(best, time.perf_counter() - start)
            if best <= enough:
                break
        return best

    fits, fails = 1, 2
    while fails <= MOST_ITEMS and least(fails, target) <= target:
        fits, fails = fails, fails * 2
    while fails <= MOST_ITEMS and fails - fits > max(1, fits // 32):
        middle = (fits + fails) // 2
        if least(middle, target) <= target:
            fits = middle
        else:
            fails = middle
    short, long = max(1, fits // 8), max(fits, 2)
    short_time, long_time = least(short), least(long)
    per_item = max(0.0, (long_time - short_time) / (long - short))
    return Calibration(fits, per_item, max(0.0, short_time - short * per_item))


def _from_environment(name: str) -> int | None:
    variable = "FLOWLIKE_CHUNK_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
    text = os.environ.get(variable)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]+", text.strip()) or int(text) < 1:
        raise ValueError(f"{variable} must be a positive integer, not {text!r}")
    return int(text)
