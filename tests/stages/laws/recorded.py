"""Stages that write down what they do, in a ledger that all stages of an example share."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from flowlike import Consumer, Producer, ProducerConsumer

if TYPE_CHECKING:
    from laws.ledger import Ledger


class Boom(Exception):
    """The crash of a stage that was told to crash."""


class Recorded:
    """The part that all recorded stages share.

    Args:
        ledger: where it writes.
        pace: ``None`` for callbacks that return at once, or the seconds that they await.

    Attributes:
        sent: the events it has made, in order.
        received: the events that ``handle_events`` was given, by subscription.
        handled: those of them for which it has come to its end.
        fails_at: which call of ``handle_events`` or ``handle_demand`` raises; each multiple too.
    """

    fails_at = 0

    def __init__(self, ledger: Ledger, pace: float | None) -> None:
        self.ledger = ledger
        self.pace = pace
        self.number = len(ledger.stages)
        ledger.stages.append(self)
        self.sent: list[int] = []
        self.received: defaultdict[int, list[int]] = defaultdict(list)
        self.handled: defaultdict[int, list[int]] = defaultdict(list)
        self.subscriptions: list[Any] = []
        self.consumers: list[Any] = []
        self.starts = self.stops = self.calls = 0
        self.reason: Any = None
        self.inside = False

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.number}"

    def lives(self) -> bool:
        return self.starts > 0 and self._running is not None and not self._running._stopping

    def is_prompt(self) -> bool:
        return self.pace is None and not isinstance(self, Middle)

    def may_fail_to_emit(self) -> bool:
        return not isinstance(self, Sink) and self.dispatcher.may_fail

    def on_start(self) -> Any:
        self.ledger.hold(self.starts == self.stops, f"{self} starts when it has stopped")
        self.starts += 1
        self.subscriptions, self.consumers = [], []
        return None if self.pace is None else self._slowly(self.pace)

    def on_stop(self, reason: Any) -> Any:
        self.ledger.hold(not self.inside, f"{self} stops when its callback has returned")
        self.stops += 1
        self.reason = reason
        return None if self.pace is None else self._slowly(self.pace)

    def handle_subscribe(self, role: str, options: Any, peer: Any) -> Any:
        self._turn()
        (self.subscriptions if role == "producer" else self.consumers).append(peer)
        mode = "manual" if role == "producer" and options.tag in {"manual", "asking"} else None
        if mode and options.tag == "asking":
            peer.ask(self.ledger.random.randint(1, 12))
        return mode if self.pace is None else self._slowly(self.pace, mode)

    def handle_cancel(self, reason: Any, peer: Any) -> Any:
        self._turn()
        (self.subscriptions if peer.role == "producer" else self.consumers).remove(peer)
        return None if self.pace is None else self._slowly(self.pace)

    def handle_info(self, message: Any) -> None:
        self._turn()
        raise Boom

    def handle_call(self, request: Any) -> Any:
        self._turn()
        return request

    def _turn(self) -> None:
        self.ledger.hold(not self.inside, f"{self} has one callback at a time")
        self.ledger.hold(self.starts == self.stops + 1, f"{self} is called while it runs")

    def _handle(self, events: Any, producer: Any) -> Any:
        """Make some events of those that came, now or later; or fail."""
        self._turn()
        self.received[producer._number] += events
        if self.pace is None:
            return self._handled(events, producer)

        async def later() -> list[int] | None:
            await self._slowly(self.pace)
            return self._handled(events, producer)

        return later()

    def _handled(self, events: Any, producer: Any) -> list[int] | None:
        self._fail_perhaps()
        self.handled[producer._number] += events
        if producer.tag == "asking":
            producer.ask(len(events))
        return self._make(sum(event % 3 for event in events))

    def _fail_perhaps(self) -> None:
        self.calls += 1
        if self.fails_at and self.calls % self.fails_at == 0:
            raise Boom

    async def _slowly(self, seconds: float, result: Any = None) -> Any:
        self.inside = True
        try:
            await asyncio.sleep(seconds)  # noqa: TID251 - virtual
        finally:
            self.inside = False
        return result

    def _make(self, count: int) -> list[int] | None:
        if isinstance(self, Consumer):
            return None
        events = self.ledger.new(count)
        self.sent += events
        return events


class Source(Recorded, Producer):
    """Makes ``limit`` events in all its lives, then finishes.

    Args:
        kind: "pull" returns what is asked for, "pieces" some of it and emits the rest later,
            "excess" returns more, "fed" emits only what :meth:`feed` says.
    """

    demand = "accumulate"

    def __init__(
        self, ledger: Ledger, pace: float | None, kind: str, limit: int, buffer: float = math.inf
    ) -> None:
        super().__init__(ledger, pace)
        self.kind = kind
        self.left = limit
        self.demanded = 0
        self.pieces = 0
        self.buffer_size = buffer

    def on_start(self) -> Any:
        self.pieces = 0
        started = super().on_start()
        if self.starts > 1:
            self.ref.set_demand("forward")
            self._finish_perhaps()
        return started

    def handle_demand(self, demand: int) -> Any:
        self._turn()
        self.demanded += demand
        if self.kind == "fed":
            return None
        if self.pace is None:
            return self._answer(demand)

        async def later() -> list[int] | None:
            await self._slowly(self.pace)
            return self._answer(demand)

        return later()

    def _answer(self, demand: int) -> list[int] | None:
        self._fail_perhaps()
        count = min(self.left, demand + 7 * (self.kind == "excess"))
        if self.kind == "pieces":
            part = self.ledger.random.randint(0, count)
            self.pieces += 1
            asyncio.get_running_loop().call_later(0.01, self.feed, count - part, self.starts)
            count = part
        self.left -= count
        self._finish_perhaps()
        return self._make(count)

    def feed(self, count: int, life: int | None = None) -> None:
        """Emit events from outside any callback, in this life."""
        if not self.lives() or life not in {None, self.starts}:
            return
        if self.kind == "pieces":
            count = min(count, self.left)
            self.left -= count
            self.pieces -= 1
        with contextlib.suppress(Boom):  # of a hash: it is the caller's
            self.emit(self._make(count))
        self._finish_perhaps()

    def _finish_perhaps(self) -> None:
        if self.kind != "fed" and not self.left and not self.pieces:
            self.finish()


class Middle(Recorded, ProducerConsumer):
    """Makes 0, 1 or 2 events of each."""

    def handle_events(self, events: Any, producer: Any) -> Any:
        return self._handle(events, producer)


class Sink(Recorded, Consumer):
    """Keeps what comes."""

    def handle_events(self, events: Any, producer: Any) -> Any:
        return self._handle(events, producer)
