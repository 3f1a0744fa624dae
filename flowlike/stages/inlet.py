"""The consumer's side of a stage: its subscriptions and the events that have arrived."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from flowlike.batches import Batch, join, joinable
from flowlike.stages.messages import Cancelled, Ended
from flowlike.stages.subscription import Subscription

__all__ = ["Arrival", "Inlet"]


_new = tuple.__new__  # makes a named tuple in half the time of its own constructor


class Arrival(NamedTuple):
    """What comes next: a batch of a producer, or word that the subscription is over."""

    subscription: Subscription
    batch: Batch
    over: Ended | Cancelled | None


class Inlet:
    """Keeps arrivals in order until the stage takes them.

    Attributes:
        arrivals: what has come and was not taken, in order.
        subscriptions: the live ones, by number.
        expected: how many more will be made, of producers that are started again.
        handling: how many events a callback was given from which it has not returned.
        lost: how many events came and were not handled, because the stage has ended.
    """

    __slots__ = ("_finished", "_lost", "arrivals", "expected", "handling", "lost", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.arrivals: deque[Arrival] = deque()
        self._finished = False
        self._lost = 0
        self.expected = 0
        self.lost = 0
        self.handling = 0

    def arrive(self, number: int, batch: Batch) -> None:
        """A batch has come. One for a subscription of before a restart is lost."""
        subscription = self.subscriptions.get(number)
        if subscription is not None:
            self.arrivals.append(_new(Arrival, (subscription, batch, None)))
        else:
            self.lost += len(batch)

    def arrive_end(self, message: Ended | Cancelled) -> None:
        """A producer says that the subscription is over, after the events it has sent."""
        subscription = self.subscriptions.get(message.subscription)
        if subscription is not None:
            self.arrivals.append(Arrival(subscription, None, message))

    def take(self) -> Arrival:
        """Remove what comes next: of batches at most what one call may be given.

        Batches of one producer that wait behind each other are joined up to that
        size, if the demand wants it, so a stage that was held up makes up for it with fewer calls.
        """
        arrivals = self.arrivals
        arrival = arrivals.popleft()
        demand = arrival.subscription._demand
        if arrival.over is not None or demand is None:
            return arrival
        subscription, batch, _ = arrival
        limit = demand.batch
        if len(batch) > limit:
            if not demand.cuts:
                return arrival
            arrivals.appendleft(Arrival(subscription, batch[limit:], None))
            return Arrival(subscription, batch[:limit], None)
        if arrivals and demand.joins and len(batch) < limit:
            return Arrival(subscription, self._filled(arrival, limit, demand.cuts), None)
        return arrival

    def ends_next(self) -> bool:
        """True if what comes next is the end of a subscription."""
        return bool(self.arrivals) and self.arrivals[0].over is not None

    def is_short(self) -> bool:
        """True if the next batch, the only one here, could be longer after the producer's turn."""
        arrivals = self.arrivals
        if len(arrivals) != 1 or arrivals[0].over is not None:
            return False
        demand = arrivals[0].subscription._demand
        return demand is not None and demand.cuts and len(arrivals[0].batch) < demand.batch

    def _filled(self, arrival: Arrival, limit: int, cuts: bool) -> Batch:
        """A batch with as much of those behind it as there is room for."""
        arrivals = self.arrivals
        subscription, batch, _ = arrival
        parts, room = [batch], limit - len(batch)
        while room and arrivals:
            following = arrivals[0]
            if following.subscription is not subscription or following.over is not None:
                break
            more = following.batch
            if not joinable(batch, more) or (len(more) > room and not cuts):
                break
            arrivals.popleft()
            if len(more) > room:
                arrivals.appendleft(Arrival(subscription, more[room:], None))
                more = more[:room]
            parts.append(more)
            room -= len(more)
        return join(parts)

    def lose(self) -> None:
        """The stage has ended: what has come and was not taken is lost."""
        self.lost += self.handling
        self.lost += sum(len(each.batch) for each in self.arrivals if each.over is None)
        self.arrivals.clear()

    def close(self, arrival: Arrival) -> None:
        """Forget a subscription that is over."""
        over = arrival.over
        assert over is not None
        del self.subscriptions[over.subscription]
        if isinstance(over, Ended):
            if over.finished:
                self._finished = True
            else:
                self._lost += 1

    def expect(self, over: Ended) -> None:
        """A producer that has ended in this way will be back."""
        self.expected += 1
        if not over.finished:
            self._lost -= 1

    def all_finished(self) -> bool:
        """True if there were producers, none is left or expected, and all had finished."""
        return self._finished and not self.subscriptions and not self.expected and not self._lost
