"""Descriptions of the operators that see one event at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.operators.executors import ExecutorChoice, check_executor
from flowlike.operators.operator import Operator, function_name
from flowlike.options import check_callable, check_count, is_coroutine_function

__all__ = ["Each", "Filter", "FlatMap", "Map", "MapValues", "PerEvent", "Reject"]


class PerEvent(Operator):
    """An operator whose function is called once an event.

    Attributes:
        function: a plain or a coroutine function of one argument.
        concurrency: the most calls at once in a replica.
        executor: where it runs; None is the layer's default.
    """

    __slots__ = ()
    function: Callable[[Any], Any]
    concurrency: int
    executor: ExecutorChoice

    @property
    def label(self) -> str:
        """The operator as plans and notes show it, such as ``map(parse)``."""
        return f"{self.name}({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class Map(PerEvent):
    """Replaces every event by ``function(event)``.

    Raises:
        TypeError: ``function`` cannot be called, or an argument has the wrong type.
        ValueError: ``concurrency`` is below 1, or ``executor`` an unknown name.
    """

    name: ClassVar[str] = "map"
    function: Callable[[Any], Any]
    concurrency: int = 1
    executor: ExecutorChoice = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class FlatMap(PerEvent):
    """Replaces every event by the events of the iterable ``function(event)``.

    Raises:
        TypeError: ``function`` cannot be called, or an argument has the wrong type.
        ValueError: ``concurrency`` is below 1, or ``executor`` an unknown name.
    """

    name: ClassVar[str] = "flat_map"
    function: Callable[[Any], Any]
    concurrency: int = 1
    executor: ExecutorChoice = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Filter(PerEvent):
    """Keeps the events for which ``function(event)`` is true.

    Raises:
        TypeError: ``function`` cannot be called, or an argument has the wrong type.
        ValueError: ``concurrency`` is below 1, or ``executor`` an unknown name.
    """

    name: ClassVar[str] = "filter"
    function: Callable[[Any], Any]
    concurrency: int = 1
    executor: ExecutorChoice = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Reject(PerEvent):
    """Drops the events for which ``function(event)`` is true.

    Raises:
        TypeError: ``function`` cannot be called, or ``concurrency`` is no integer.
        ValueError: ``concurrency`` is below 1.
    """

    name: ClassVar[str] = "reject"
    executor: ClassVar[ExecutorChoice] = None  # type: ignore[misc]
    function: Callable[[Any], Any]
    concurrency: int = 1

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class MapValues(PerEvent):
    """Replaces the value of every ``(key, value)`` event by ``function(value)``.

    Raises:
        TypeError: ``function`` cannot be called.
    """

    name: ClassVar[str] = "map_values"
    concurrency: ClassVar[int] = 1  # type: ignore[misc]
    executor: ClassVar[ExecutorChoice] = None  # type: ignore[misc]
    function: Callable[[Any], Any]

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class Each(PerEvent):
    """Calls ``function(event)`` for its effect and passes the event on.

    Raises:
        TypeError: ``function`` cannot be called, or ``concurrency`` is no integer.
        ValueError: ``concurrency`` is below 1.
    """

    name: ClassVar[str] = "each"
    executor: ClassVar[ExecutorChoice] = None  # type: ignore[misc]
    function: Callable[[Any], Any]
    concurrency: int = 1

    def __post_init__(self) -> None:
        _check(self)


def _check(operator: PerEvent) -> None:
    name = operator.name
    check_callable(f"{name}'s fn", operator.function, coroutine=True)
    check_count(f"{name}'s concurrency", operator.concurrency)
    check_executor(f"{name}'s executor", operator.executor)
    if operator.executor is not None and is_coroutine_function(operator.function):
        raise TypeError(
            f"{name}'s fn is a coroutine function, which is awaited in the event loop; "
            f"leave executor out, or give a plain function"
        )
