"""Stages that tests are made of."""

import asyncio

from flowlike import Consumer, Producer, ProducerConsumer


class Count(Producer[int]):
    """0, 1, 2, ... up to a limit; remembers what it was asked for."""

    def __init__(self, limit=None, start=0):
        self.limit = limit
        self.next = start
        self.asked = []
        self.cancelled = asyncio.Event()
        self.reason = None
        self.stopped = None

    def handle_demand(self, demand):
        self.asked.append(demand)
        end = self.next + demand if self.limit is None else min(self.next + demand, self.limit)
        events, self.next = list(range(self.next, end)), end
        if end == self.limit:
            self.finish()
        return events

    def handle_cancel(self, reason, peer):
        self.reason = reason
        self.cancelled.set()

    def on_stop(self, reason):
        self.stopped = reason


class Collect(Consumer[int]):
    def __init__(self):
        self.batches = []
        self.stopped = None
        self.cancelled = []

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]

    def handle_events(self, events, producer):
        self.batches.append(list(events))

    def handle_cancel(self, reason, peer):
        self.cancelled.append(reason)

    def on_stop(self, reason):
        self.stopped = reason


class Pass(ProducerConsumer[int, int]):
    stopped = None

    def handle_events(self, events, producer):
        return list(events)

    def on_stop(self, reason):
        self.stopped = reason


class Double(Pass):
    def handle_events(self, events, producer):
        return [2 * event for event in events]


class Fed(Producer[int]):
    """Emits what it is told, whether or not it was asked."""

    def handle_demand(self, demand):
        return ()

    def handle_call(self, request):
        self.emit(request)

    def handle_cast(self, message):
        return message


class Gate(Consumer[int]):
    """Handles a batch only when it is let."""

    def __init__(self):
        self.seen = []
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def handle_events(self, events, producer):
        self.seen.extend(events)
        self.entered.set()
        await self.open.wait()
