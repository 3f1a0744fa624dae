"""The windows of one partition while they run, and their clock."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from math import floor, inf
from typing import Any, TypeAlias

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane

__all__ = ["Emission", "Taken", "WindowRun"]

Emission = Generator[Calls, list[Any], None]
"""What the steps of a run are: they yield calls and put what leaves into outputs."""

Taken: TypeAlias = Emission | tuple[()]
"""The same, or empty where all was done at once."""


class WindowRun:
    """The windows of one partition; each kind has its own, which says what the hooks do.

    Time is told by the caller: ``now`` is processing time in seconds. Whatever was due
    before ``now`` happens first, in its order.

    Attributes:
        frame: what its panes have in common.
        timed: whether it ever has a `deadline`.
        late: how many events came after their windows had closed.
    """

    timed: bool = False

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.late = 0
        self._begun: float | None = None
        self._next_period: float | None = None
        self._last_period = -inf
        if frame.periodically is not None:
            self.timed = True

    def begin(self, now: float) -> None:
        """Processing time begins; without it, it begins with the first event."""
        if self._begun is None:
            self._begun = now

    @property
    def deadline(self) -> float | None:
        """When `tick` is to be called, in processing time; None: not at all so far."""
        own, period = self._due(), self._next_period
        if own is None or (period is not None and period < own):
            return period
        return own

    @property
    def passed(self) -> Any:
        """The id of the first window that may still fire; None: that is not known."""
        return None

    def push(
        self, batch: Batch, upstream: int, now: float
    ) -> Generator[Calls, list[Any], list[Batch]]:
        """Take a batch of a producer; return what leaves."""
        outputs = Outputs()
        if self.timed:
            self.begin(now)
            yield from self._catch_up(now, outputs)
        yield from self._take(batch, upstream, now, outputs)
        if self.frame.periodically is not None and self._next_period is None:
            # A loop may have called a little before its clock said so.
            moment = max(now, self._last_period)
            self._next_period = self._period_after(self.frame.periodically.seconds, moment)
        return outputs.close()

    def upstream_ended(self, upstream: int, now: float) -> Generator[Calls, list[Any], list[Batch]]:
        """A producer, not the last one, has no more events."""
        outputs = Outputs()
        yield from self._catch_up(now, outputs)
        if self.frame.entry is not None:
            self.frame.entry.upstream_ended(upstream)
        yield from self._ended(upstream, now, outputs)
        return outputs.close()

    def tick(self, now: float) -> Generator[Calls, list[Any], list[Batch]]:
        """Time has passed: do what is due."""
        outputs = Outputs()
        yield from self._catch_up(now, outputs)
        return outputs.close()

    def finish(self, now: float) -> Generator[Calls, list[Any], list[Batch]]:
        """The end of the input: every open window fires "done", in order."""
        outputs = Outputs()
        yield from self._catch_up(now, outputs)
        self._next_period = None
        yield from self._finish(outputs)
        return outputs.close()

    # What a kind of window says.

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Taken:
        """Put the events into their panes, and close those that they close."""
        raise NotImplementedError

    def _open(self) -> Iterable[Pane]:
        """The open panes, in order of time."""
        raise NotImplementedError

    def _finish(self, outputs: Outputs) -> Emission:
        """Fire "done" for all that is open, and forget it."""
        raise NotImplementedError

    def _ended(self, upstream: int, now: float, outputs: Outputs) -> Emission:
        """A producer has ended; of interest to a watermark."""
        yield from ()

    def _due(self) -> float | None:
        """When the kind itself has something to do."""
        return None

    def _act(self, due: float, outputs: Outputs) -> Emission:
        """Do what was due then, so that `_due` is later, or None."""
        yield from ()

    # The clock.

    def _period_after(self, seconds: float, now: float) -> float:
        """The first multiple of a period after ``now``, counted from the beginning."""
        begun = now if self._begun is None else self._begun
        count = floor((now - begun) / seconds) + 1
        after = begun + count * seconds
        return after if after > now else begun + (count + 1) * seconds  # it was rounded

    def _catch_up(self, now: float, outputs: Outputs) -> Emission:
        while (due := self.deadline) is not None and due <= now:
            if due == self._due():
                yield from self._act(due, outputs)
            else:
                self._last_period, self._next_period = due, None
                yield from self._fire_periodically(outputs)

    def _fire_periodically(self, outputs: Outputs) -> Emission:
        trigger = self.frame.periodically
        assert trigger is not None
        for pane in list(self._open()):
            if pane.changed:
                yield from pane.fire(trigger.name, trigger.action == "keep", outputs)
