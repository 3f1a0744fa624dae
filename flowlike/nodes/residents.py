"""The stages of one run that live in a worker process, and what is told of them."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from flowlike.nodes.address import Address
from flowlike.nodes.node import Node
from flowlike.nodes.run_messages import Progress, Request, Settled, StageEnded
from flowlike.stages import StageCounts, Subscribe
from flowlike.stages.messages import Ended, Start, SubscribeTo
from flowlike.stages.owner import Reason
from flowlike.stages.peer import Peer
from flowlike.stages.run_queue import RunQueue
from flowlike.stages.running import RunningStage
from flowlike.stages.stage import Stage

__all__ = ["Guest", "Residents"]

_PERIOD = 0.25
"""Seconds after which the parent is told again what the stages have done."""


class Guest(Protocol):
    """What a worker process does for a run; it arrives as a pickle."""

    def begin(self, residents: Residents) -> None:
        """Start the stages.

        Raises:
            Exception: they cannot be made here.
        """

    async def close(self) -> bool:
        """End what they needed; all have ended. False if a thread goes on alone."""


class Residents:
    """Owns the stages of one run that live here.

    Args:
        run: its number.
        node: this one.
        queue: gives turns.
        send: sends a message to the parent.
    """

    def __init__(self, run: int, node: Node, queue: RunQueue, send: Callable[[Any], None]) -> None:
        self._run = run
        self._node = node
        self._queue = queue
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._numbers: dict[RunningStage, int] = {}
        self._reports: dict[int, Callable[[], Any]] = {}
        self._told: dict[int, tuple[StageCounts, Any]] = {}
        self._unsettled = 1  # `settle` is one of them
        self._requests = itertools.count()
        self._replies: dict[int, asyncio.Future[None]] = {}
        self._timer = self._loop.call_later(_PERIOD, self._tell)

    def peer(self, address: Address, name: str) -> Peer:
        """A stage of the run, wherever it lives."""
        return self._node.ref(address, name)

    def spawn(
        self,
        stage: Stage,
        *,
        number: int,
        name: str,
        subscribe_to: Sequence[Subscribe],
        report: Callable[[], Any],
    ) -> None:
        """Start a stage.

        Args:
            stage: it.
            number: its own in this run on this node.
            name: for messages.
            subscribe_to: its subscriptions.
            report: what the owner of the run wants to know of it now and then, and at its end.
        """
        running = RunningStage(stage, name, owner=self, queue=self._queue, loop=self._loop)
        self._numbers[running] = number
        self._reports[number] = report
        self._unsettled += len(subscribe_to)
        running.deliver(Start(tuple(SubscribeTo(each, None) for each in subscribe_to), None))
        self._node.admit(running.ref, number)

    def settle(self) -> None:
        """All stages were spawned."""
        self.subscription_settled()

    def end(self, number: int | None, reason: str) -> None:
        """End a stage, or all of them."""
        for running, each in list(self._numbers.items()):
            if number is None or each == number:
                running.end(reason)

    def close(self) -> None:
        """The run is over."""
        self._timer.cancel()
        for reply in self._replies.values():
            reply.cancel()

    def tell(self, what: Any) -> None:
        """Tell the owner of the run something; there is no reply."""
        self._send(Request(self._run, None, what))

    async def ask(self, what: Any) -> None:
        """Ask the owner of the run for something, and wait until it is granted.

        Raises:
            BaseException: why it is not.
        """
        number = next(self._requests)
        self._replies[number] = self._loop.create_future()
        self._send(Request(self._run, number, what))
        try:
            await self._replies[number]
        finally:
            del self._replies[number]

    def replied(self, number: int, error: BaseException | None) -> None:
        """The reply to a request has come."""
        reply = self._replies.get(number)
        if reply is None or reply.done():
            return
        if error is None:
            reply.set_result(None)
        else:
            reply.set_exception(error)

    # As the owner of its stages.

    def subscription_settled(self) -> None:
        """See :class:`~flowlike.stages.owner.Owner`."""
        self._unsettled -= 1
        if not self._unsettled:
            self._send(Settled(self._run))

    def subscription_lost(self, stage: RunningStage, options: Subscribe, over: Ended) -> bool:
        """See :class:`~flowlike.stages.owner.Owner`."""
        return False

    def gone(self, stage: RunningStage) -> asyncio.Future[Any]:
        """See :class:`~flowlike.stages.owner.Owner`."""
        return asyncio.ensure_future(asyncio.shield(stage.ended))

    def stage_ended(self, stage: RunningStage, reason: Reason) -> None:
        """See :class:`~flowlike.stages.owner.Owner`."""
        number = self._numbers.pop(stage)
        with suppress(AttributeError, OSError, ValueError):  # it may be closed, or none
            sys.stdout.flush()  # the process may be killed as soon as nothing lives here
        why = self._node.pack(reason) if isinstance(reason, BaseException) else reason
        counts = (stage.ref.counts(), self._reports.pop(number)())
        self._send(StageEnded(self._run, number, why, counts))

    def _tell(self) -> None:
        counts = {
            number: (running.ref.counts(), self._reports[number]())
            for running, number in self._numbers.items()
        }
        new = {number: each for number, each in counts.items() if self._told.get(number) != each}
        if new:
            self._told.update(new)
            self._send(Progress(self._run, new))
        self._timer = self._loop.call_later(_PERIOD, self._tell)
