"""Descriptions of the operators that say what leaves a reduce when a trigger fires."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from flowlike.native import Kernel
from flowlike.operators.executors import ExecutorChoice, check_executor
from flowlike.operators.operator import Operator, function_name
from flowlike.options import check_callable, check_choice, is_coroutine_function

__all__ = ["EachState", "Emit", "MapState", "OnTrigger", "Triggering", "takes_context"]


class Triggering(Operator):
    """An operator that comes after the reduce of its layer."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class MapState(Triggering):
    """Replaces the state that is fired by ``function(state)`` or ``function(state, ctx)``.

    The state that the window keeps is not changed.

    Raises:
        TypeError: ``function`` cannot be called with a state, or is a coroutine function
            beside an executor, or ``executor`` is none.
        ValueError: ``executor`` is an unknown name.
    """

    name: ClassVar[str] = "map_state"
    function: Callable[..., Any]
    executor: ExecutorChoice = None

    def __post_init__(self) -> None:
        check_callable("map_state's fn", self.function, coroutine=True)
        takes_context("map_state's fn", self.function)
        check_executor("map_state's executor", self.executor)
        if self.executor is not None and is_coroutine_function(self.function):
            raise TypeError(
                "map_state's fn is a coroutine function, which is awaited in the event loop; "
                "leave executor out, or give a plain function"
            )

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"map_state({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class EachState(Triggering):
    """Calls ``function(state)`` or ``function(state, ctx)`` for its effect.

    Raises:
        TypeError: ``function`` cannot be called with a state.
    """

    name: ClassVar[str] = "each_state"
    executor: ClassVar[ExecutorChoice] = None
    follows_layer: ClassVar[bool] = False  # it looks at the state of the loop
    function: Callable[..., Any]

    def __post_init__(self) -> None:
        check_callable("each_state's fn", self.function, coroutine=True)
        takes_context("each_state's fn", self.function)

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"each_state({function_name(self.function)})"


@dataclass(frozen=True, slots=True)
class Emit(Triggering):
    """What leaves when a trigger fires: the state's events, the state itself, or nothing.

    Raises:
        ValueError: ``mode`` is none of "events", "state" and "nothing".
    """

    name: ClassVar[str] = "emit"
    mode: Literal["events", "state", "nothing"]

    def __post_init__(self) -> None:
        check_choice("emit's what", self.mode, ("events", "state", "nothing"))

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"emit({self.mode!r})"


@dataclass(frozen=True, slots=True)
class OnTrigger(Triggering):
    """``events, new_state = function(state)``, or with ``(state, ctx)``.

    The new state wins over "reset".

    Raises:
        TypeError: ``function`` cannot be called with a state.
    """

    name: ClassVar[str] = "on_trigger"
    executor: ClassVar[ExecutorChoice] = None
    follows_layer: ClassVar[bool] = False  # it looks at the state of the loop
    function: Callable[..., Any]

    def __post_init__(self) -> None:
        check_callable("on_trigger's fn", self.function, coroutine=True)
        takes_context("on_trigger's fn", self.function)

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"on_trigger({function_name(self.function)})"


def takes_context(name: str, function: Callable[..., Any]) -> bool:
    """True if ``function`` has two positional parameters without a default.

    A builtin that does not tell its signature takes the state alone.

    Raises:
        TypeError: it can be called neither with ``(state)`` nor with ``(state, ctx)``.
    """
    if isinstance(function, Kernel):
        return False  # no need to take its signature apart for every replica
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return False
    required = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    arguments = (None, None) if len(required) == 2 else (None,)
    try:
        signature.bind(*arguments)
    except TypeError:
        raise TypeError(
            f"{name} must take (state) or (state, ctx), but has the signature {signature}"
        ) from None
    return len(arguments) == 2
