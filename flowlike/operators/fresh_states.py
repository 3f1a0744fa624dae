"""What a user's ``init`` makes: every window of every partition needs a state of its own."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from operator import is_
from typing import Any

import numpy as np

__all__ = ["FreshStates"]

_MAPPINGS = frozenset({dict, Counter, OrderedDict, defaultdict})
_SEQUENCES = frozenset({list, deque, bytearray, set})
_MOST_BYTES = 1 << 16  # of an array that is remembered

_NOTHING: Any = object()


class FreshStates:
    """Calls ``init``, and refuses an object that was handed out before and changed since.

    Windows that share a list or a dict would find each other's events in it. One that nobody
    changes, as ``fn`` makes a new state of it, may be shared. The first object is remembered until
    another one has come; what is not of the standard library or numpy is not looked at.

    Args:
        init: the user's function.
        label: the operator, for messages.

    >>> shared = []
    >>> states = FreshStates(lambda: shared, "reduce")
    >>> states().append(1)
    >>> states()
    Traceback (most recent call last):
        ...
    ValueError: the init of reduce has given the same list twice, and it was changed in between: \
windows and partitions would share it; let init make a new one at every call, such as lambda: []
    """

    __slots__ = ("_content", "_first", "_init", "_label")

    def __init__(self, init: Callable[[], Any], label: str) -> None:
        self._init = init
        self._label = label
        self._first: Any = _NOTHING
        self._content: tuple[Any, ...] | None = None

    def __call__(self) -> Any:
        """A state for a window.

        Raises:
            ValueError: it is that of another window, which has changed it.
        """
        state = self._init()
        if self._first is _NOTHING:
            self._first, self._content = state, _content(state)
        elif self._content is not None:
            if state is not self._first:
                self._first = self._content = None
            elif not _is_same(self._content, _content(state)):
                kind = type(state).__name__
                new = {"list": "lambda: []", "dict": "lambda: {}"}.get(kind, f"{kind}()")
                raise ValueError(
                    f"the init of {self._label} has given the same {kind} twice, and it was "
                    f"changed in between: windows and partitions would share it; let init make "
                    f"a new one at every call, such as {new}"
                )
        return state


def _content(state: Any) -> tuple[Any, ...] | None:
    """What there is in an object that can be changed; None for any other."""
    kind = type(state)
    if kind in _MAPPINGS:
        return (*state, *state.values())
    if kind in _SEQUENCES:
        return tuple(state)
    if kind is np.ndarray and state.nbytes <= _MOST_BYTES and not state.dtype.hasobject:
        return (state.tobytes(),)
    return None


def _is_same(before: tuple[Any, ...], now: tuple[Any, ...] | None) -> bool:
    if now is None or len(before) != len(now):
        return False
    return all(map(is_, before, now)) or (isinstance(before[0], bytes) and before == now)
