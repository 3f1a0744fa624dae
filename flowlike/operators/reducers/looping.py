"""Reducers that take one event after the other in a generated loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flowlike.batches import Batch
from flowlike.grouped import Grouped
from flowlike.operators.fusion import Fused
from flowlike.operators.guarded import guarded, spread
from flowlike.operators.keys import key_function
from flowlike.operators.notes import Place, describe_state
from flowlike.operators.operator import Operator
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers.reducer import Reducer, part
from flowlike.operators.reducing import EmitAndReduce, GroupBy, GroupByKey, Reduce, Reducing
from flowlike.operators.tally import Tally
from flowlike.reduced import Reduced

__all__ = ["Folding", "Grouping"]


class Folding(Reducer):
    """`Reduce` and `EmitAndReduce`: the user's function decides what a state is.

    Args:
        operator: the description.
        before: per-event operators that run in the same loop.
        place: the replica.
        emits: whether the events of emit_and_reduce are wanted.
        tally: counts what ``before`` filters.
    """

    def __init__(
        self,
        operator: Reduce | EmitAndReduce,
        before: Sequence[Operator],
        place: Place,
        emits: bool,
        tally: Tally,
    ) -> None:
        self._operator = operator
        self._place = place
        self._merge = merging(operator, place)
        self.merges = self._merge is not None
        ending = operator.name
        if isinstance(operator, EmitAndReduce):
            self.emits = emits
            if not emits:
                ending += ":silent"
        functions = {f"f{len(before)}": operator.function}
        self._fused = Fused(before, place, ending, operator, functions, tally=tally)

    def init(self) -> Any:
        """A state of the user's."""
        return make_state(self._operator.init, self._operator.label, self._place)

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        if type(batch) is Reduced:
            return self.absorb(state, batch)
        return self._fused.reduce(part(batch, start, stop), state, outputs)

    def merge(self, one: Any, other: Any) -> Any:
        """What the user's function makes of the two."""
        assert self._merge is not None
        return self._merge((one, other))


class Grouping(Reducer):
    """`GroupBy` and `GroupByKey`: a dict of lists."""

    def __init__(
        self,
        operator: GroupBy | GroupByKey,
        before: Sequence[Operator],
        place: Place,
        tally: Tally,
    ) -> None:
        self._label = operator.label
        functions: dict[str, Callable[..., Any]] = {}
        ending = "group_by_key"
        if isinstance(operator, GroupBy):
            functions[f"f{len(before)}"] = key_function(operator.key)
            ending = "group_events"
            if operator.value is not None:
                functions["value_of"] = key_function(operator.value)
                ending = "group_by"
        self._fused = Fused(before, place, ending, operator, functions, tally=tally)

    def init(self) -> dict[Any, list[Any]]:
        """No groups."""
        return {}

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        if type(batch) is Grouped:
            return _add_groups(state, zip(batch.keys, batch.values, strict=True))
        return self._fused.reduce(part(batch, start, stop), state, outputs)

    def show(self, state: dict[Any, list[Any]], keep: bool) -> dict[Any, list[Any]]:
        """The groups; with ``keep`` a copy of the dict and of every list."""
        return {key: list(values) for key, values in state.items()} if keep else state

    def merge(self, one: dict[Any, list[Any]], other: dict[Any, list[Any]]) -> Any:
        """The values of the one, then those of the other."""
        return _add_groups(one, other.items())

    def adopt(self, state: Any, who: str) -> dict[Any, list[Any]]:
        """A copy of the groups that ``on_trigger`` returned.

        Raises:
            TypeError: it is no mapping.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"{who} must return (events, new_state) with a dict of lists as the new "
                f"state of {self._label}, not {state!r:.80}"
            )
        return {key: list(values) for key, values in state.items()}


def _add_groups(
    state: dict[Any, list[Any]], groups: Iterable[tuple[Any, list[Any]]]
) -> dict[Any, list[Any]]:
    """The values of the state, then the others."""
    find = state.get
    for key, values in groups:
        group = find(key)
        if group is None:
            state[key] = values
        else:
            group += values
    return state


def merging(operator: Reducing, place: Place) -> Callable[[Any], Any] | None:
    """The user's ``merge`` as a guarded function of a pair of states, if there is one."""
    merge = getattr(operator, "merge", None)
    if merge is None:
        return None
    return guarded(spread(merge), f"the merge of {operator.label}", place, _describe_states)


def _describe_states(states: tuple[Any, Any]) -> str:
    return " and ".join(map(describe_state, states))


def make_state(init: Callable[[], Any], label: str, place: Place) -> Any:
    """Call a user's ``init``; what it raises carries a note."""
    try:
        return init()
    except StopIteration as error:
        replacement = RuntimeError(f"the init of {label} raised StopIteration")
        place.note(replacement, label, "init()")
        raise replacement from error
    except Exception as error:
        place.note(error, label, "init()")
        raise
