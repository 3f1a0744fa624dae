"""This process, the event loop of the caller."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from flowlike.stages import StageGroup

__all__ = ["LocalRunner"]


@dataclass(frozen=True, slots=True)
class LocalRunner:
    """Runs all stages of a flow in this process, on one event loop (uvloop where installed).

    Plain Python functions so share one core; kernels and ``executor="threads"`` use the
    others.
    """

    def open(self) -> AbstractAsyncContextManager[StageGroup]:
        """A group of stages in the running loop."""
        return StageGroup()
