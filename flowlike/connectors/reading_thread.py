"""A thread that reads one slow iterator, so that it holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

__all__ = ["ReadingThread"]

FLUSH = 0.002
"""Seconds after which events that were read are handed over, however few they are."""

_CLOSING = 1.0
"""Seconds to wait for a thread that is inside the iterator when the flow ends."""


class Sink(Protocol):
    """The stage that the events are for."""

    def emit(self, events: Any) -> None:
        """Send events."""

    def finish(self) -> None:
        """The iterator is exhausted."""

    def end(self, reason: str | BaseException) -> None:
        """The iterator has failed."""


class ReadingThread:
    """Reads as many events as are asked for and hands them to a stage on its loop.

    Args:
        iterator: read by this thread only, from now on, and closed by it.
        stage: told of events, the end, and a failure.
    """

    def __init__(self, iterator: Iterator[Any], stage: Sink) -> None:
        self._iterator = iterator
        self._stage = stage
        self._loop = asyncio.get_running_loop()
        self._wanted = 0
        self._closing = False
        self._changed = threading.Condition()
        self._closed = self._loop.create_future()
        # A daemon: an iterator that never returns must not keep the interpreter from ending.
        self._thread = threading.Thread(target=self._run, name="flowlike-source", daemon=True)
        self._thread.start()

    def ask(self, count: int) -> None:
        """Read ``count`` events more."""
        with self._changed:
            self._wanted += count
            self._changed.notify()

    async def close(self) -> None:
        """End the thread after the ``next`` it is in, and close the iterator.

        An iterator that does not come back within a second is left to its thread.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await asyncio.shield(self._closed)
            self._thread.join()

    def _run(self) -> None:
        try:
            failure = self._read()
        finally:
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()
            self._tell(self._set_closed)
        if failure is not None:
            self._tell(self._stage.end, failure)

    def _set_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def _read(self) -> BaseException | None:
        """Read until the end, the closing or a failure, which is returned."""
        while (count := self._next_demand()) is not None:
            events: list[Any] = []
            started = perf_counter()
            while len(events) < count and not self._closing:
                try:
                    events.append(next(self._iterator))
                except StopIteration:
                    self._tell(self._hand_over, events, True)
                    return None
                except BaseException as error:  # noqa: BLE001 - the stage ends with it, whatever it is
                    error.add_note(f"in the source {self._iterator!r:.100}")
                    return error
                if perf_counter() - started > FLUSH:
                    break
            with self._changed:
                self._wanted -= len(events)
            self._tell(self._hand_over, events, False)
        return None

    def _next_demand(self) -> int | None:
        """Wait until something is wanted; ``None`` when closing."""
        with self._changed:
            while not self._wanted and not self._closing:
                self._changed.wait()
            return None if self._closing else self._wanted

    def _hand_over(self, events: list[Any], last: bool) -> None:
        if self._closing:
            return
        if events:
            self._stage.emit(events)
        if last:
            self._stage.finish()

    def _tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        # The loop may be closed when an abandoned thread comes back at last.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)
