"""Keys: what an event is grouped, counted or partitioned by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from flowlike.options import check_callable

__all__ = ["Key", "key_function"]

Key: TypeAlias = Callable[[Any], Any] | int | str


def key_function(key: Key, name: str = "key") -> Callable[[Any], Any]:
    """The function that takes an event's key out of it.

    A function is returned as it is, an ``int`` indexes the event, a ``str`` is looked up
    in it if it is a mapping and is an attribute of it otherwise (each event decides).

    Args:
        key: a function, an ``int`` or a ``str``.
        name: what messages call the argument.

    Raises:
        TypeError: it is none of these, or a coroutine function.

    >>> key_function(1)(("a", 5))
    5
    >>> key_function("real")(3 + 4j)
    3.0
    """
    if isinstance(key, str):
        return _field(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return itemgetter(key)
    if not callable(key):
        raise TypeError(
            f"{name} must be a function, an int (an index into the event) or a str "
            f"(a mapping's key or an attribute), not {key!r}"
        )
    return check_callable(name, key)


def _field(name: str) -> Callable[[Any], Any]:
    def field(event: Any) -> Any:
        # A dict is by far the most frequent, and the check of the abstract class is slow.
        if type(event) is dict or isinstance(event, Mapping):
            return event[name]
        return getattr(event, name)

    return field
