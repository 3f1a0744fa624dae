"""The stage behind the replicas of an ordered layer: it lets their results out in order."""

from __future__ import annotations

from typing import Any, cast

from flowlike.numbered import Numbered
from flowlike.operators import Reorderer
from flowlike.stages import Batches, Dispatcher, ProducerConsumer, Subscribe, Subscription

__all__ = ["Reorder"]


class Reorder(ProducerConsumer[Any, Any]):
    """Holds what has come early, and asks no replica for more than its share meanwhile.

    Args:
        limit: the most events of one replica that are here or on their way.
        dispatcher: chooses who gets the events behind.
    """

    def __init__(self, limit: int, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self._reorderer = Reorderer(limit)

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Ask the replicas by hand."""
        if role == "consumer":
            return "automatic"
        peer.ask(self._reorderer.add(peer))
        return "manual"

    def handle_events(self, events: Numbered, producer: Subscription) -> Batches:
        """Let out all whose turn it is; who had a part in that is asked for as many again."""
        ready = self._reorderer.push(events, producer)
        for subscription, count in self._reorderer.more():
            self._started().ask_when_sent(cast(Subscription, subscription), count)
        return Batches(ready)
