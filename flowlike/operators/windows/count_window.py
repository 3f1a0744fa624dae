"""Count windows: so many events each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from flowlike.batches import Batch
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane, finish_all
from flowlike.operators.windows.run import Emission, WindowRun
from flowlike.operators.windows.window import Keys, Window
from flowlike.options import check_count

__all__ = ["CountRun", "CountWindow"]


@dataclass(frozen=True, slots=True, repr=False)
class CountWindow(Window):
    """Windows of ``n`` events of a partition each, in the order of their arrival.

    A window fires "done" when it is full, the last one at the end of the input if it has any
    events. The ids are 0, 1, 2, ...

    Args:
        n: how many events.

    Raises:
        TypeError: ``n`` is no integer.
        ValueError: ``n`` is below 1.

    Example:
        >>> from flowlike import CountWindow, Flow
        >>> flow = Flow.from_iterable("abcdefg", stages=1, window=CountWindow(3))
        >>> flow.reduce(str, lambda word, letter: word + letter).emit("state").to_list()
        ['abc', 'def', 'g']
    """

    kind: ClassVar[str] = "count"
    n: int

    def __post_init__(self) -> None:
        Window.__post_init__(self)
        check_count("CountWindow's n", self.n)

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> CountRun:
        """The count windows of one partition, ready to run."""
        return CountRun(self, frame)


class CountRun(WindowRun):
    """The count windows of one partition while they run: one pane, and what it has."""

    def __init__(self, window: CountWindow, frame: Frame) -> None:
        super().__init__(frame)
        self._size = int(window.n)
        self._pane: Pane | None = None
        self._held = 0
        self._number = 0

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        together = self.frame.together and self.frame.entry is None and self.frame.every is None
        full: list[Pane] = []
        start, length = 0, len(batch)
        while start < length:
            if self._pane is None:
                self._pane = Pane(self.frame, self._number)
                self._number += 1
            stop = min(start + self._size - self._held, length)
            yield from self._pane.push(batch, start, stop, upstream, outputs)
            self._held += stop - start
            start = stop
            if self._held == self._size:
                pane, self._pane, self._held = self._pane, None, 0
                if together:
                    full.append(pane)
                else:
                    yield from pane.finish(outputs)
        yield from finish_all(self.frame, full, outputs)

    def _open(self) -> Iterable[Pane]:
        return () if self._pane is None else (self._pane,)

    def _finish(self, outputs: Outputs) -> Emission:
        pane, self._pane = self._pane, None
        if pane is not None:
            yield from pane.finish(outputs)
