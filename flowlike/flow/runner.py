"""Where flows run: the protocol of a runner."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from flowlike.flow.placement import Placement
from flowlike.flow.plan import Plan

__all__ = ["Runner"]


@runtime_checkable
class Runner(Protocol):
    """Decides where the stages of a flow live."""

    @property
    def workers(self) -> int | None:
        """How many processes the replicas of a layer are spread over; ``None``: they live here."""

    def place(self, plan: Plan) -> Placement:
        """The home of the replicas of one run."""
