"""Reading an asynchronous iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

from flowlike.connectors.draining import Drain
from flowlike.stages import Producer

__all__ = ["AsyncIterableSource"]

_END = object()
_SLICE = 0.002  # seconds that an iterator which never waits is read on before others have a turn


class AsyncIterableSource(Producer[Any]):
    """Reads exactly as many events as are asked for, and hands on at once what is there.

    Events that come without waiting in between leave as one batch, unless that takes more than
    2 ms. The iterator is closed (``aclose``) when the stage ends, if it can be.

    Args:
        iterator: any asynchronous iterator.
    """

    _is_open = True

    def __init__(self, iterator: AsyncIterator[Any]) -> None:
        self._iterator = iterator
        self._wanted = 0
        self._reader: asyncio.Task[None] | None = None
        self._read: list[Any] = []
        self._flush_is_due = False
        self._stopping = False
        self._reading_since: float | None = None

    def handle_demand(self, demand: int) -> None:
        """Let the reader read on."""
        self._wanted += demand
        if self._reader is None or self._reader.done():
            loop = asyncio.get_running_loop()
            self._reader = loop.create_task(self._read_on(), name="flowlike-async-source")

    async def handle_cast(self, message: Drain) -> None:
        """Send what was read; what the iterator is waiting for is not waited for."""
        await self._interrupt()
        self._flush()
        self.finish()

    async def on_stop(self, reason: str | BaseException) -> None:
        """Stop reading and close the iterator.

        Raises:
            BaseException: what the iterator raised when it was interrupted.
        """
        try:
            await self._interrupt()
        finally:
            close = getattr(self._iterator, "aclose", None)
            if close is not None:
                await close()

    async def _interrupt(self) -> None:
        self._stopping = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
            if not self._reader.cancelled() and (failure := self._reader.exception()) is not None:
                raise failure

    async def _read_on(self) -> None:
        """Read what is wanted; a failure of the iterator ends the stage with it.

        Raises:
            CancelledError: `on_stop` has interrupted the iterator.
        """
        stage = self._started()
        self._reading_since = turn = perf_counter()
        try:
            while self._wanted and not self._stopping:
                event = await anext(self._iterator, _END)
                if event is _END:
                    self._wanted = 0
                    self.finish()
                    break
                self._wanted -= 1
                self._read.append(event)
                if not self._flush_is_due:
                    self._flush_is_due = True
                    asyncio.get_running_loop().call_soon(self._flush)
                    turn = perf_counter()
                elif perf_counter() - turn > _SLICE:
                    await asyncio.sleep(0)
        except (Exception, asyncio.CancelledError) as error:  # the stage ends with it, whatever
            if self._stopping:
                raise
            error.add_note(f"in {stage.ref.name}, reading {self._iterator!r:.100}")
            stage.end(error)
        else:
            self._flush()
        finally:
            self._count_time()
            self._reading_since = None

    def _count_time(self) -> None:
        """What was spent in the iterator so far is time that the stage was busy."""
        if self._reading_since is not None and self._running is not None:
            now = perf_counter()
            self._running.busy += now - self._reading_since
            self._reading_since = now

    def _flush(self) -> None:
        self._flush_is_due = False
        self._count_time()
        if self._read and self._running is not None:
            events, self._read = self._read, []
            self._running.supply(events)
