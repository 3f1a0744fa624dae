"""One open window: its state, and what its triggers count."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from flowlike.batches import Batch, as_batch
from flowlike.operators.calls import Calls
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers.reducer import part
from flowlike.operators.windows.entry import Entry
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.triggers import CountTrigger

__all__ = ["Pane", "finish_all"]


class Pane:
    """One open window of one replica.

    Args:
        frame: what it shares with the others.
        window_id: which window it is.
        key: of a session.
        number: of the window, as the kind that it is of counts them.

    Attributes:
        state: the reducer's.
        kept: the events in it, in batches, if the frame `keeps` them.
        changed: whether events were taken since it last fired.
    """

    __slots__ = (
        "_acc",
        "_count",
        "_entered",
        "changed",
        "frame",
        "kept",
        "key",
        "number",
        "state",
        "window_id",
    )

    def __init__(self, frame: Frame, window_id: Any, key: Any = None, number: int = 0) -> None:
        self.frame = frame
        self.window_id = window_id
        self.key = key
        self.number = number
        self.changed = False
        self.state: Any = None if frame.reducer is None else frame.reducer.init()
        self._count = 0
        self.kept: list[Batch] = []
        self._acc: Any = None if frame.punctuating is None else frame.punctuating.init()
        self._entered: Any = None if frame.entry is None else frame.entry.start()

    @property
    def until_full(self) -> int:
        """How many more events the count trigger waits for."""
        assert self.frame.every is not None
        return self.frame.every.size - self._count

    def push(
        self, batch: Batch, start: int, stop: int, upstream: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None] | tuple[()]:
        """Take ``batch[start:stop]`` of a producer, firing the count and punctuation triggers.

        Where the frame is `plain`, nothing is left to do when it returns: what to ``yield from``
        is empty.
        """
        frame = self.frame
        if frame.plain:
            self.changed = True
            if frame.keeps:
                self.kept.append(part(batch, start, stop))
            self.state = frame.step(self.state, batch, start, stop, outputs)
            return ()
        if frame.entry is None:
            return self._reduce(batch, start, stop, outputs)
        return self._enter(frame.entry, batch, start, stop, upstream, outputs)

    def fire(self, trigger: Any, keep: bool, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        """Fire, and go on with the state or a new one."""
        frame = self.frame
        self.changed = False
        if frame.reducer is None or frame.tail is None:
            return
        state = frame.reducer.show(self.state, keep)
        context = frame.context(self.window_id, self.key, trigger)
        new = yield from frame.tail.fire(state, context, keep, outputs)
        if frame.tail.replaces:
            self.state = new
        elif not keep:
            self.state = frame.reducer.init()
        if not keep:
            self.kept = []

    def finish(self, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        """Fire "done"; the state is given up."""
        frame = self.frame
        if frame.entry is not None:
            batch = yield from frame.entry.finish(self._entered)
            self._entered = None
            yield from self._go_on(batch, outputs)
        if frame.reducer is None or frame.tail is None:
            return
        state, self.state = frame.reducer.show(self.state, False), None
        context = frame.context(self.window_id, self.key, "done")
        yield from frame.tail.fire(state, context, False, outputs)

    def absorb(self, other: Pane, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        """Go on as one with a later pane, which is given up."""
        frame = self.frame
        self.changed = self.changed or other.changed
        if frame.every is not None:
            self._count = (self._count + other._count) % frame.every.size
        reducer = frame.reducer
        if reducer is not None and not frame.keeps:
            self.state = reducer.merge(self.state, other.state)
        elif reducer is not None:
            again = Outputs()  # what left at once has left
            self.kept += other.kept
            for batch in other.kept:
                if reducer.inline:
                    self.state = reducer.step(self.state, batch, 0, len(batch), again)
                else:
                    self.state = yield from reducer.offload(self.state, batch, 0, len(batch))
        if frame.entry is not None:
            self._entered, batch = frame.entry.merge(self._entered, other._entered)
            yield from self._go_on(batch, outputs)

    def _enter(
        self, entry: Entry, batch: Batch, start: int, stop: int, upstream: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        batch = yield from entry.push(self._entered, part(batch, start, stop), upstream)
        yield from self._go_on(batch, outputs)

    def _go_on(self, batch: Batch, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        """What has left the entry."""
        if self.frame.steps:
            batch = yield from self.frame.through(batch)
        if len(batch):
            yield from self._reduce(batch, 0, len(batch), outputs)

    def _reduce(
        self, batch: Batch, start: int, stop: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        frame = self.frame
        if frame.every is not None:
            if frame.together and frame.every.action == "reset":
                return self._fire_together(frame.every, batch, start, stop, outputs)
            return self._count_on(frame.every, batch, start, stop, outputs)
        if frame.punctuating is not None:
            return self._punctuate(part(batch, start, stop), outputs)
        return self._take(batch, start, stop, outputs)

    def _take(
        self, batch: Batch, start: int, stop: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        reducer = self.frame.reducer
        self.changed = True
        if reducer is None:
            outputs.add(part(batch, start, stop))
            return
        if self.frame.keeps:
            self.kept.append(part(batch, start, stop))
        if reducer.inline:
            self.state = reducer.step(self.state, batch, start, stop, outputs)
        else:
            self.state = yield from reducer.offload(self.state, batch, start, stop)

    def _count_on(
        self, every: CountTrigger, batch: Batch, start: int, stop: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        """Reduce, and fire the count trigger at its exact places."""
        for first, last, fires in every.cut(self._count, stop - start):
            yield from self._take(batch, start + first, start + last, outputs)
            if not fires:
                self._count += last - first
            else:
                self._count = 0
                yield from self.fire(every.name, every.action == "keep", outputs)

    def _fire_together(
        self, every: CountTrigger, batch: Batch, start: int, stop: int, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        """Collect; the states that are full are fired together, at no cost for each."""
        frame = self.frame
        reducer, tail = frame.reducer, frame.tail
        assert reducer is not None and tail is not None
        whole, rest = divmod(self._count + stop - start, every.size)
        self._count = rest
        self.changed = rest > 0
        if not whole:
            self.state = reducer.step(self.state, batch, start, stop, outputs)
            return
        border = stop - rest
        chunks = reducer.step(self.state, batch, start, border, outputs)
        self.state = reducer.init()
        if rest and isinstance(batch, np.ndarray):
            # A view would keep alive all that was partitioned together.
            left = batch[border:stop].copy()
            self.state = reducer.step(self.state, left, 0, rest, outputs)
        elif rest:
            self.state = reducer.step(self.state, batch, border, stop, outputs)
        context = frame.context(self.window_id, self.key, every.name)
        yield from tail.fire_together(chunks, [every.size] * whole, [context] * whole, outputs)

    def _punctuate(self, batch: Batch, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        """Let the user's function say where the window fires."""
        punctuating = self.frame.punctuating
        assert punctuating is not None
        while len(batch):
            decision = punctuating.decide(batch, self._acc)
            self._acc = decision.acc
            if decision.fires is False:
                if decision.events is not None:
                    batch = as_batch(decision.events, "Continue's events")
                if len(batch):
                    yield from self._take(batch, 0, len(batch), outputs)
                return
            before = as_batch(decision.before, "Fire's before")
            if len(before):
                yield from self._take(before, 0, len(before), outputs)
            yield from self.fire(decision.name, decision.action == "keep", outputs)
            batch = as_batch(decision.after, "Fire's after")


def finish_all(
    frame: Frame, panes: Sequence[Pane], outputs: Outputs
) -> Generator[Calls, list[Any], None]:
    """`Pane.finish` for several, in order; where their states can go together, they do."""
    together = frame.together and frame.entry is None and len(panes) > 1
    if together and all(pane.state for pane in panes):
        assert frame.tail is not None
        chunks = [chunk for pane in panes for chunk in pane.state]
        sizes = [sum(stop - start for _, start, stop in pane.state) for pane in panes]
        contexts = [frame.context(pane.window_id, pane.key, "done") for pane in panes]
        yield from frame.tail.fire_together(chunks, sizes, contexts, outputs)
        return
    for pane in panes:
        yield from pane.finish(outputs)
