"""Batches of a running flow for somebody who iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from flowlike.batches import Batch
from flowlike.flow.collectors import Collector, Streamed
from flowlike.flow.running import RunningFlow

__all__ = ["stream_batches"]


async def stream_batches(
    start: Callable[[Collector[None]], RunningFlow],
) -> AsyncGenerator[list[Batch], None]:
    """Run a flow in a task of its own; closing the generator stops it.

    Yields the batches that have arrived since the last time, at least one. The task is not the
    caller's: a failure reaches the caller where it takes the next batches, never in the
    middle of what it does with the last ones.

    Raises:
        BaseException: what the flow has failed with, or a source when it was closed.
        GeneratorExit: as every generator that is closed.
    """
    handover = Streamed()
    running: RunningFlow | None = None

    async def run() -> None:
        nonlocal running
        try:
            async with start(handover) as running:
                await running.wait()
        except asyncio.CancelledError as error:
            handover.end(error)
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the flow ended with is the caller's
            handover.end(error)
        else:
            handover.end(None)

    task = asyncio.get_running_loop().create_task(run(), name="flowlike-flow")
    try:
        while batches := await handover.take():
            yield batches
    except GeneratorExit:
        await _stop(task, running)
        # It was left while all was well: what goes wrong now is said here or nowhere.
        if handover.error is not None and not isinstance(handover.error, asyncio.CancelledError):
            raise handover.error from None
        raise
    finally:
        await _stop(task, running)


async def _stop(task: asyncio.Task[None], running: RunningFlow | None) -> None:
    """End the flow at once, and wait for its end.

    Raises:
        CancelledError: the caller was cancelled meanwhile; everything has ended even so.
    """
    if task.done():
        return
    if running is None:
        task.cancel()
    else:
        running.end()
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
