"""Counting before the exchange: what a layer does for the one behind it, which counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

from flowlike.batches import Batch, events_of
from flowlike.counted import Counted
from flowlike.native import stable_hash
from flowlike.operators.notes import Place, describe_event
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission, WindowRun

__all__ = ["CombiningRun"]

_MOST = 1 << 16
"""Different events that are counted before what there is is sent on."""

_WORTH = 4
"""How often an event has to come, on average, for the counting to pay."""

_NOT_WORTH_FOR = 1 << 22
"""Events that go on uncounted after it did not."""


class CombiningRun(WindowRun):
    """Takes the place of windows in a layer whose events are only counted by the next one.

    It counts with one look-up for each event, keeps at most some ten thousand different ones,
    and sends them on as a `Counted` when there are more and at the end. Where most events differ it
    lets them pass as they are.

    Args:
        place: the replica.
        label: of the routing behind the layer, for notes.
    """

    def __init__(self, place: Place, label: str) -> None:
        super().__init__(Frame(kind="global", place=place, reducer=None, tail=None))
        self._label = label
        self._counts: Counter[Any] = Counter()
        self._checked = 0
        self._passing = 0

    @property
    def passes(self) -> bool:
        """Whether it lets events pass for now."""
        return self._passing > 0

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        if self._passing > 0:
            self._passing -= len(batch)
            outputs.add(batch)
            return
        self._count(events_of(batch))
        if len(self._counts) >= _MOST:
            sent = self._send(outputs)
            if sum(sent.counts) < _WORTH * len(sent):
                self._passing = _NOT_WORTH_FOR
        yield from ()

    def _finish(self, outputs: Outputs) -> Emission:
        self._send(outputs)
        yield from ()

    def _open(self) -> Iterable[Pane]:
        return ()

    def _count(self, events: Iterable[Any]) -> None:
        counts = self._counts
        try:
            counts.update(events)
        except Exception:
            self._check(events)
            raise
        # An event that no partition can be found for is to be told now, not at the end.
        new = len(counts) - self._checked
        if new:
            self._check(reversed(list(islice(reversed(counts), new))))
            self._checked += new

    def _check(self, events: Iterable[Any]) -> None:
        event = None
        try:
            for event in events:
                stable_hash(event)
        except Exception as error:
            error.add_note(f"in {self._label}, {describe_event(event)}")
            raise

    def _send(self, outputs: Outputs) -> Counted:
        sent = Counted(list(self._counts), list(self._counts.values()))
        self._counts.clear()
        self._checked = 0
        outputs.add(sent)
        return sent
