"""This process, the event loop of the caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from flowlike.flow.placement import Here, Placement
from flowlike.flow.plan import Plan
from flowlike.flow.planner import cpus
from flowlike.nodes.workers import Workers

__all__ = ["LocalRunner"]


@dataclass(frozen=True, slots=True)
class LocalRunner:
    """Runs all stages of a flow in this process, on one event loop (uvloop where installed).

    Plain Python functions so share one core; kernels, ``executor="threads"`` and
    ``executor="processes"`` use the others.

    The worker processes of a run end with it. Within a ``with`` block of the runner they stay
    warm for its next run, one run at a time, and end with the block.

    Example:
        >>> from flowlike import Flow, LocalRunner
        >>> flow = Flow.from_iterable(range(5), stages=1).map(lambda n: n * n, executor="processes")
        >>> with LocalRunner() as runner:
        ...     flow.to_list(runner=runner)
        ...     sum(flow.to_list(runner=runner))
        [0, 1, 4, 9, 16]
        30
    """

    _kept: list[Workers] = field(default_factory=list, init=False, repr=False, compare=False)

    def __enter__(self) -> Self:
        if self._kept:
            raise RuntimeError("this LocalRunner is in a with block already; make another one")
        self._kept.append(Workers(cpus()))
        return self

    def __exit__(self, *error: object) -> None:
        self._kept.pop().close()

    workers = None

    def place(self, plan: Plan) -> Placement:
        """See `Runner`; the worker processes that it keeps serve the run, if they are free."""
        return Here(plan, next(iter(self._kept), None))
