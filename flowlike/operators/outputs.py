"""The batches that leave a program during one push, in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowlike.batches import Batch, join

__all__ = ["Outputs"]

# Batches below this many events are joined: a batch downstream costs more than the copy.
_SMALL = 4096


class Outputs:
    """Collects batches and single events; what may travel together leaves as one batch."""

    __slots__ = ("_arrays", "_batches", "_own")

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        # The last batch, if it is a list made here, which may grow.
        self._own: list[Any] | None = None
        # The small arrays at the end, which may be joined.
        self._arrays: list[np.ndarray[Any, Any]] = []

    @property
    def own(self) -> list[Any]:
        """A list at the end to which events can be added; it is dropped if it stays empty."""
        if self._own is None:
            self._settle()
            self._own = []
            self._batches.append(self._own)
        return self._own

    def add(self, batch: Batch) -> None:
        """Add a batch; an empty one is dropped."""
        if len(batch) == 0:
            return
        if isinstance(batch, np.ndarray) and len(batch) < _SMALL:
            last = self._arrays[-1] if self._arrays else batch
            if last.dtype != batch.dtype or last.shape[1:] != batch.shape[1:]:
                self._settle()
            self._own = None
            self._arrays.append(batch)
            return
        self._settle()
        if isinstance(batch, list) and len(batch) < _SMALL:
            self.own.extend(batch)
            return
        self._own = None
        self._batches.append(batch)

    def close(self) -> list[Batch]:
        """All batches, none of them empty."""
        self._settle()
        return [batch for batch in self._batches if len(batch)]

    def _settle(self) -> None:
        if self._arrays:
            self._batches.append(join(self._arrays))
            self._arrays = []
            self._own = None
