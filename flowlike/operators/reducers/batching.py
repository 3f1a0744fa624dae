"""The reducer whose function takes whole batches."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.executors import ExecutorChoice
from flowlike.operators.guarded import ask, guarded, spread
from flowlike.operators.notes import Place, describe_batch, describe_missing
from flowlike.operators.outputs import Outputs
from flowlike.operators.placement import executor_of
from flowlike.operators.reducers.looping import make_state, merging
from flowlike.operators.reducers.reducer import Reducer, part
from flowlike.operators.reducing import ReduceBatch
from flowlike.operators.tally import Tally
from flowlike.options import is_coroutine_function
from flowlike.reduced import Reduced

if TYPE_CHECKING:
    from flowlike.operators.trying import Trying

__all__ = ["Batching"]


class Batching(Reducer):
    """`ReduceBatch`: in place, awaited, or sent to an executor with the state.

    A batch that a failure policy gives up leaves the state as it was.
    """

    def __init__(
        self, operator: ReduceBatch, place: Place, default: ExecutorChoice, tally: Tally
    ) -> None:
        self._operator = operator
        self._place = place
        self._merge = merging(operator, place)
        self.merges = self._merge is not None
        self._executor = executor_of(operator, default)
        self._tally = tally
        self._trying: Trying | None = None
        if operator.on_error != "stop":
            from flowlike.operators.trying import Trying  # noqa: PLC0415 - few flows need it

            self._trying = Trying(
                spread(operator.function),
                name=operator.name,
                label=operator.label,
                policy=operator.on_error,
                executor=self._executor,
                limit=1,
                place=place,
                tally=tally,
                describe=describe_batch,
                show=_batch_of,
            )
        self.inline = (
            self._executor is None
            and not is_coroutine_function(operator.function)
            and self._trying is None
        )
        self._function = guarded(
            spread(operator.function), operator.label, place, _describe_arguments
        )

    def init(self) -> Any:
        """A state of the user's."""
        return make_state(self._operator.init, self._operator.label, self._place)

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        if type(batch) is Reduced:
            return self.absorb(state, batch)
        return self._function((state, part(batch, start, stop)))

    def offload(
        self, state: Any, batch: Batch, start: int, stop: int
    ) -> Generator[Calls, list[Any], Any]:
        """The same, with the help of a driver."""
        label = self._operator.label
        arguments = [(state, part(batch, start, stop))]
        if self._trying is not None:
            made, given_up = yield from self._trying.run(arguments)
            if given_up:
                self._tally.skipped += stop - start
                return state
            return made[0]
        calls = Calls(self._function, arguments, self._executor, 1, label, stop - start)
        results = yield from ask(calls, self._place, describe_batch, arguments[0][1])
        return results[0]

    def merge(self, one: Any, other: Any) -> Any:
        """What the user's function makes of the two."""
        assert self._merge is not None
        return self._merge((one, other))


def _batch_of(arguments: tuple[Any, Batch]) -> Batch:
    return arguments[1]


def _describe_arguments(arguments: tuple[Any, Batch]) -> str:
    return describe_batch(arguments[1]) + describe_missing(arguments[0])
