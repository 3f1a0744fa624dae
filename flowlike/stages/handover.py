"""Batches of stages for somebody who iterates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

from flowlike.batches import Batch
from flowlike.stages.demand import Demand
from flowlike.stages.stage import Consumer
from flowlike.stages.subscription import Subscribe, Subscription

__all__ = ["Handover"]


class Handover(Consumer[Any]):
    """Hands batches to somebody who iterates, who thereby sets the pace.

    What has arrived is handed over together. It counts as handled when the caller comes back for
    more; so what is asked of the producers follows the time that the caller spends on it.

    Attributes:
        error: what the producers have failed with, once they have.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._demands: dict[Subscription, Demand] = {}
        self._arrived: list[tuple[Subscription, Batch]] = []
        self._taken: list[tuple[Subscription, Batch]] = []
        self._clock: Callable[[], float] = perf_counter
        self._taken_at = 0.0
        self._wanted: asyncio.Future[None] | None = None  # the caller waits for batches
        self._ended = False

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Ask by hand: for the first events now, for others when the caller has handled them."""
        self._clock = self._started().clock
        demand = self._demands[peer] = options.policy()
        peer.ask(demand.first())
        return "manual"

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Keep the batch for the caller."""
        self._arrived.append((producer, events))
        self._notify()

    async def take(self) -> list[Batch]:
        """What has arrived, at least one batch; none at all after the last one.

        Raises:
            BaseException: what the producers have failed with.
        """
        self._ask_again()
        while not self._arrived and not self._ended:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        if self.error is not None:
            raise self.error
        self._taken, self._arrived = self._arrived, []
        self._taken_at = self._clock()
        return [batch for _, batch in self._taken]

    def end(self, error: BaseException | None) -> None:
        """All has ended, or failed with ``error``: nothing comes any more."""
        self._ended = True
        self.error = error
        self._notify()

    def _ask_again(self) -> None:
        """The caller is back: what it took is handled, each batch in its share of the time."""
        taken, self._taken = self._taken, []
        events = sum(len(batch) for _, batch in taken)
        seconds = self._clock() - self._taken_at
        for subscription, batch in taken:
            share = seconds * len(batch) / events
            more = self._demands[subscription].handled(len(batch), share)
            if more and not self._ended:
                subscription.ask(more)

    def _notify(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
