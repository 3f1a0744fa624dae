"""Which operators before the reduce run together, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from flowlike.operators.executors import ExecutorChoice, Placement
from flowlike.operators.fusion import MOST_FUSED
from flowlike.operators.operator import Operator
from flowlike.operators.per_batch import MapBatch
from flowlike.operators.per_event import PerEvent
from flowlike.operators.placement import executor_of
from flowlike.options import is_coroutine_function

__all__ = ["Segment", "split", "split_in_place"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive operators that run as one.

    Attributes:
        kind: "fused" per-event operators in place; "batch", one map_batch in place;
            "sent" to an executor with the whole batch in one call; "calls", one operator
            with a call for each event; "awaited", a map_batch that is a coroutine function;
            "tried", one operator with a failure policy.
        operators: at least one; exactly one but for "fused" and "sent".
        executor: where they run.
    """

    kind: Literal["fused", "batch", "sent", "calls", "awaited", "tried"]
    operators: tuple[Operator, ...]
    executor: Placement = None

    @property
    def label(self) -> str:
        """The labels of its operators."""
        return " | ".join(operator.label for operator in self.operators)


def split(operators: Iterable[Operator], default: ExecutorChoice) -> list[Segment]:
    """Split per-event and per-batch operators into segments, in order.

    Args:
        operators: none of them reduces or comes after a reduce.
        default: the layer's executor.
    """
    return _joined(_segment(operator, default) for operator in operators)


def split_in_place(operators: Iterable[Operator]) -> list[Segment]:
    """The same for operators that all run here, whatever executor they ask for."""
    return _joined(
        Segment("batch" if isinstance(operator, MapBatch) else "fused", (operator,))
        for operator in operators
    )


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    joined: list[Segment] = []
    for segment in segments:
        if joined:
            last = joined[-1]
            executor, fits = _common(last.executor, segment.executor)
            if (
                fits
                and last.kind == segment.kind
                and (
                    last.kind == "sent"
                    or (last.kind == "fused" and len(last.operators) < MOST_FUSED)
                )
            ):
                joined[-1] = Segment(last.kind, (*last.operators, *segment.operators), executor)
                continue
        joined.append(segment)
    return joined


def _common(one: Placement, other: Placement) -> tuple[Placement, bool]:
    """Where two neighbours can run in one call, and whether they can."""
    if one == other:
        return one, True
    # A kernel that nobody placed goes along with neighbours that run in threads.
    return "threads", {one, other} == {"native", "threads"}


def _segment(operator: Operator, default: ExecutorChoice) -> Segment:
    executor = executor_of(operator, default)
    if isinstance(operator, (MapBatch, PerEvent)) and operator.on_error != "stop":
        return Segment("tried", (operator,), executor)
    if isinstance(operator, MapBatch):
        if is_coroutine_function(operator.function):
            return Segment("awaited", (operator,))
        return Segment("batch" if executor is None else "sent", (operator,), executor)
    if not isinstance(operator, PerEvent):
        raise TypeError(f"{operator.label} works neither on events nor on batches")
    if is_coroutine_function(operator.function):
        return Segment("calls", (operator,))
    if executor is None:
        return Segment("fused", (operator,))
    return Segment("calls" if operator.concurrency > 1 else "sent", (operator,), executor)
