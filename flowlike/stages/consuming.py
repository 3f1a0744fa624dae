"""A consumer or producer-consumer that runs: it is given what has arrived, and asks for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from flowlike.counted import stands_for
from flowlike.stages.cancel_modes import ends_consumer
from flowlike.stages.inlet import Arrival, Inlet
from flowlike.stages.messages import Ask, Ended
from flowlike.stages.owner import Owner
from flowlike.stages.run_queue import RunQueue
from flowlike.stages.running import RunningStage
from flowlike.stages.stage import Stage
from flowlike.stages.subscription import Subscription

__all__ = ["ConsumingStage"]


class ConsumingStage(RunningStage):
    """Runs a stage with producers: a batch a turn, and one that emits only while it is asked to."""

    __slots__ = ("_asks", "_inlet")

    def __init__(
        self,
        stage: Stage,
        name: str,
        *,
        owner: Owner,
        queue: RunQueue,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(stage, name, owner=owner, queue=queue, loop=loop)
        self.inlet = self._inlet = Inlet()
        self._asks: list[tuple[Subscription, int]] = []  # more to ask for, and of whom

    def work_off(self) -> bool:
        """See :meth:`RunningStage.work_off`."""
        if not self._inlet.arrivals or not self._can_work():
            return False
        self._work()
        return True

    def _can_work(self) -> bool:
        if self._finishing:
            return self.outlet is None or self.outlet.is_empty()
        arrivals = self._inlet.arrivals
        if not arrivals:
            return False
        return self.outlet is None or arrivals[0].over is not None or self.outlet.wanted() > 0

    def _goes_first(self) -> bool:
        # A short batch lets the producer, which was just asked, have its turn before.
        return not self._inlet.is_short()

    def _work(self) -> None:
        if self._asks:
            self._ask()
            if self._inlet.is_short():
                return  # until the producer had its turn
        if not self._can_work():
            return
        if self._finishing:
            self.end("normal", finished=True)
            return
        arrival = self._inlet.take()
        if arrival.over is None:
            self._handle_events(arrival)
        else:
            self._subscription_over(arrival)

    def _handle_events(self, arrival: Arrival) -> None:
        subscription, batch, _ = arrival
        count = len(batch)
        self.events_in += stands_for(batch)
        stage: Any = self.stage
        self.call(
            stage.handle_events,
            (batch, subscription),
            self._handled,
            subscription,
            count,
            self.clock(),
        )

    def _handled(self, result: Any, subscription: Subscription, count: int, started: float) -> None:
        seconds = self.send_timed(result, "handle_events", started)
        demand = subscription._demand
        if demand is not None and (more := demand.handled(count, seconds)):
            self._asks.append((subscription, more))
            self._ask()

    def _lose(self, then: Callable[..., None], context: tuple[Any, ...]) -> None:
        if then == self._handled:
            self._inlet.lost += context[1]  # the batch that the callback was given

    def _ask(self) -> None:
        """Ask for more, once what became of the last events has left.

        So a stage never holds more than ``max_demand`` events, whatever its consumers want.
        """
        if self.outlet is None or not self.outlet.buffer.count:
            for subscription, count in self._asks:
                subscription._peer.deliver(Ask(subscription._number, count))
            self._asks.clear()

    def _subscription_over(self, arrival: Arrival) -> None:
        """A producer is gone, or has cancelled; all its events were handled before."""
        assert arrival.over is not None
        self._inlet.close(arrival)
        reason = arrival.over.reason
        arguments = (reason, arrival.subscription)
        self.call(self.stage.handle_cancel, arguments, self._over, arrival, self.clock())

    def _over(self, result: Any, arrival: Arrival, started: float) -> None:
        assert arrival.over is not None
        self.send_timed(result, "handle_cancel", started)
        over, options = arrival.over, arrival.subscription.options
        ends = ends_consumer(options.cancel, over)
        if isinstance(over, Ended):
            again = self.owner.subscription_lost(self, options, over)
            if again and not ends:
                return
        if self._inlet.all_finished():
            self.finish()
        elif ends:
            self.end(over.reason)
