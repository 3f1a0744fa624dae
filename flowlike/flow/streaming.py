"""Batches of a running flow for somebody who iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from flowlike.batches import Batch
from flowlike.flow.collectors import Collector, Handover
from flowlike.flow.running import RunningFlow

__all__ = ["stream_batches"]


async def stream_batches(
    start: Callable[[Collector[None]], RunningFlow],
) -> AsyncGenerator[Batch, None]:
    """Run a flow in a task of its own and yield its batches; closing the generator stops it.

    The task is not the caller's: a failure reaches the caller where it takes the next batch,
    never in the middle of what it does with the last one.
    """
    handover = Handover()

    async def run() -> None:
        try:
            async with start(handover) as running:
                await running.wait()
        except asyncio.CancelledError:
            handover.end(None)
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the flow ended with is the caller's
            handover.end(error)
        else:
            handover.end(None)

    task = asyncio.get_running_loop().create_task(run(), name="flowlike-flow")
    try:
        while (batch := await handover.next_batch()) is not None:
            yield batch
    finally:
        task.cancel()
        await asyncio.wait([task])
