"""Descriptions of the operators that make a state out of the events of a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.operators.executors import ExecutorChoice, check_executor
from flowlike.operators.keys import Key, key_function
from flowlike.operators.operator import Operator, function_name
from flowlike.operators.policy import Policy, check_policy
from flowlike.options import check_callable, is_coroutine_function

__all__ = [
    "CollectBatch",
    "CountBy",
    "EmitAndReduce",
    "GroupBy",
    "GroupByKey",
    "Reduce",
    "ReduceBatch",
    "Reducing",
]


class Reducing(Operator):
    """An operator that reduces; a layer has at most one.

    Attributes:
        loops: whether it takes one event after the other, so that per-event operators
            before it can run in its own loop.
    """

    __slots__ = ()
    loops: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Reduce(Reducing):
    """``init()`` per window, then ``state = function(state, event)``.

    Raises:
        TypeError: an argument cannot be called, or is a coroutine function.
    """

    name: ClassVar[str] = "reduce"
    init: Callable[[], Any]
    function: Callable[[Any, Any], Any]
    merge: Callable[[Any, Any], Any] | None = None

    def __post_init__(self) -> None:
        _check_init(self.name, self.init)
        check_callable("reduce's fn", self.function)
        _check_merge(self.name, self.merge)

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"reduce({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class ReduceBatch(Reducing):
    """``init()`` per window, then ``state = function(state, batch)``.

    Raises:
        TypeError: an argument cannot be called, or is a coroutine function where none is
            awaited, or ``executor`` or ``on_error`` is none.
        ValueError: ``executor`` or ``on_error`` is an unknown word.
    """

    name: ClassVar[str] = "reduce_batch"
    loops: ClassVar[bool] = False
    init: Callable[[], Any]
    function: Callable[[Any, Any], Any]
    merge: Callable[[Any, Any], Any] | None = None
    executor: ExecutorChoice = None
    on_error: Policy = "stop"

    def __post_init__(self) -> None:
        _check_init(self.name, self.init)
        check_callable("reduce_batch's fn", self.function, coroutine=True)
        _check_merge(self.name, self.merge)
        check_executor("reduce_batch's executor", self.executor)
        check_policy("reduce_batch's on_error", self.on_error)
        if self.executor is not None and is_coroutine_function(self.function):
            raise TypeError(
                "reduce_batch's fn is a coroutine function, which is awaited in the event "
                "loop; leave executor out, or give a plain function"
            )

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"reduce_batch({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class EmitAndReduce(Reducing):
    """``events, state = function(state, event)``; the events leave at once.

    Raises:
        TypeError: an argument cannot be called, or is a coroutine function.
    """

    name: ClassVar[str] = "emit_and_reduce"
    init: Callable[[], Any]
    function: Callable[[Any, Any], Any]

    def __post_init__(self) -> None:
        _check_init(self.name, self.init)
        check_callable("emit_and_reduce's fn", self.function)

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"emit_and_reduce({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class CollectBatch(Reducing):
    """All events of the window as one batch."""

    name: ClassVar[str] = "collect_batch"
    loops: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class GroupBy(Reducing):
    """A ``dict`` of key to the list of the values with that key, in arrival order.

    Raises:
        TypeError: ``key`` or ``value`` is neither a function, an ``int`` nor a ``str``.
    """

    name: ClassVar[str] = "group_by"
    key: Key
    value: Key | None = None

    def __post_init__(self) -> None:
        key_function(self.key, "group_by's key")
        if self.value is not None:
            key_function(self.value, "group_by's value")

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"group_by({function_name(self.key)})"


@dataclass(frozen=True, slots=True)
class GroupByKey(Reducing):
    """`GroupBy` for events that are ``(key, value)`` pairs."""

    name: ClassVar[str] = "group_by_key"


@dataclass(frozen=True, slots=True)
class CountBy(Reducing):
    """A ``collections.Counter`` of the keys; without a key, of the events.

    Raises:
        TypeError: ``key`` is neither None, a function, an ``int`` nor a ``str``.
    """

    name: ClassVar[str] = "count_by"
    key: Key | None = None

    def __post_init__(self) -> None:
        if self.key is not None:
            key_function(self.key, "count_by's key")

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"count_by({'' if self.key is None else function_name(self.key)})"


def _check_init(name: str, init: Any) -> None:
    if not callable(init):
        raise TypeError(
            f"{name}'s init must be callable, a function that makes a new state for each "
            f"window (such as list, or lambda: {init!r:.40}), not {init!r:.40}"
        )
    check_callable(f"{name}'s init", init)


def _check_merge(name: str, merge: Any) -> None:
    if merge is not None:
        check_callable(f"{name}'s merge", merge)
