"""The events of running stages, for a caller that iterates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

from flowlike.batches import Batch, events_of
from flowlike.stages.handover import Handover
from flowlike.stages.messages import Ended, Start, SubscribeTo
from flowlike.stages.owner import Reason
from flowlike.stages.ref import StageRef, as_subscribe, check_outside
from flowlike.stages.run_queue import run_queue_on
from flowlike.stages.running import RunningStage
from flowlike.stages.subscription import Subscribe, Subscription

__all__ = ["stream"]


def stream(refs: Iterable[StageRef | Subscribe]) -> AsyncGenerator[Any, None]:
    """Iterate over the events of running stages, with back-pressure.

    The first step subscribes to all of them. Batches are handed out in the order of their arrival,
    those of one stage in its order; no more is asked for while the caller is busy with
    what it has. The iteration ends when every stage has finished, or when a subscription with
    ``cancel="permanent"`` (the default) is over by a planned end. A crash is raised, unless the
    subscription is ``"temporary"``: then the others go on, and if there is no other it ends.

    Leaving it cancels the subscriptions; events that were delivered and not iterated
    are lost. Close it when you leave it early (``contextlib.aclosing``): a loop that breaks
    leaves that to the garbage collector.

    Args:
        refs: the stages; a ``Subscribe`` says how, a ``StageRef`` means the defaults.

    Raises:
        TypeError: something else, or a stage that emits nothing.
        ValueError: no stage; in the iteration: a stage refuses the subscription.
        StageStopped: in the iteration: a stage has ended before.
        RuntimeError: in the iteration: a callback of one of the stages would wait for itself.
        Exception: in the iteration: what a stage has crashed with, if its subscription is not
            ``"temporary"``.

    Example:
        >>> import asyncio
        >>> from flowlike import Producer, StageGroup, stream
        >>> class Letters(Producer[str]):
        ...     def handle_demand(self, demand):
        ...         self.finish()
        ...         return list("abc")
        >>> async def main():
        ...     async with StageGroup() as group:
        ...         letters = await group.start(Letters())
        ...         return [letter async for letter in stream([letters])]
        >>> asyncio.run(main())
        ['a', 'b', 'c']
    """
    if isinstance(refs, (StageRef, Subscribe)):
        raise TypeError(f"stream takes several stages: give stream([{refs!r:.80}])")
    options = [as_subscribe(to) for to in refs]
    if not options:
        raise ValueError("stream needs at least one stage, got none")
    return _events(options)


async def _events(options: list[Subscribe]) -> AsyncGenerator[Any, None]:
    async with aclosing(_batches(options)) as batches:
        async for batch in batches:
            for event in events_of(batch):
                yield event


async def _batches(options: list[Subscribe]) -> AsyncGenerator[Batch, None]:
    check_outside(*(each.to for each in options))
    loop = asyncio.get_running_loop()
    reader = _Reader(len(options))
    running = RunningStage(reader, "stream", owner=reader, queue=run_queue_on(loop), loop=loop)
    asked = [SubscribeTo(each, loop.create_future()) for each in options]
    running.deliver(Start(tuple(asked), None))
    try:
        replies = [each.reply for each in asked if each.reply is not None]
        for answer in await asyncio.gather(*replies, return_exceptions=True):
            # One that has ended meanwhile takes the whole stream along: take() says so.
            if isinstance(answer, BaseException) and not running.ended.done():
                raise answer
        while batches := await reader.take():
            for batch in batches:
                yield batch
    finally:
        running.end("normal")


class _Reader(Handover):
    """Hands events over, and owns the stage that it is itself."""

    def __init__(self, producers: int) -> None:
        super().__init__()
        self._producers = producers

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> None:
        """Nobody is left who could send anything: finish, whatever the cancel modes say."""
        self._producers -= 1
        if not self._producers:
            self.finish()

    def subscription_settled(self) -> None:
        """See :class:`~flowlike.stages.owner.Owner`; who subscribes here waits for replies."""

    def subscription_lost(self, stage: RunningStage, options: Subscribe, over: Ended) -> bool:
        """See :class:`~flowlike.stages.owner.Owner`; a stream has no second time."""
        return False

    def gone(self, stage: RunningStage) -> asyncio.Future[Any]:
        """See :class:`~flowlike.stages.owner.Owner`; a stream has no second time."""
        return stage.ended

    def stage_ended(self, stage: RunningStage, reason: Reason) -> None:
        """See :class:`~flowlike.stages.owner.Owner`."""
        self.end(reason if isinstance(reason, BaseException) else None)
