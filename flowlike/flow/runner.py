"""Where flows run: the protocol of a runner."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from flowlike.nodes.workers import Workers
from flowlike.stages import StageGroup

__all__ = ["Runner"]


@runtime_checkable
class Runner(Protocol):
    """Decides where the stages of a flow live."""

    def open(self) -> AbstractAsyncContextManager[StageGroup]:
        """A group that owns the stages of one run."""

    def lend(self) -> Workers | None:
        """Worker processes that outlive the run, if it keeps some and no other run has them."""
