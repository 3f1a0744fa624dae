"""Reading a synchronous iterator: in the event loop while it is fast, else in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from time import perf_counter
from typing import Any

from flowlike.connectors.reading_thread import ReadingThread
from flowlike.stages import Producer

__all__ = ["IterableSource"]

SLOW = 0.002
"""Seconds: an iterator whose ``next`` takes longer is read in a thread; also how long the
loop reads before it looks after others."""


class IterableSource(Producer[Any]):
    """Reads exactly as many events as are asked for, never one more.

    The iterator is closed when the stage ends, if it can be.

    Args:
        iterator: any iterator.
        read_in: "loop", "thread" or "auto".
    """

    def __init__(self, iterator: Iterator[Any], read_in: str) -> None:
        self._iterator = iterator
        self._may_switch = read_in == "auto"
        self._in_thread = read_in == "thread"
        self._thread: ReadingThread | None = None
        self._step = 1 if read_in == "auto" else 1024
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
        return self._read() if not self._in_thread else None

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
        started = now = perf_counter()
        while self._rest and now - started < SLOW:
            count = min(self._step, self._rest)
            before = len(events)
            events.extend(islice(self._iterator, count))
            got = len(events) - before
            if got < count:
                self._rest = 0
                self.finish()
                return events
            self._rest -= count
            then, now = now, perf_counter()
            self._adapt(count, now - then)
            if self._in_thread:
                break
        if self._in_thread:
            self._read_in_thread()
        elif self._rest:
            self._started().ref.send(None)
        return events

    def _adapt(self, count: int, seconds: float) -> None:
        """Read in larger steps while they are fast; one single slow ``next`` means a thread."""
        if not self._may_switch:
            return
        if seconds > SLOW:
            if count == 1:
                self._in_thread = True
            self._step = 1
        elif seconds < SLOW / 8 and count == self._step:
            self._step *= 4

    def _read_in_thread(self) -> None:
        if self._thread is None:
            self._thread = ReadingThread(self._iterator, self._started())
        self._thread.ask(self._rest)
        self._rest = 0
