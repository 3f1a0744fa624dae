"""What the parent and a worker process say to each other about stages that live there."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowlike.carried import CarriedError
from flowlike.stages import StageCounts

__all__ = [
    "Dismiss",
    "Dismissed",
    "EndStages",
    "Invite",
    "Meet",
    "Met",
    "Progress",
    "Refusal",
    "Reply",
    "Request",
    "Settled",
    "StageEnded",
]


class Meet(NamedTuple):
    """Parent to worker: the next end of a channel leads to another node.

    Attributes:
        node: its number.
        name: of it, for messages.
    """

    node: int
    name: str


class Met(NamedTuple):
    """Worker to parent: the end of a channel has arrived, whether it is of use or not."""


class Invite(NamedTuple):
    """Parent to worker: a run begins; these stages of it are to live there.

    Attributes:
        run: its number.
        guest: a pickle of a `Guest`.
    """

    run: int
    guest: bytes


class EndStages(NamedTuple):
    """Parent to worker: end stages now, callbacks that await included.

    Attributes:
        run: theirs.
        stage: the number of one; ``None``: all.
        reason: "normal" or "shutdown".
    """

    run: int
    stage: int | None
    reason: str


class Dismiss(NamedTuple):
    """Parent to worker: the run is over, all its stages have ended."""

    run: int


class Dismissed(NamedTuple):
    """Worker to parent: nothing is left of the run.

    Attributes:
        run: its number.
        clean: whether no thread of it goes on alone.
    """

    run: int
    clean: bool


class Settled(NamedTuple):
    """Worker to parent: the subscriptions of all its stages were accepted or refused."""

    run: int


class Refusal(NamedTuple):
    """Worker to parent: the stages of a run cannot be made there."""

    run: int
    error: CarriedError


class Progress(NamedTuple):
    """Worker to parent: what stages have done so far.

    Attributes:
        run: theirs.
        counts: for the number of a stage what it has done, and what its owner reports of it.
    """

    run: int
    counts: dict[int, tuple[StageCounts, Any]]


class StageEnded(NamedTuple):
    """Worker to parent: a stage has ended.

    Attributes:
        run: its run.
        stage: its number.
        reason: "normal", "shutdown", or what it has crashed with.
        counts: what it has done, and what its owner reports of it.
    """

    run: int
    stage: int
    reason: str | CarriedError
    counts: tuple[StageCounts, Any]


class Request(NamedTuple):
    """Worker to parent: what the guest of a run asks its owner for.

    Attributes:
        run: the run.
        number: names the reply; ``None``: there is none.
        what: the request.
    """

    run: int
    number: int | None
    what: Any


class Reply(NamedTuple):
    """Parent to worker: a request was granted, or not.

    Attributes:
        run: the run.
        number: of the request.
        error: why not.
    """

    run: int
    number: int
    error: CarriedError | None
