"""The consumer's side of a stage: its subscriptions and the events that have arrived."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from flowlike.batches import Batch, join, joinable
from flowlike.stages.messages import Cancelled, Ended
from flowlike.stages.subscription import Subscription

__all__ = ["Arrival", "Inlet"]


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
    """

    __slots__ = ("_crashed", "_finished", "arrivals", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: dict[int, Subscription] = {}
        self.arrivals: deque[Arrival] = deque()
        self._finished = False
        self._crashed = False

    def arrive(self, number: int, batch: Batch) -> None:
        """A batch has come. One for a subscription that is over is ignored."""
        subscription = self.subscriptions.get(number)
        if subscription is not None:
            self.arrivals.append(Arrival(subscription, batch, None))

    def arrive_end(self, message: Ended | Cancelled) -> None:
        """A producer says that the subscription is over, after the events it has sent."""
        subscription = self.subscriptions.get(message.subscription)
        if subscription is not None:
            self.arrivals.append(Arrival(subscription, None, message))

    def take(self) -> Arrival:
        """Remove what comes next: of batches at most what one call may be given.

        Batches of one producer that wait behind each other are joined up to that
        size, so a stage that was held up makes up for it with fewer calls.
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
        if arrivals:
            parts, size = [batch], len(batch)
            while arrivals:
                following = arrivals[0]
                if (
                    following.subscription is not subscription
                    or following.over is not None
                    or size + len(following.batch) > limit
                    or not joinable(batch, following.batch)
                ):
                    break
                parts.append(following.batch)
                size += len(following.batch)
                arrivals.popleft()
            if len(parts) > 1:
                return Arrival(subscription, join(parts), None)
        return arrival

    def close(self, arrival: Arrival) -> None:
        """Forget a subscription that is over."""
        over = arrival.over
        assert over is not None
        del self.subscriptions[over.subscription]
        if isinstance(over.reason, BaseException):
            self._crashed = True
        elif isinstance(over, Ended):
            self._finished = True

    def all_finished(self) -> bool:
        """True if there were producers, none is left, and none of them crashed."""
        return self._finished and not self.subscriptions and not self._crashed
