"""The work of a stage with producers: it is given what has arrived, and asks for more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowlike.envelopes import ENVELOPES, stands_for
from flowlike.stages.cancel_modes import ends_consumer
from flowlike.stages.inlet import Arrival, Inlet
from flowlike.stages.messages import Ask, Ended
from flowlike.stages.outlet import Outlet
from flowlike.stages.results import AT_HAND, is_awaitable
from flowlike.stages.subscription import Subscription

if TYPE_CHECKING:
    from flowlike.stages.running import RunningStage

__all__ = ["Consumption"]

_new = tuple.__new__  # makes a named tuple in half the time of its own constructor


class Consumption:
    """Hands over a batch a turn, of a producer-consumer only while it is asked to emit.

    Args:
        running: the stage whose work it is.
        inlet: where events arrive.
        outlet: where what becomes of them leaves; ``None`` for a consumer.
    """

    __slots__ = ("_asks", "_inlet", "_outlet", "_running")

    def __init__(self, running: RunningStage, inlet: Inlet, outlet: Outlet | None) -> None:
        self._running = running
        self._inlet = inlet
        self._outlet = outlet
        self._asks: list[tuple[Subscription, int]] = []  # more to ask for, and of whom

    def is_possible(self) -> bool:
        """See :class:`~flowlike.stages.work.Work`."""
        outlet = self._outlet
        if self._running.finishing:
            return outlet is None or outlet.is_empty()
        arrivals = self._inlet.arrivals
        if not arrivals:
            return False
        return outlet is None or arrivals[0].over is not None or outlet.wanted() > 0

    def goes_first(self) -> bool:
        """See :class:`~flowlike.stages.work.Work`."""
        # A short batch lets the producer, which was just asked, have its turn before.
        return not self._inlet.is_short()

    def do_piece(self) -> None:
        """See :class:`~flowlike.stages.work.Work`."""
        if self._asks:
            self._ask()
            if self._inlet.is_short():
                return  # until the producer had its turn
        if not self.is_possible():
            return
        if self._running.finishing:
            self._running.end("normal", finished=True)
            return
        arrival = self._inlet.take()
        if arrival.over is None:
            self._handle_events(arrival)
            return
        self._subscription_over(arrival)
        # Many producers may end at once; their ends are one piece, as far as nothing is awaited.
        while self._inlet.ends_next() and self._running.is_free():
            self._subscription_over(self._inlet.take())

    def _handle_events(self, arrival: Arrival) -> None:
        running = self._running
        subscription, batch, _ = arrival
        count = len(batch)
        running.events_in += count if type(batch) not in ENVELOPES else stands_for(batch)
        self._inlet.handling = count
        stage: Any = running.stage
        started = running.clock()
        try:  # as in `RunningStage.call`, at the pace of single events
            result = stage.handle_events(batch, subscription)
            if type(result) in AT_HAND or not is_awaitable(result):
                self._handled(result, subscription, count, started)
            else:
                context = (subscription, count, started)
                running.wait_for(stage.handle_events, result, self._handled, context)
        except BaseException as error:  # noqa: BLE001 - it is the owner's
            running.crash(error, stage.handle_events)

    def _handled(self, result: Any, subscription: Subscription, count: int, started: float) -> None:
        self._inlet.handling = 0
        seconds = self._running.send_timed(result, "handle_events", started)
        demand = subscription._demand
        if demand is None:
            if self._asks:
                self._ask()
            return
        more = demand.handled(count, seconds)
        self._running.batch = demand.batch
        if more:
            if self._outlet is None and not self._running.leaving:  # nothing has to leave before
                subscription._peer.deliver(_new(Ask, (subscription._number, more)))
            else:
                self._asks.append((subscription, more))
                self._ask()

    def ask_when_sent(self, subscription: Subscription, count: int) -> None:
        """Ask for more by hand, once what the running callback returns has left."""
        self._asks.append((subscription, count))

    def _ask(self) -> None:
        """Ask for more, once what became of the last events has left.

        So a stage never holds more than ``max_demand`` events, whatever its consumers want.
        What came in answer to one that is leaving would be lost, so it asks no more.
        """
        if self._running.leaving:
            self._asks.clear()
        elif self._outlet is None or not self._outlet.buffer.count:
            for subscription, count in self._asks:
                subscription._peer.deliver(Ask(subscription._number, count))
            self._asks.clear()

    def _subscription_over(self, arrival: Arrival) -> None:
        """A producer is gone, or has cancelled; all its events were handled before."""
        assert arrival.over is not None
        running = self._running
        self._inlet.close(arrival)
        arguments = (arrival.over.reason, arrival.subscription)
        running.call(running.stage.handle_cancel, arguments, self._over, arrival, running.clock())

    def _over(self, result: Any, arrival: Arrival, started: float) -> None:
        assert arrival.over is not None
        running = self._running
        running.send_timed(result, "handle_cancel", started)
        over, options = arrival.over, arrival.subscription.options
        ends = ends_consumer(options.cancel, over)
        if isinstance(over, Ended):
            again = running.owner.subscription_lost(running, options, over)
            if again and not ends:
                return
        if self._inlet.all_finished():
            running.finish()
        elif ends:
            running.end(over.reason)
