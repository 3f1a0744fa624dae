"""An entry whose dropped events are counted."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.tally import Tally
from flowlike.operators.windows import Entry

__all__ = ["CountedEntry"]


class CountedEntry:
    """An `Entry` that hands on what it is given or drops it, as unique does.

    Args:
        entry: the same without the counting.
        tally: what it drops is filtered.
    """

    def __init__(self, entry: Entry, tally: Tally) -> None:
        self._entry = entry
        self._tally = tally
        self.start = entry.start
        self.upstream_ended = entry.upstream_ended
        self.finish = entry.finish
        self.merge = entry.merge

    def push(self, state: Any, batch: Batch, upstream: int) -> Generator[Calls, list[Any], Batch]:
        """As that of the entry."""
        count = len(batch)
        passed = yield from self._entry.push(state, batch, upstream)
        self._tally.filtered += count - len(passed)
        return passed
