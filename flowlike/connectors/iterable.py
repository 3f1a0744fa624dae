"""Reading a synchronous iterator: in the event loop while it is fast, else in a thread."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from itertools import islice
from time import perf_counter, thread_time
from typing import Any, NamedTuple

from flowlike.connectors.draining import Drain
from flowlike.connectors.reading_thread import ReadingThread
from flowlike.stages import Producer

__all__ = ["IterableSource"]

SLOW = 0.002
"""Seconds: an iterator whose ``next`` takes longer is read in a thread; also how long the
loop reads before it looks after others."""

_STEP = 1024
"""Events that are read between two looks at the clock where nobody minds a slow one."""


class IterableSource(Producer[Any]):
    """Reads exactly as many events as are asked for, never one more.

    The iterator is closed when the stage ends, if it can be.

    Args:
        iterator: any iterator.
        read_in: "loop", "thread" or "auto".
    """

    _is_open = True

    def __init__(self, iterator: Iterator[Any], read_in: str) -> None:
        self._iterator = iterator
        self._may_switch = read_in == "auto"
        self._in_thread = read_in == "thread"
        self._thread: ReadingThread | None = None
        self._rest = 0  # demand that is left over when the slice of time was used up

    def handle_demand(self, demand: int) -> list[Any] | None:
        """Read for at most 2 ms; what is left of the demand follows in another turn."""
        self._rest += demand
        if self._in_thread:
            self._read_in_thread()
            return None
        return self._read()

    def handle_info(self, message: Any) -> list[Any] | None:
        """Its own reminder to go on reading."""
        return self._read() if self._rest else None

    def handle_cast(self, message: Drain) -> None:
        """Finish, or let the thread do so when it has come out of the iterator."""
        self._rest = 0
        if self._thread is None:
            self.finish()
        else:
            self._thread.drain()

    def on_stop(self, reason: str | BaseException) -> Any:
        """Close the iterator (in its thread, if it has one)."""
        if self._thread is not None:
            return self._thread.close()
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()
        return None

    def _read(self) -> list[Any]:
        events: list[Any] = []
        ended = self._read_watched(events) if self._may_switch else self._read_steps(events)
        self._rest -= len(events)
        if ended:
            self._rest = 0
            self.finish()
        elif self._in_thread:
            self._read_in_thread()
        elif self._rest:
            self._started().ref.send(None)
        return events

    def _read_watched(self, events: list[Any]) -> bool:
        """Look at the clock after every event: the next ``next`` may be the slow one."""
        begun = then = perf_counter()
        until = then + SLOW
        before = _Doings.now()
        for event in islice(self._iterator, self._rest):
            events.append(event)
            now = perf_counter()
            if now > until:
                if now - then > SLOW:
                    self._in_thread = _Doings.now().show_slow(before, then - begun)
                return False
            then = now
        return len(events) < self._rest

    def _read_steps(self, events: list[Any]) -> bool:
        until = perf_counter() + SLOW
        while (rest := self._rest - len(events)) and perf_counter() < until:
            before = len(events)
            events.extend(islice(self._iterator, min(_STEP, rest)))
            if len(events) - before < min(_STEP, rest):
                return True
        return False

    def _read_in_thread(self) -> None:
        if self._thread is None:
            stage = self._started()
            self._thread = ReadingThread(self._iterator, stage, stage.ref.name)
        self._thread.ask(self._rest)
        self._rest = 0


class _Doings(NamedTuple):
    """What the thread has done so far, to tell a slow iterator from a busy machine.

    Where others were given the processor in the middle of a ``next``, it took long through no
    fault of the iterator, and in a thread of its own it would take no less.
    """

    computed: float
    waited: int | None

    @classmethod
    def now(cls) -> _Doings:
        """Seconds of CPU time, and how often it has waited, if the system tells."""
        who: int | None = getattr(resource, "RUSAGE_THREAD", None)
        return cls(thread_time(), None if who is None else resource.getrusage(who).ru_nvcsw)

    def show_slow(self, before: _Doings, quick: float) -> bool:
        """Whether a ``next`` that began ``quick`` seconds after ``before`` waited or computed."""
        waited = self.waited is None or self.waited != before.waited
        return waited or self.computed - before.computed - quick > SLOW
