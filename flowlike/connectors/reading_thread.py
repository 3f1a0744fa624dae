"""A thread that reads one slow iterator, so that it holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

__all__ = ["ReadingThread"]

_PACE = 0.002
"""Seconds between two batches while events come quickly, so that batches are worth their way."""

_CLOSING = 1.0
"""Seconds to wait for a thread that is inside the iterator when the flow ends."""


class Sink(Protocol):
    """The stage that the events are for.

    Attributes:
        busy: seconds of work, to which those in the iterator are added.
    """

    busy: float

    def supply(self, events: Any) -> None:
        """Send events; a failure ends the stage."""

    def finish(self) -> None:
        """The iterator is exhausted."""

    def end(self, reason: str | BaseException) -> None:
        """The iterator has failed."""


class ReadingThread:
    """Reads as many events as are asked for and hands them to a stage on its loop.

    What was read is handed over while the iterator is already busy with the next event: an
    event never waits for another one.

    Args:
        iterator: read by this thread only, from now on, and closed by it.
        stage: told of events, the end, and a failure.
        name: of the stage, for the note on a failure.
    """

    def __init__(self, iterator: Iterator[Any], stage: Sink, name: str) -> None:
        self._iterator = iterator
        self._stage = stage
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._wanted = 0
        self._closing = False
        self._draining = False
        self._changed = threading.Condition()
        self._read: deque[Any] = deque()
        self._announced = False  # the loop knows that there are events
        self._handed_over = 0.0  # when, by the loop's clock
        self._seconds = 0.0  # spent in the iterator and not counted yet
        self._reading_since: float | None = None
        self._closed: asyncio.Future[BaseException | None] = self._loop.create_future()
        # A daemon: an iterator that never returns must not keep the interpreter from ending.
        self._thread = threading.Thread(target=self._run, name="flowlike-source", daemon=True)
        self._thread.start()

    def ask(self, count: int) -> None:
        """Read ``count`` events more."""
        with self._changed:
            self._wanted += count
            self._changed.notify()

    def drain(self) -> None:
        """Read no further, hand over what was read, and finish the stage.

        An event that the iterator gives within a second is still taken.
        """
        with self._changed:
            self._draining = True
            self._changed.notify()
        self._loop.call_later(_CLOSING, self._finish)

    async def close(self) -> None:
        """End the thread after the ``next`` it is in, and close the iterator.

        An iterator that does not come back within a second is left to its thread.

        Raises:
            BaseException: what closing the iterator has raised.
        """
        self._count_time()
        with self._changed:
            self._closing = True
            self._changed.notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                failure = await asyncio.shield(self._closed)
            self._thread.join()
            if failure is not None:
                raise failure

    # In the thread.

    def _run(self) -> None:
        failure = self._read_on()
        if failure is not None:
            failure.add_note(f"in {self._name}, reading {self._iterator!r:.100}")
            self._tell(self._stage.end, failure)
        failure = None
        try:
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()
        except BaseException as error:  # noqa: BLE001 - close() raises it, whatever it is
            failure = error
        self._tell(self._set_closed, failure)

    def _read_on(self) -> BaseException | None:
        """Read until the end, the closing or a failure, which is returned."""
        while (count := self._next_demand()) is not None:
            self._reading_since = perf_counter()
            for _ in range(count):
                if self._closing or self._draining:
                    break
                try:
                    event = next(self._iterator)
                except StopIteration:
                    self._end_reading(count)
                    self._tell(self._finish)
                    return None
                except BaseException as error:  # noqa: BLE001 - the stage ends with it, whatever it is
                    self._end_reading(count)
                    return error
                self._read.append(event)
                if not self._announced:
                    self._announced = True
                    self._tell(self._hand_over_soon)
            self._end_reading(count)
        if self._draining:
            self._tell(self._finish)
        return None

    def _end_reading(self, count: int) -> None:
        """So many that were wanted are read, as far as there are any."""
        with self._changed:
            self._wanted -= count
            if self._reading_since is not None:
                self._seconds += perf_counter() - self._reading_since
                self._reading_since = None

    def _next_demand(self) -> int | None:
        """Wait until something is wanted; ``None`` when closing or draining."""
        with self._changed:
            while not (self._wanted or self._closing or self._draining):
                self._changed.wait()
            return None if self._closing or self._draining else self._wanted

    def _tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        # The loop may be closed when an abandoned thread comes back at last.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    # In the loop.

    def _hand_over_soon(self) -> None:
        due = self._handed_over + _PACE
        if self._loop.time() >= due:
            self._hand_over()
        else:
            self._loop.call_at(due, self._hand_over)

    def _hand_over(self) -> None:
        # First, so that an event which is too late for this batch is announced again.
        self._announced = False
        self._count_time()
        self._handed_over = self._loop.time()
        read = self._read
        events = [read.popleft() for _ in range(len(read))]
        if events and not self._closing:
            self._stage.supply(events)

    def _count_time(self) -> None:
        with self._changed:
            if self._reading_since is not None:
                now = perf_counter()
                self._seconds += now - self._reading_since
                self._reading_since = now
            self._stage.busy += self._seconds
            self._seconds = 0.0

    def _finish(self) -> None:
        if not self._closing:
            self._hand_over()
            self._stage.finish()

    def _set_closed(self, failure: BaseException | None) -> None:
        if not self._closed.done():
            self._closed.set_result(failure)
