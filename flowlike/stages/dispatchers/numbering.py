"""Events go to whoever has asked for them, with word of their places in the order."""

from __future__ import annotations

from flowlike.batches import Batch
from flowlike.numbered import Numbered
from flowlike.stages.dispatchers.demand import DemandDispatcher
from flowlike.stages.dispatchers.dispatcher import Deliveries

__all__ = ["NumberingDispatcher"]


class NumberingDispatcher(DemandDispatcher):
    """Numbers the events from 0, so that what becomes of them can be put in order again."""

    __slots__ = ("_next",)

    def _clear(self) -> None:
        super()._clear()
        self._next = 0

    def dispatch(self, batch: Batch) -> Deliveries:
        """See :meth:`Dispatcher.dispatch`."""
        first = self._next
        self._next = behind = first + len(batch)
        return super().dispatch(Numbered(first, behind, batch))
