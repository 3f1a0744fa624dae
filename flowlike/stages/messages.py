"""What stages say to each other: the whole protocol, as plain tuples.

They are named tuples because one is made for every batch: a tuple costs a fifth of a
frozen dataclass. A subscription is named by its number, so that a message means the
same on either side of a process border.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from flowlike.batches import Batch

if TYPE_CHECKING:
    from flowlike.stages.peer import Peer
    from flowlike.stages.subscription import Subscribe

__all__ = [
    "Accepted",
    "Ask",
    "Call",
    "Cancelled",
    "Cast",
    "Discarded",
    "Ended",
    "Events",
    "Info",
    "Refused",
    "SetDemand",
    "Start",
    "Stop",
    "SubscribeTo",
    "Subscribed",
]


class Subscribed(NamedTuple):
    """Consumer to producer: I subscribe."""

    subscription: int
    consumer: Peer
    options: Subscribe


class Accepted(NamedTuple):
    """Producer to consumer: you are subscribed."""

    subscription: int


class Refused(NamedTuple):
    """Producer to consumer: you are not subscribed, and why."""

    subscription: int
    error: BaseException


class Ask(NamedTuple):
    """Consumer to producer: so many events more."""

    subscription: int
    events: int


class Events(NamedTuple):
    """Producer to consumer: a batch, never more than was asked for."""

    subscription: int
    batch: Batch


class Cancelled(NamedTuple):
    """Either way: the sender cancels the subscription but may live on."""

    subscription: int
    reason: str | BaseException


class Ended(NamedTuple):
    """Producer to consumer: the producer is gone; ``finished`` if by its own finish."""

    subscription: int
    reason: str | BaseException
    finished: bool


class SubscribeTo(NamedTuple):
    """Anyone to a consumer: subscribe to a producer."""

    options: Subscribe
    reply: asyncio.Future[Any] | None


class Start(NamedTuple):
    """Owner to stage: run ``on_start``, then subscribe to all of these at once."""

    subscribe_to: tuple[SubscribeTo, ...]
    reply: asyncio.Future[None] | None


class Stop(NamedTuple):
    """Anyone to a stage: end, with this reason."""

    reason: str | BaseException


class Discarded(NamedTuple):
    """Stage to itself: its buffer has dropped so many events; log it."""

    events: int


class SetDemand(NamedTuple):
    """Anyone to a producer: pass demand on ("forward") or hold it ("accumulate")."""

    mode: str


class Call(NamedTuple):
    """Anyone to a stage: a request that wants a reply."""

    request: Any
    reply: asyncio.Future[Any]


class Cast(NamedTuple):
    """Anyone to a stage: a request without a reply."""

    message: Any


class Info(NamedTuple):
    """Anyone to a stage: any other message."""

    message: Any
