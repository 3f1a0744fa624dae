"""The options that every layer takes, checked where they are given."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from flowlike.operators import ExecutorChoice, Window, check_executor
from flowlike.options import check_callable, check_choice, check_count
from flowlike.stages.demand import demand_policy

__all__ = ["LayerKeywords", "LayerOptions"]


class LayerKeywords(TypedDict, total=False):
    """The keywords of a layer, for type checkers."""

    stages: int | None
    window: Window | None
    max_demand: int | Literal["auto"]
    min_demand: int | None
    buffer_size: float | None
    buffer_keep: Literal["last", "first"]
    executor: ExecutorChoice
    on_init: Callable[[int, int], Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """How a layer is run.

    Args:
        stages: the number of replicas; ``None``: the CPUs that this process may use, or one
            where more could not run at the same time.
        window: cuts the events of the layer's reduce.
        max_demand: the most events of one producer that a replica holds; or "auto".
        min_demand: it asks again when this many are left; default half of ``max_demand``.
        buffer_size: the most events that wait because nobody asked for them; ``None``: no
            limit.
        buffer_keep: "last" or "first", which of them stay when the buffer is full.
        executor: where the functions of the layer's operators run by default.
        on_init: called as ``on_init(partition, partitions)`` in the event loop when a replica
            starts.
        ordered: whether the events of its source stay in order; no keyword of a layer.

    Raises:
        TypeError: a value of the wrong type, or an unknown keyword.
        ValueError: a value out of its range.
    """

    stages: int | None = None
    window: Window | None = None
    max_demand: int | Literal["auto"] = "auto"
    min_demand: int | None = None
    buffer_size: float | None = None
    buffer_keep: str = "last"
    executor: ExecutorChoice = None
    on_init: Callable[[int, int], Any] | None = None
    ordered: bool = False

    def __post_init__(self) -> None:
        if self.stages is not None:
            check_count("stages", self.stages)
        if self.window is not None and not isinstance(self.window, Window):
            raise TypeError(
                f"window must be a window such as GlobalWindow(), not {self.window!r:.80}"
            )
        demand_policy(self.max_demand, self.min_demand)
        if self.buffer_size is not None and self.buffer_size != math.inf:
            check_count("buffer_size", self.buffer_size, least=0)
        check_choice("buffer_keep", self.buffer_keep, ("last", "first"))
        check_executor("executor", self.executor)
        if self.on_init is not None:
            check_callable("on_init", self.on_init)
