"""Checks of arguments: each names the argument, what was given and what is accepted."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from types import FunctionType
from typing import Any

__all__ = [
    "check_callable",
    "check_choice",
    "check_count",
    "check_seconds",
    "is_coroutine_function",
]


def check_count(name: str, value: Any, *, least: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``least``.

    Raises:
        TypeError: it is not an integer (``True`` is none either).
        ValueError: it is smaller than ``least``.
    """
    if type(value) is int and value >= least:
        return value
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{name} must be an integer of at least {least}, not {value!r}")
    number = int(value.__index__())
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def check_callable(name: str, value: Any, *, coroutine: bool = False) -> Callable[..., Any]:
    """Return ``value`` if it can be called; a coroutine function only where ``coroutine``.

    Raises:
        TypeError: it cannot be called, or is a coroutine function where none is awaited.
    """
    if not callable(value):
        raise TypeError(f"{name} must be callable, not {value!r}")
    if not coroutine and is_coroutine_function(value):
        raise TypeError(
            f"{name} is a coroutine function, and nothing awaits it here; "
            f"give a plain function, or await in map, map_batch or map_state"
        )
    return value  # type: ignore[no-any-return]


def is_coroutine_function(function: Any) -> bool:
    """True if calling ``function`` gives a coroutine (partials and callable objects too)."""
    if type(function) is FunctionType and not function.__dict__:  # nobody has marked it as one
        return bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> Any:
    """Return ``value`` if it is one of ``choices``.

    Raises:
        ValueError: it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, not {value!r}")
    return value


def check_seconds(name: str, value: Any, *, positive: bool = True) -> float:
    """Return a duration in seconds from a number of seconds or a ``timedelta``.

    Raises:
        TypeError: it is neither.
        ValueError: it is not finite, negative, or zero where ``positive``.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise TypeError(f"{name} must be a timedelta or a number of seconds, not {value!r}")
    if not isfinite(seconds):
        raise ValueError(f"{name} must be a finite number of seconds, not {value!r}")
    if seconds < 0 or (positive and seconds == 0):
        least = "more than 0" if positive else "0 or more"
        raise ValueError(f"{name} must be {least} seconds, not {value!r}")
    return seconds
