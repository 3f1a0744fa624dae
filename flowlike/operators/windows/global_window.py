"""The global window: all events of a partition, from the first to the last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from flowlike.batches import Batch
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission, Taken, WindowRun
from flowlike.operators.windows.window import Keys, Window

__all__ = ["GlobalRun", "GlobalWindow"]


@dataclass(frozen=True, slots=True, repr=False)
class GlobalWindow(Window):
    """One window for everything; it fires "done" once, at the end, events or not.

    >>> GlobalWindow().trigger_every(10, "reset").trigger_periodically(60)
    GlobalWindow().trigger_every(10, 'reset').trigger_periodically(60, 'keep')
    """

    kind: ClassVar[str] = "global"
    looks_at_events: ClassVar[bool] = False

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> GlobalRun:
        """The global window of one partition, ready to run."""
        return GlobalRun(frame)


class GlobalRun(WindowRun):
    """The global window of one partition while it runs: one pane."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame)
        self._pane: Pane | None = None

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Taken:
        pane = self._pane
        if pane is None:
            pane = self._pane = Pane(self.frame, "global")
        return pane.push(batch, 0, len(batch), upstream, outputs)

    def _open(self) -> Iterable[Pane]:
        return () if self._pane is None else (self._pane,)

    def _finish(self, outputs: Outputs) -> Emission:
        pane, self._pane = self._pane or Pane(self.frame, "global"), None
        yield from pane.finish(outputs)
