"""The bounded buffer for events that nobody has asked for yet."""

from __future__ import annotations

from collections import deque

from flowlike.batches import Batch, join, joinable
from flowlike.envelopes import ENVELOPES, stands_for

__all__ = ["Buffer"]


class Buffer:
    """Batches in order, at most ``size`` events of them.

    Args:
        size: the most events kept; ``math.inf`` for no limit.
        keep: "last" drops the oldest events when full, "first" the newest.
    """

    __slots__ = ("_batches", "_keep", "_size", "count", "peak")

    def __init__(self, size: float, keep: str) -> None:
        self._batches: deque[Batch] = deque()
        self._size = size
        self._keep = keep
        self.count = 0
        self.peak = 0

    def put(self, batch: Batch) -> int:
        """Add a batch and return how many events had to be dropped."""
        excess = max(0, self.count + len(batch) - self._size)
        dropped = int(excess)
        if dropped and self._keep == "first":
            batch = batch[: len(batch) - dropped]
        if len(batch):
            # A list that its maker goes on changing must not change what is counted here.
            self._batches.append(batch.copy() if type(batch) is list else batch)
            self.count += len(batch)
        if dropped and self._keep == "last":
            self._drop(dropped)
        if self.count > self.peak:
            self.peak = self.count
        return dropped

    def take(self, most: int) -> Batch:
        """Remove and return up to ``most`` of the oldest events as one batch."""
        taken: list[Batch] = []
        while most > 0 and self._batches:
            batch = self._batches.popleft()
            if taken and not _fits(batch, taken[0]):
                self._batches.appendleft(batch)
                break
            if len(batch) > most:
                self._batches.appendleft(batch[most:])
                batch = batch[:most]
            most -= len(batch)
            self.count -= len(batch)
            taken.append(batch)
        return join(taken)

    def held(self) -> int:
        """How many events wait here, those included that were counted ahead."""
        return sum(map(stands_for, self._batches))

    def _drop(self, count: int) -> None:
        self.count -= count
        while count:
            batch = self._batches.popleft()
            if len(batch) > count:
                self._batches.appendleft(batch[count:])
                return
            count -= len(batch)


def _fits(batch: Batch, first: Batch) -> bool:
    """True if both can leave as one; only those in an envelope may not."""
    if type(batch) in ENVELOPES or type(first) in ENVELOPES:
        return joinable(first, batch)
    return True
