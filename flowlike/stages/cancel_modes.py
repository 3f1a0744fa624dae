"""The cancel modes: what the end of a subscription does to its consumer."""

from __future__ import annotations

from flowlike.stages.messages import Cancelled, Ended

__all__ = ["MODES", "ends_consumer"]

MODES = ("permanent", "transient", "temporary")


def ends_consumer(mode: str, over: Ended | Cancelled) -> bool:
    """Whether a subscription of this mode, which is over, ends its consumer.

    A producer that has finished ends nobody. Otherwise "permanent" always does,
    "transient" if the reason is an exception, "temporary" never.
    """
    if isinstance(over, Ended) and over.finished:
        return False
    if mode == "transient":
        return isinstance(over.reason, BaseException)
    return mode == "permanent"
