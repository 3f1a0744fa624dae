"""The reducer whose function takes whole batches."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.executors import ExecutorChoice
from flowlike.operators.guarded import ask, guarded, spread
from flowlike.operators.notes import Place, describe_batch
from flowlike.operators.outputs import Outputs
from flowlike.operators.placement import executor_of
from flowlike.operators.reducers.looping import make_state
from flowlike.operators.reducers.reducer import Reducer, part
from flowlike.operators.reducing import ReduceBatch
from flowlike.options import is_coroutine_function

__all__ = ["Batching"]


class Batching(Reducer):
    """`ReduceBatch`: in place, awaited, or sent to an executor with the state."""

    def __init__(self, operator: ReduceBatch, place: Place, default: ExecutorChoice) -> None:
        self._operator = operator
        self._place = place
        self._executor = executor_of(operator, default)
        self.inline = self._executor is None and not is_coroutine_function(operator.function)
        self._function = guarded(
            spread(operator.function), operator.label, place, _describe_arguments
        )

    def init(self) -> Any:
        """A state of the user's."""
        return make_state(self._operator.init, self._operator.label, self._place)

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        return self._function((state, part(batch, start, stop)))

    def offload(
        self, state: Any, batch: Batch, start: int, stop: int
    ) -> Generator[Calls, list[Any], Any]:
        """The same, with the help of a driver."""
        label = self._operator.label
        arguments = [(state, part(batch, start, stop))]
        calls = Calls(self._function, arguments, self._executor, 1, label, stop - start)
        results = yield from ask(calls, self._place, describe_batch, arguments[0][1])
        return results[0]


def _describe_arguments(arguments: tuple[Any, Batch]) -> str:
    return describe_batch(arguments[1])
