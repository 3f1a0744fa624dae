"""Descriptions of the operators that see one event at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.operators.executors import ExecutorChoice, check_executor
from flowlike.operators.operator import Operator, function_name
from flowlike.operators.policy import Policy, check_policy
from flowlike.options import check_callable, check_count, is_coroutine_function

__all__ = ["Each", "Filter", "FlatMap", "Map", "MapValues", "PerEvent", "Reject"]


@dataclass(frozen=True, slots=True)
class PerEvent(Operator):
    """An operator whose function is called once an event.

    Args:
        function: a plain or a coroutine function of one argument.
        concurrency: the most calls at once in a replica.
        executor: where it runs; None is the layer's default.
        on_error: what happens when the function raises.

    Attributes:
        argument: what the method of `Flow` calls the function.

    Raises:
        TypeError: ``function`` cannot be called, or an argument has the wrong type.
        ValueError: ``concurrency`` is below 1, or ``executor`` or ``on_error`` an unknown word.
    """

    argument: ClassVar[str] = "fn"
    function: Callable[[Any], Any]
    concurrency: int = 1
    executor: ExecutorChoice = None
    on_error: Policy = "stop"

    def __post_init__(self) -> None:
        name = self.name
        check_callable(f"{name}'s {self.argument}", self.function, coroutine=True)
        check_count(f"{name}'s concurrency", self.concurrency)
        check_executor(f"{name}'s executor", self.executor)
        check_policy(f"{name}'s on_error", self.on_error)
        if self.executor is not None and is_coroutine_function(self.function):
            raise TypeError(
                f"{name}'s {self.argument} is a coroutine function, which is awaited in the "
                f"event loop; leave executor out, or give a plain function"
            )

    @property
    def label(self) -> str:
        """The operator as plans and notes show it, such as ``map(parse)``."""
        return f"{self.name}({function_name(self.function)})"


class Map(PerEvent):
    """Replaces every event by ``function(event)``."""

    __slots__ = ()
    name: ClassVar[str] = "map"


class FlatMap(PerEvent):
    """Replaces every event by the events of the iterable ``function(event)``."""

    __slots__ = ()
    name: ClassVar[str] = "flat_map"


class Filter(PerEvent):
    """Keeps the events for which ``function(event)`` is true."""

    __slots__ = ()
    name: ClassVar[str] = "filter"
    argument: ClassVar[str] = "pred"


class Reject(PerEvent):
    """Drops the events for which ``function(event)`` is true."""

    __slots__ = ()
    name: ClassVar[str] = "reject"
    argument: ClassVar[str] = "pred"


class MapValues(PerEvent):
    """Replaces the value of every ``(key, value)`` event by ``function(value)``."""

    __slots__ = ()
    name: ClassVar[str] = "map_values"


class Each(PerEvent):
    """Calls ``function(event)`` for its effect and passes the event on."""

    __slots__ = ()
    name: ClassVar[str] = "each"
