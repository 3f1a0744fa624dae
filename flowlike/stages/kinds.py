"""Which running form a stage gets."""

from __future__ import annotations

import asyncio

from flowlike.stages.consuming import ConsumingStage
from flowlike.stages.owner import Owner
from flowlike.stages.run_queue import RunQueue
from flowlike.stages.running import RunningStage
from flowlike.stages.stage import Producer, Stage
from flowlike.stages.supplying import SupplyingStage

__all__ = ["running_stage"]


def running_stage(
    stage: Stage, name: str, *, owner: Owner, queue: RunQueue, loop: asyncio.AbstractEventLoop
) -> RunningStage:
    """A new stage that runs, ready for its ``Start``.

    Raises:
        TypeError: its ``dispatcher`` is none, or ``buffer_size`` is no integer.
        ValueError: its ``demand``, ``buffer_size`` or ``buffer_keep`` is out of range.
    """
    if isinstance(stage, Producer):
        return SupplyingStage(stage, name, owner=owner, queue=queue, loop=loop)
    return ConsumingStage(stage, name, owner=owner, queue=queue, loop=loop)
