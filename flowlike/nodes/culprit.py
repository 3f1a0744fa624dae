"""What in a function keeps it from being pickled."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from flowlike.pickling import pickle_by_value

__all__ = ["Culprit", "find_culprit"]

_DEEPEST = 20


class Culprit(NamedTuple):
    """What cannot be pickled.

    Attributes:
        text: where it is and what it is.
        error: what pickling it says.
    """

    text: str
    error: Exception


def find_culprit(function: Any) -> Culprit | None:
    """What in ``function`` keeps it from being pickled; ``None``: it can be.

    Example:
        >>> import threading
        >>> def make():
        ...     lock = threading.Lock()
        ...     return lambda n: lock
        >>> find_culprit(make()).text
        "lock, in the closure of make.<locals>.<lambda>, is a lock: cannot pickle ..."
        >>> find_culprit(lambda n: n + 1)
    """
    error = _refusal(function)
    if error is None:
        return None
    where, value = "", function
    for _ in range(_DEEPEST):
        for name, part in _parts(value):
            refused = _refusal(part)
            if refused is not None:
                where, value, error = name, part, refused
                break
        else:
            break
    kind = type(value).__name__
    said = str(error) or type(error).__name__
    return Culprit(f"{where}, is a {kind}: {said}" if where else said, error)


def _refusal(value: Any) -> Exception | None:
    try:
        pickle_by_value(value)
    except Exception as error:  # noqa: BLE001 - anything may say that it cannot be pickled
        return error
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What is pickled along with a value, and where it is."""
    if isinstance(value, functools.partial):
        yield f"{_named(value.func)}, in a partial", value.func
        for index, argument in enumerate(value.args):
            yield f"argument {index} of a partial of {_named(value.func)}", argument
        for name, argument in value.keywords.items():
            yield f"{name}, an argument of a partial of {_named(value.func)}", argument
    elif isinstance(value, types.MethodType):
        yield f"the object of the method {_named(value)}", value.__self__
    elif isinstance(value, types.FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(value):
            yield f"item {index} of a {type(value).__name__}", item
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"key {key!r:.40} of a dict", key
            yield f"{key!r:.40}, in a dict", item
    elif not isinstance(value, (type, types.ModuleType)):
        for name, item in _attributes(value):
            yield f"{name}, an attribute of a {type(value).__name__}", item


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        for name in kind.__dict__.get("__slots__", ()):
            if hasattr(value, name):
                yield name, getattr(value, name)


def _parts_of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    named = _named(function)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"{name}, in the closure of {named}", cell.cell_contents
        except ValueError:  # an empty cell
            continue
    for value in function.__defaults__ or ():
        yield f"a default argument of {named}", value
    for name, value in (function.__kwdefaults__ or {}).items():
        yield f"{name}, a default argument of {named}", value
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            yield f"{name}, a global that {named} uses", function.__globals__[name]


def _global_names(code: types.CodeType) -> Iterator[str]:
    """The names that a function looks up, those inside it too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _global_names(constant)


def _named(value: Any) -> str:
    return getattr(value, "__qualname__", None) or type(value).__name__
