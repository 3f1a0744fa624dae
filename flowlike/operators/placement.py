"""Where the function of an operator runs."""

from __future__ import annotations

from typing import Any

from flowlike.native import Kernel
from flowlike.operators.executors import ExecutorChoice, Placement
from flowlike.options import is_coroutine_function

__all__ = ["executor_of"]


def executor_of(operator: Any, default: ExecutorChoice) -> Placement:
    """Where the function of an operator runs: its own choice, the layer's, its kind's.

    A coroutine function runs in the event loop. A kernel that waits for its device has a thread
    like any function that waits: by its CPU time it would seem to cost nothing, and be called in
    the loop.
    """
    function = operator.function
    if is_coroutine_function(function):
        return None
    if operator.executor is not None:
        return operator.executor  # type: ignore[no-any-return]
    if default is not None and operator.follows_layer:
        return default
    if isinstance(function, Kernel):
        return "threads" if function.waits else "native"
    return None
