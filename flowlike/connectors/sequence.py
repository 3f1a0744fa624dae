"""Reading a list, range or array: slices, which for arrays are views."""

from __future__ import annotations

from typing import Any

from flowlike.batches import Batch
from flowlike.connectors.draining import Drain
from flowlike.stages import Producer

__all__ = ["SequenceSource"]


class SequenceSource(Producer[Any]):
    """Hands out slices of a batch, as large as the demand.

    Args:
        batch: the events; it must not change while it is read.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._next = 0

    def handle_demand(self, demand: int) -> Batch:
        """The next slice; the last one finishes the stage."""
        start = self._next
        events = self._batch[start : start + demand]
        self._next = start + len(events)
        # A list of the user's own class may say that it has more than a slice of it gives.
        if len(events) < demand or self._next == len(self._batch):
            self.finish()
        return events

    def handle_cast(self, message: Drain) -> None:
        """Nothing was read that has not left."""
        self.finish()
