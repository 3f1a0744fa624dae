"""Putting in order again what several replicas have made of the events of one source."""

from __future__ import annotations

from collections.abc import Hashable

from flowlike.batches import Batch
from flowlike.numbered import Numbered

__all__ = ["BATCHES_AHEAD", "EVENTS_AHEAD", "Reorderer"]

EVENTS_AHEAD = 1024
"""Events that a replica may be ahead of the others, once as many have been let go."""

BATCHES_AHEAD = 8
"""Batches that it may be ahead in any case, the largest so far taken for their size."""


class Reorderer:
    """Holds what has come early, and says how much more each producer may send.

    It is a plain value: pieces in, batches out, in the order of their positions.

    Each producer sends its pieces in ascending order, and no two have the same position. A
    producer that may send no more has pieces here, all of which come before those that it has not
    sent: so the one that has the next piece may always send it. What is held is what was asked
    for, at most ``limit`` events of each producer.

    Args:
        limit: the most events of one producer that are asked for and not let go.

    Attributes:
        held: how many events have come early; a piece without events counts for one.

    >>> reorderer = Reorderer(100)
    >>> reorderer.add("one"), reorderer.add("other")
    (8, 8)
    >>> reorderer.push(Numbered(2, 4, "c"), "other"), reorderer.held
    ([], 1)
    >>> reorderer.push(Numbered(0, 2, "ab"), "one"), reorderer.held
    (['ab', 'c'], 0)
    """

    __slots__ = (
        "_ahead", "_early", "_largest", "_let_go", "_limit", "_next", "_open", "_released", "held",
    )  # fmt: skip

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._next = 0
        # One producer has all pieces of a position, so they come one behind the other.
        self._early: dict[int, list[tuple[Hashable, Numbered]]] = {}
        self.held = 0
        self._open: dict[Hashable, int] = {}  # events asked of a producer and not let go
        self._ahead = min(limit, BATCHES_AHEAD)
        self._largest = 1
        self._released = 0
        self._let_go: dict[Hashable, None] = {}  # whose pieces, since the last `more`

    def add(self, producer: Hashable) -> int:
        """Take a producer in, and say how many events to ask of it."""
        self._open[producer] = self._ahead
        return self._ahead

    def push(self, piece: Numbered, producer: Hashable) -> list[Batch]:
        """Take a piece; return the batches, none of them empty, whose turn it is now."""
        if piece.first != self._next:
            if type(piece.events) is list:
                # As in a buffer: its maker may fill it again before its turn comes.
                piece = Numbered(piece.first, piece.behind, piece.events.copy())
            self._early.setdefault(piece.first, []).append((producer, piece))
            self.held += len(piece)
            return []
        ready: list[Batch] = []
        self._release(piece, producer, ready)
        while self._early and (pieces := self._early.pop(self._next, None)):
            for owner, early in pieces:
                self.held -= len(early)
                self._release(early, owner, ready)
        return ready

    def more(self) -> list[tuple[Hashable, int]]:
        """How many events more to ask for, of producers whose pieces were let go."""
        asked = []
        self._ahead = min(
            self._limit,
            max(BATCHES_AHEAD * self._largest, min(EVENTS_AHEAD, self._released)),
        )
        for producer in self._let_go:
            more = self._ahead - self._open[producer]
            if 2 * more >= self._ahead:
                self._open[producer] = self._ahead
                asked.append((producer, more))
        self._let_go.clear()
        return asked

    def _release(self, piece: Numbered, producer: Hashable, ready: list[Batch]) -> None:
        self._next = piece.behind
        count = len(piece)
        self._open[producer] -= count
        self._let_go[producer] = None
        self._released += count
        self._largest = max(self._largest, count)
        if len(piece.events):
            ready.append(piece.events)
