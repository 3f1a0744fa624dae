"""The reducer that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowlike.batches import Batch, events_of
from flowlike.counted import Counted
from flowlike.operators.fusion import Fused
from flowlike.operators.keys import key_function
from flowlike.operators.notes import Place, describe_batch, describe_event, unhashable
from flowlike.operators.operator import Operator
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers.reducer import Reducer, part
from flowlike.operators.reducing import CountBy
from flowlike.operators.tally import Tally

__all__ = ["Counting"]


@dataclass(frozen=True, slots=True)
class _KeyOf(Operator):
    """The key function of count_by, as the last of the fused operators."""

    name = "map"
    function: Callable[[Any], Any]
    shown: str

    @property
    def label(self) -> str:
        return self.shown


class Counting(Reducer):
    """`CountBy`: ``Counter.update``, which counts in C, over the keys of a batch."""

    def __init__(
        self, operator: CountBy, before: Sequence[Operator], place: Place, tally: Tally
    ) -> None:
        self._label = operator.label
        self._place = place
        operators = list(before)
        if operator.key is not None:
            operators.append(_KeyOf(key_function(operator.key), operator.label))
        self._keys: Callable[[Batch], Any] = events_of
        if operators:
            self._keys = Fused(operators, place, tally=tally)

    def init(self) -> Counter[Any]:
        """No counts."""
        return Counter()

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        if type(batch) is Counted:
            find = state.get
            for event, count in zip(batch.events, batch.counts, strict=True):
                state[event] = find(event, 0) + count
            return state
        keys = self._keys(part(batch, start, stop))
        try:
            state.update(keys)
        except Exception as error:
            self._place.note(error, self._label, describe_batch(batch))
            if isinstance(error, TypeError):
                self._refuse(keys, error)
            raise
        return state

    def _refuse(self, keys: Iterable[Any], error: TypeError) -> None:
        """Say which key cannot be hashed, if it is one that this error is about.

        Raises:
            TypeError: the key.
        """
        for key in keys:
            try:
                hash(key)
            except TypeError:
                refusal = unhashable(self._label, key)
                self._place.note(refusal, self._label, describe_event(key))
                raise refusal from error

    def show(self, state: Counter[Any], keep: bool) -> Counter[Any]:
        """The counts; with ``keep`` a copy."""
        return state.copy() if keep else state

    def merge(self, one: Counter[Any], other: Counter[Any]) -> Counter[Any]:
        """The sums of the counts."""
        one.update(other)
        return one

    def adopt(self, state: Any, who: str) -> Counter[Any]:
        """A copy of the counts that ``on_trigger`` returned.

        Raises:
            TypeError: it is no mapping.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"{who} must return (events, new_state) with a mapping of counts as the new "
                f"state of {self._label}, not {state!r:.80}"
            )
        return Counter(state)
