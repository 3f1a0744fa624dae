"""The producer's side of a stage: its consumers, their demand, and the buffer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from flowlike.batches import Batch
from flowlike.envelopes import ENVELOPES, stands_for
from flowlike.options import check_choice, check_count
from flowlike.stages.buffer import Buffer
from flowlike.stages.dispatchers import (
    Deliveries,
    DemandDispatcher,
    Dispatcher,
    SplitsElsewhere,
    fresh_dispatcher,
    splits_elsewhere,
)
from flowlike.stages.messages import Cancelled, Ended, Events
from flowlike.stages.stage import Batches, Emitter
from flowlike.stages.subscription import Subscription

__all__ = ["Outlet", "outlet_of"]


_new = tuple.__new__  # makes a named tuple in half the time of its own constructor


class Outlet:
    """Sends events as far as they were asked for and buffers the rest.

    Attributes:
        subscriptions: the consumers, by the number of the subscription.
        made: how many events it was given to send.
        events_out: how many events have left.
        discarded: how many events a full buffer has dropped.
        lost: how many could not leave: the stage has ended, or its dispatcher has failed.
    """

    __slots__ = (
        "_dispatcher",
        "_owed",
        "_splits",
        "buffer",
        "discarded",
        "events_out",
        "lost",
        "made",
        "subscriptions",
    )

    def __init__(self, dispatcher: Dispatcher, buffer: Buffer) -> None:
        self._dispatcher = dispatcher
        self.buffer = buffer
        self._splits: SplitsElsewhere | None = dispatcher if splits_elsewhere(dispatcher) else None
        self.subscriptions: dict[int, Subscription] = {}
        self._owed = 0  # events asked of handle_demand that have not come yet
        self.made = 0
        self.events_out = 0
        self.discarded = 0
        self.lost = 0

    def add(self, subscription: Subscription) -> None:
        """Take a consumer in.

        Raises:
            ValueError: the dispatcher does not accept its options.
        """
        number = subscription._number
        self._dispatcher.subscribe(number, subscription.options, subscription._peer)
        self.subscriptions[number] = subscription

    def remove(self, number: int, reason: str | BaseException) -> Subscription | None:
        """Cancel a subscription and tell the consumer, after the events sent so far."""
        subscription = self.subscriptions.pop(number, None)
        if subscription is not None:
            self._dispatcher.cancel(number)
            subscription._peer.deliver(Cancelled(number, reason))
            if self.buffer.count:
                self._drain()  # nobody waits for the one that is gone
        return subscription

    def ask(self, number: int, count: int) -> None:
        """Note demand and serve it from what is kept and buffered."""
        if number in self.subscriptions:
            self._deliver(self._dispatcher.ask(number, count))
            if self.buffer.count:
                self._drain()

    def wanted(self) -> int:
        """How many events could leave at once."""
        return self._dispatcher.wanted() - self.buffer.count

    def need(self) -> int:
        """How many events to ask ``handle_demand`` for now; they count as asked for."""
        need = self.needs()
        if need <= 0:
            return 0
        self._owed += need
        return need

    def needs(self) -> int:
        """How many events were asked for and nobody was asked to make.

        While a batch is split elsewhere, demand comes together for one that is worth it.
        """
        if self._splits is not None and self._splits.is_splitting:
            return 0
        return self._dispatcher.wanted() - self.buffer.count - self._owed

    def send(self, batch: Batch) -> int:
        """Send a batch; return how many events a full buffer dropped."""
        count = len(batch)
        if not count:
            return 0
        self.made += count if type(batch) not in ENVELOPES else stands_for(batch)
        if owed := self._owed:
            self._owed = owed - count if owed > count else 0
        wanted = self._dispatcher.wanted()
        if count <= wanted and not self.buffer.count:
            self._dispatch(batch)
            return 0
        if wanted > 0 and not self.buffer.count:
            first, batch = batch[:wanted], batch[wanted:]
            try:
                self._dispatch(first)
            except BaseException:
                self.lost += len(batch)
                raise
        dropped = self.buffer.put(batch)
        self.discarded += dropped
        self._drain()
        return dropped

    def end(self, reason: str | BaseException, finished: bool) -> None:
        """Tell every consumer that this stage is gone."""
        for number, subscription in self.subscriptions.items():
            subscription._peer.deliver(Ended(number, reason, finished))
        self.subscriptions.clear()
        if self._splits is not None:
            self._splits.when_settled(None)
        self.lost += self._dispatcher.kept()
        self._dispatcher = DemandDispatcher()  # what a callback still returns is for nobody

    def when_settled(self, settled: Callable[[BaseException | None, float], None]) -> None:
        """Let batches be split elsewhere.

        Args:
            settled: is told when what became of one has left, or of the error, and how many seconds
                that has cost.
        """

        def deliver(deliveries: Deliveries, error: BaseException | None, seconds: float) -> None:
            try:
                self._deliver(deliveries)
                if self.buffer.count:
                    self._drain()
            except BaseException as failed:  # noqa: BLE001 - a dispatcher's; the owner is told
                error = error or failed
            settled(error, seconds)

        if self._splits is not None:
            self._splits.when_settled(deliver)

    def lose(self) -> None:
        """The stage has ended and no callback runs: what is still here is lost."""
        while self.buffer.count:
            self.lost += len(self.buffer.take(self.buffer.count))

    def lose_also(self, result: Any) -> None:
        """Count what a callback has returned after the end, if that was events."""
        count = 0
        if isinstance(result, Batches):
            count = sum(map(len, result))
        elif isinstance(result, (list, tuple, range, np.ndarray)):
            count = len(result)
        self.made += count
        self.lost += count

    def is_empty(self) -> bool:
        """True if every event has left."""
        return not self.buffer.count and not self._dispatcher.kept()

    def held(self) -> int:
        """How many events wait here."""
        return self.buffer.held() + self._dispatcher.kept()

    def _drain(self) -> None:
        """Send from the buffer while somebody wants it (a dispatcher may drop events)."""
        while self.buffer.count and (wanted := self._dispatcher.wanted()) > 0:
            self._dispatch(self.buffer.take(wanted))

    def _dispatch(self, batch: Batch) -> None:
        try:
            deliveries = self._dispatcher.dispatch(batch)
        except BaseException:
            self.lost += len(batch)
            raise
        self._deliver(deliveries)

    def _deliver(self, deliveries: Deliveries) -> None:
        subscriptions = self.subscriptions
        rest = iter(deliveries)
        for number, batch in rest:
            try:
                subscriptions[number]._peer.deliver(_new(Events, (number, batch)))
            except BaseException:  # to another node, which not all events can reach
                self.lost += len(batch) + sum(len(each) for _, each in rest)
                raise
            self.events_out += len(batch) if type(batch) not in ENVELOPES else stands_for(batch)


def outlet_of(stage: Emitter[Any]) -> Outlet:
    """The outlet that the attributes of a stage ask for.

    Raises:
        TypeError: its ``dispatcher`` is none, or ``buffer_size`` is no integer.
        ValueError: its ``buffer_size`` or ``buffer_keep`` is out of range.
    """
    keep = check_choice("buffer_keep", stage.buffer_keep, ("last", "first"))
    size = stage.buffer_size
    if size != math.inf:
        size = check_count("buffer_size", size, least=0)
    dispatcher = fresh_dispatcher(stage.dispatcher, type(stage).__name__)
    return Outlet(dispatcher, Buffer(size, keep))
