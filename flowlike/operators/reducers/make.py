"""Which running reducer a description gets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowlike.native import Kernel
from flowlike.operators.executors import ExecutorChoice
from flowlike.operators.notes import Place
from flowlike.operators.operator import Operator
from flowlike.operators.reducers.batching import Batching
from flowlike.operators.reducers.collecting import Collecting
from flowlike.operators.reducers.counting import Counting
from flowlike.operators.reducers.looping import Folding, Grouping
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.reducing import (
    CollectBatch,
    CountBy,
    EmitAndReduce,
    GroupBy,
    GroupByKey,
    Reduce,
    ReduceBatch,
    Reducing,
)
from flowlike.operators.tally import Tally
from flowlike.operators.triggering import MapState

__all__ = ["make_reducer"]


def make_reducer(
    operator: Reducing,
    *,
    place: Place,
    tally: Tally,
    before: Sequence[Operator] = (),
    after: Sequence[Operator] = (),
    default: ExecutorChoice = None,
    emits: bool = True,
) -> Reducer:
    """The running form of a reducing operator.

    Args:
        operator: the description.
        place: the replica.
        tally: counts what is filtered, skipped and retried.
        before: per-event operators to run in its loop, if it `loops`.
        after: the operators after it.
        default: the layer's executor.
        emits: whether events that leave at once are wanted.

    Raises:
        TypeError: no reducing operator of this library.
    """
    match operator:
        case Reduce() | EmitAndReduce():
            return Folding(operator, before, place, emits, tally)
        case GroupBy() | GroupByKey():
            return Grouping(operator, before, place, tally)
        case CountBy():
            return Counting(operator, before, place, tally)
        case ReduceBatch():
            return Batching(operator, place, default, tally)
        case CollectBatch():
            first = next((each for each in after if isinstance(each, MapState)), None)
            if first is not None and isinstance(first.function, Kernel):
                return Collecting(np.empty(0, first.function.input))
            return Collecting([])
        case _:
            raise TypeError(f"{operator!r} is no operator that reduces")
