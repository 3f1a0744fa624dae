"""Descriptions of what brings the states of all partitions together, window by window."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from flowlike.operators.keys import Key, key_function
from flowlike.operators.operator import Operator, function_name
from flowlike.operators.triggering import Triggering, takes_context
from flowlike.options import check_callable, check_count

__all__ = ["Departition", "Fired", "Gathering", "HandOn", "Passed", "TakeSort"]


class Fired(NamedTuple):
    """What a replica hands on when a window fires.

    Attributes:
        window_id: which window.
        partition: the replica.
        done: whether it was the window's last trigger.
        state: what fired.
    """

    window_id: Any
    partition: int
    done: bool
    state: Any


class Passed(NamedTuple):
    """Word of a replica that all windows below one are done.

    Attributes:
        window_id: the first that may still fire.
        partition: the replica.
    """

    window_id: Any
    partition: int


class Gathering(Operator):
    """An operator that takes the states of all replicas of the layer before it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Departition(Gathering):
    """``acc = merge(acc, state)`` for every state that fires, then ``done(acc)`` per window.

    Args:
        init: makes the first ``acc`` of a window.
        function: ``merge(acc, state)``.
        done: takes ``(acc)`` or ``(acc, ctx)``; None: ``acc`` itself is what leaves.
        window: the kind of window that the layer before has.

    Raises:
        TypeError: one of them cannot be called, or is a coroutine function.
    """

    name: ClassVar[str] = "departition"
    init: Callable[[], Any]
    function: Callable[[Any, Any], Any]
    done: Callable[..., Any] | None = None
    window: str = "global"

    def __post_init__(self) -> None:
        check_callable("departition's init", self.init)
        check_callable("departition's merge", self.function)
        if self.done is not None:
            check_callable("departition's done", self.done)
            takes_context("departition's done", self.done)

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        done = "" if self.done is None else f", {function_name(self.done)}"
        return f"departition({function_name(self.function)}{done})"


@dataclass(frozen=True, slots=True)
class TakeSort(Gathering):
    """The smallest events, or the largest, of the last states of all partitions.

    Args:
        n: how many.
        key: what they are compared by; None: the events themselves.
        reverse: whether the largest are wanted, in descending order.
        window: the kind of window that the layer before has.

    Raises:
        TypeError: ``n`` is no integer, or ``key`` is no key.
        ValueError: ``n`` is below 1.
    """

    name: ClassVar[str] = "take_sort"
    n: int
    key: Key | None = None
    reverse: bool = False
    window: str = "global"

    def __post_init__(self) -> None:
        check_count("take_sort's n", self.n)
        if self.key is not None:
            key_function(self.key, "take_sort's key")
        if not isinstance(self.reverse, bool):
            raise TypeError(f"take_sort's reverse must be True or False, not {self.reverse!r}")

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        key = "" if self.key is None else f", {function_name(self.key)}"
        return f"take_sort({self.n}{key}{', reverse=True' if self.reverse else ''})"

    def best(self, events: Iterable[Any]) -> list[Any]:
        """Those of some events that are wanted, in order; of equal ones the first come first."""
        key = None if self.key is None else key_function(self.key)
        choose = heapq.nlargest if self.reverse else heapq.nsmallest
        return choose(self.n, events, key)


@dataclass(frozen=True, slots=True)
class HandOn(Triggering):
    """What leaves a layer whose states are gathered: each as `Fired`."""

    name: ClassVar[str] = "emit"
    gathering: Gathering

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"states to {self.gathering.name}"
