"""A stage in a worker process, as one of the stages of the parent's group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowlike.nodes.remote_ref import RemoteRef
from flowlike.stages import StageCounts
from flowlike.stages.messages import SetDemand
from flowlike.stages.owner import Reason, check_reason

__all__ = ["StandIn"]

_NOTHING = StageCounts(0, 0, 0, 0, 0.0)


class StandIn(RemoteRef):
    """Stands for a stage that lives in a worker process.

    Args:
        remote: carries messages to it.
        end: ends the stage, for a reason.
        report: what its owner reports of a stage that has done nothing.

    Attributes:
        ended: whether it has ended.
        is_ending: whether it was told to.
        report: what its owner in the worker has reported of it last.
    """

    __slots__ = ("_counts", "_end", "ended", "is_ending", "report")

    def __init__(self, remote: RemoteRef, end: Callable[[StandIn, str], None], report: Any) -> None:
        super().__init__(remote._neighbour, remote.address, remote.name)
        self._end = end
        self._counts = _NOTHING
        self.report = report
        self.ended = False
        self.is_ending = False

    @property
    def ref(self) -> StandIn:
        """Itself: the group asks its stages for their addresses."""
        return self

    @property
    def has_ended(self) -> bool:
        """True once it has ended."""
        return self.ended

    def counts(self) -> StageCounts:
        """What the stage has done, as it was told a quarter of a second ago, or at its end."""
        return self._counts

    def told(self, counts: StageCounts, report: Any) -> None:
        """Remember what the stage has done."""
        self._counts, self.report = counts, report

    def set_demand(self, mode: str) -> None:
        """Tell a producer to hand demand on ("forward") or to hold it ("accumulate")."""
        self.deliver(SetDemand(mode))

    def end(self, reason: Reason = "normal") -> None:
        """Have the stage ended; it goes on until its node has heard of it.

        Raises:
            ValueError: ``reason`` is neither "normal", "shutdown" nor an exception.
        """
        reason = check_reason(reason)
        if not self.ended:
            self.is_ending = True
            self._end(self, reason if isinstance(reason, str) else "shutdown")
