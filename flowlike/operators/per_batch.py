"""Description of the operator that sees whole batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.operators.executors import ExecutorChoice, check_executor
from flowlike.operators.operator import Operator, function_name
from flowlike.operators.policy import Policy, check_policy
from flowlike.options import check_callable, is_coroutine_function

__all__ = ["MapBatch"]


@dataclass(frozen=True, slots=True)
class MapBatch(Operator):
    """Replaces every batch by the batch ``function(batch)``, of any length.

    Raises:
        TypeError: ``function`` cannot be called, or is a coroutine function beside an
            executor, or ``executor`` or ``on_error`` is none.
        ValueError: ``executor`` or ``on_error`` is an unknown word.
    """

    name: ClassVar[str] = "map_batch"
    function: Callable[[Any], Any]
    executor: ExecutorChoice = None
    on_error: Policy = "stop"

    def __post_init__(self) -> None:
        check_callable("map_batch's fn", self.function, coroutine=True)
        check_executor("map_batch's executor", self.executor)
        check_policy("map_batch's on_error", self.on_error)
        if self.executor is not None and is_coroutine_function(self.function):
            raise TypeError(
                "map_batch's fn is a coroutine function, which is awaited in the event loop; "
                "leave executor out, or give a plain function"
            )

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"map_batch({function_name(self.function)})"
