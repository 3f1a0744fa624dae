"""What one partition is to get, combined before it is sent: reduced, or without duplicates."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from flowlike.batches import Batch
from flowlike.operators import entries
from flowlike.operators.calls import run_inline
from flowlike.operators.fresh_states import FreshStates
from flowlike.operators.notes import Place
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers import make_reducer
from flowlike.operators.reducing import Reduce, ReduceBatch
from flowlike.operators.tally import Tally
from flowlike.reduced import Reduced

if TYPE_CHECKING:
    from flowlike.operators.entering import Unique

__all__ = ["LEAST", "PAUSE", "Partial", "make_partial", "with_fresh_states"]

LEAST = 64
"""Events of a batch that are worth a try; fewer go as they are."""

_WORTH = 4
"""How many events have to become one, on average, for the work to pay."""

PAUSE = 16
"""How many times as many events go on as they are after it did not."""

_MOST_SEEN = 1 << 16
"""Keys that are remembered for all partitions together before they are forgotten."""


class Partial(Protocol):
    """Makes less of a part of a batch; called with every part that a partition is to get."""

    def __call__(self, part: Batch) -> Batch:
        """The part, or what is to be sent in its place."""
        ...


def make_partial(operator: Reduce | ReduceBatch | Unique, place: Place) -> Partial:
    """What does for a partition, before it is sent anything, what its replica does.

    Args:
        operator: of the layer behind.
        place: the replica there; what fails says that it was in this one.
    """
    if isinstance(operator, (Reduce, ReduceBatch)):
        return _Reducing(operator, place)
    return _Distinct(operator, place)


def with_fresh_states(operator: Any) -> Any:
    """The operator with an ``init`` that is watched: see `FreshStates`."""
    if isinstance(operator, (Reduce, ReduceBatch)):
        return replace(operator, init=FreshStates(operator.init, operator.name))
    return operator


class _Reducing:
    def __init__(self, operator: Reduce | ReduceBatch, place: Place) -> None:
        self._reducer = make_reducer(operator, place=place, tally=Tally())
        self._outputs = Outputs()
        self._passing = 0
        self._has_state = False

    def __call__(self, part: Batch) -> Batch:
        count = len(part)
        if self._passing > 0 or count < LEAST:
            self._passing -= count
            return part
        reducer = self._reducer
        state = reducer.step(reducer.init(), part, 0, count, self._outputs)
        if not self._has_state:
            self._has_state = True
            reducer.init()  # the replica may be beside this one, and must not be given this state
        if _size(state) * _WORTH > count:
            self._passing = PAUSE * count
        return Reduced([state], count)


class _Distinct:
    def __init__(self, operator: Unique, place: Place) -> None:
        self._distinct = entries.Distinct(operator, place)
        self._most = max(_MOST_SEEN // place.partitions, LEAST)
        self._seen = self._distinct.start()
        self._passing = 0

    def __call__(self, part: Batch) -> Batch:
        count = len(part)
        if self._passing > 0:
            self._passing -= count
            return part
        new = run_inline(self._distinct.push(self._seen, part, 0))
        if len(self._seen) > self._most:
            self._seen = self._distinct.start()
        if count >= LEAST and len(new) * _WORTH > count * (_WORTH - 1):
            self._passing = PAUSE * count
        return new


def _size(state: Any) -> int:
    """Roughly how many events would take as long on their way."""
    if isinstance(state, (np.ndarray, np.generic)):
        return state.nbytes // 8
    return len(state) if isinstance(state, Sized) else 1
