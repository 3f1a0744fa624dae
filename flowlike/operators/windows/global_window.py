"""The global window: all events of a partition, from the first to the last."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.context import TriggerContext
from flowlike.operators.notes import Place
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers.collecting import Collecting
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.tail import Tail
from flowlike.operators.windows.window import CountTrigger, Window

__all__ = ["GlobalRun", "GlobalWindow"]


@dataclass(frozen=True, slots=True)
class GlobalWindow(Window):
    """One window for everything; it fires "done" once, at the end, events or not.

    >>> GlobalWindow().trigger_every(10, "reset").every
    CountTrigger(size=10, action='reset')
    """

    kind: ClassVar[str] = "global"

    def start(self, reducer: Reducer, tail: Tail, place: Place) -> GlobalRun:
        """The global window of one partition, ready to run."""
        return GlobalRun(self, reducer, tail, place)


class GlobalRun:
    """The global window of one partition while it runs.

    It keeps one state, and how many events came since the count trigger last fired.
    """

    __slots__ = ("_count", "_done", "_every", "_fired", "_open", "_reducer", "_state", "_tail")

    def __init__(self, window: GlobalWindow, reducer: Reducer, tail: Tail, place: Place) -> None:
        self._reducer = reducer
        self._tail = tail
        self._every = window.every
        self._done = TriggerContext(*place, window.kind, "global", None, "done")
        name = None if window.every is None else window.every.name
        self._fired = TriggerContext(*place, window.kind, "global", None, name)
        self._count = 0
        self._open = False
        self._state: Any = None

    def push(self, batch: Batch) -> Generator[Calls, list[Any], list[Batch]]:
        """Reduce a batch, firing the count trigger at its exact places."""
        outputs = Outputs()
        reducer = self._reducer
        if not self._open:
            self._begin()
        every = self._every
        if every is None:
            if reducer.inline:
                self._state = reducer.step(self._state, batch, 0, len(batch), outputs)
            else:
                self._state = yield from reducer.offload(self._state, batch, 0, len(batch))
            return outputs.close()
        if every.action == "reset" and isinstance(reducer, Collecting) and self._tail.coalesces:
            yield from self._push_together(batch, every, reducer, outputs)
            return outputs.close()
        for start, stop, fires in every.cut(self._count, len(batch)):
            if reducer.inline:
                self._state = reducer.step(self._state, batch, start, stop, outputs)
            else:
                self._state = yield from reducer.offload(self._state, batch, start, stop)
            if not fires:
                self._count += stop - start
            else:
                self._count = 0
                yield from self._fire(every.action == "keep", outputs)
        return outputs.close()

    def finish(self) -> Generator[Calls, list[Any], list[Batch]]:
        """Fire "done"; the state is given up."""
        outputs = Outputs()
        if not self._open:
            self._begin()
        state, self._state = self._reducer.show(self._state, False), None
        yield from self._tail.fire(state, self._done, False, outputs)
        return outputs.close()

    def _push_together(
        self, batch: Batch, every: CountTrigger, reducer: Collecting, outputs: Outputs
    ) -> Generator[Calls, list[Any], None]:
        """Collect a batch; the windows that it fills are fired together, at no cost for each."""
        length = len(batch)
        whole, rest = divmod(self._count + length, every.size)
        self._count = rest
        if not whole:
            self._state = reducer.step(self._state, batch, 0, length, outputs)
            return
        border = length - rest
        chunks = reducer.step(self._state, batch, 0, border, outputs)
        self._state = reducer.init()
        if rest:
            self._state = reducer.step(self._state, batch, border, length, outputs)
        yield from self._tail.fire_together(chunks, [every.size] * whole, self._fired, outputs)

    def _begin(self) -> None:
        self._state = self._reducer.init()
        self._open = True

    def _fire(self, keep: bool, outputs: Outputs) -> Generator[Calls, list[Any], None]:
        reducer = self._reducer
        state = reducer.show(self._state, keep)
        new = yield from self._tail.fire(state, self._fired, keep, outputs)
        if self._tail.replaces:
            self._state = new
        elif not keep:
            self._state = reducer.init()
