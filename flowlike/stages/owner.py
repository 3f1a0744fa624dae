"""Whoever starts stages, as the stages see it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from flowlike.stages.messages import Ended
    from flowlike.stages.peer import Peer
    from flowlike.stages.running import RunningStage
    from flowlike.stages.subscription import Subscribe

__all__ = ["Member", "Owner", "Reason", "check_reason"]

Reason: TypeAlias = str | BaseException
"""Why a stage has ended: "normal" or "shutdown" for a planned end, else the exception."""


def check_reason(reason: Reason) -> Reason:
    """Return ``reason`` if a stage or a subscription may end for it.

    Raises:
        ValueError: it may not: a name of one's own, or the class of an exception.
    """
    if not isinstance(reason, BaseException) and reason not in ("normal", "shutdown"):
        raise ValueError(f"reason must be 'normal', 'shutdown' or an exception, not {reason!r:.80}")
    return reason


class Member(Protocol):
    """A stage as its owner sees it, wherever it runs."""

    @property
    def ref(self) -> Peer:
        """Its address."""

    def end(self, reason: Reason) -> None:
        """Begin to end it; its owner is told when it has ended."""


class Owner(Protocol):
    """Whoever starts stages and is told how they fare."""

    def subscription_settled(self) -> None:
        """One of the subscriptions that a stage began with was accepted or refused."""

    def subscription_lost(self, stage: RunningStage, options: Subscribe, over: Ended) -> bool:
        """A stage's producer has ended; true if the subscription will be made again."""

    def gone(self, stage: RunningStage) -> asyncio.Future[Any]:
        """Resolved once the stage has ended and is not going to be started again."""

    def stage_ended(self, stage: RunningStage, reason: Reason) -> None:
        """A stage has ended, ``on_stop`` included."""
