"""Operators that a chain is made of, twice: as a flow, and as the reference does it.

Each takes the flow, the events that the reference has so far, a number to vary it by, the other
side of a merge or join, and the options of a layer it begins. Events are small integers, and what
the operators make of them does not depend on the order in which they come.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add
from typing import Any, NamedTuple

import numpy as np
from laws import reference

from flowlike import (
    BroadcastDispatcher,
    CountWindow,
    Flow,
    GlobalWindow,
    PeriodicWindow,
    Producer,
    ProducerConsumer,
    SessionWindow,
)
from flowlike.batches import events_of

Events = list[int]
Layer = dict[str, Any]
MODULUS = 50


class Step(NamedTuple):
    """The flow with one operator more, and the events that it gives.

    ``ends``: whether only a new layer can follow.
    """

    flow: Any
    events: Events
    ends: bool = False


Operator = Callable[[Any, Events, int, Events, Layer], Step]
OPERATORS: dict[str, Operator] = {}


def operator(function: Operator) -> Operator:
    OPERATORS[function.__name__.strip("_")] = function
    return function


class Tripled(ProducerConsumer[int, int]):
    def handle_events(self, events, producer):
        return [3 * n for n in events_of(events)]


class Counting(Producer[int]):
    """Gives its events as they are asked for."""

    def __init__(self, events: Events) -> None:
        self.left = events

    def handle_demand(self, demand):
        given, self.left = self.left[:demand], self.left[demand:]
        if not self.left:
            self.finish()
        return given


def folded(event: Any) -> int:
    """A number of anything that is made of numbers."""
    if event is None:
        return 7
    if isinstance(event, (int, np.integer)):
        return int(event) % MODULUS
    return sum((place + 1) * folded(each) for place, each in enumerate(event)) % MODULUS


def gathered(event: Any) -> int:
    """The same, of a key and its values, which may have come in any order."""
    key, values = event
    return folded((key, sum(values), len(values)))


# One event or batch at a time.


@operator
def map_(flow, events, n, other, layer):
    return Step(flow.map(lambda event: (event + n) % MODULUS), [(e + n) % MODULUS for e in events])


@operator
def awaited(flow, events, n, other, layer):
    async def plus(event):
        return (event + n) % MODULUS

    return Step(flow.map(plus, concurrency=n + 1), [(e + n) % MODULUS for e in events])


@operator
def flat_map(flow, events, n, other, layer):
    def twice(event):
        return [event] * (event % 3)

    return Step(flow.flat_map(twice), reference.flat_map(events, twice))


@operator
def filter_(flow, events, n, other, layer):
    return Step(flow.filter(lambda event: event % (n + 2)), [e for e in events if e % (n + 2)])


@operator
def reject(flow, events, n, other, layer):
    return Step(flow.reject(lambda event: event % 5 == n), [e for e in events if e % 5 != n])


@operator
def map_values(flow, events, n, other, layer):
    pairs = flow.map(lambda event: (event, n)).map_values(lambda value: value + 1)
    return Step(pairs.map(folded), [folded((e, n + 1)) for e in events])


@operator
def map_batch(flow, events, n, other, layer):
    def odd(batch):
        return (
            batch[batch % 2 == 1] if isinstance(batch, np.ndarray) else [e for e in batch if e % 2]
        )

    return Step(flow.map_batch(odd), [e for e in events if e % 2])


# From layer to layer.


@operator
def partition(flow, events, n, other, layer):
    return Step(flow.partition(key=lambda event: event % (n + 1), **layer), events)


@operator
def shuffle(flow, events, n, other, layer):
    return Step(flow.shuffle(**layer), events)


@operator
def merge(flow, events, n, other, layer):
    return Step(Flow.merge([flow, Flow.from_iterable(other)], **layer), events + other)


@operator
def broadcast(flow, events, n, other, layer):
    layer = layer | {"stages": n + 1}
    return Step(Flow.merge([flow], dispatcher=BroadcastDispatcher(), **layer), events * (n + 1))


@operator
def through(flow, events, n, other, layer):
    flow = flow.through_stages([Tripled() for _ in range(n + 1)], **layer)
    return Step(flow.map(folded), [3 * e % MODULUS for e in events])


@operator
def join(flow, events, n, other, layer):
    how, key = ("inner", "left", "right", "outer", "outer")[n], lambda event: event % (2 * n + 5)
    right = Flow.from_stages([Counting(other)])
    joined = flow.join(right, left_key=key, right_key=key, how=how, **layer)
    return Step(joined.map(folded), [folded(p) for p in reference.join(events, other, key, how)])


@operator
def hash_join(flow, events, n, other, layer):
    """Each side is the other's, too."""
    right = flow.map(lambda event: (event, n))
    joined = flow.join(
        right, left_key=folded, right_key=0, join=lambda one, pair: (one + pair[1]) % 50, **layer
    )
    pairs = reference.join(events, events, folded, "inner")
    return Step(joined, [(one + n) % 50 for one, _ in pairs])


@operator
def unique(flow, events, n, other, layer):
    return Step(flow.partition(**layer).unique(), reference.unique(events, int))


# A reduce, and what its triggers let out.


@operator
def group_by(flow, events, n, other, layer):
    def key(event):
        return event % (n + 2)

    flow = flow.partition(key=key, **layer).group_by(key).shuffle().map(gathered)
    return Step(flow, [gathered(each) for each in reference.group_by(events, key).items()])


@operator
def group_by_key(flow, events, n, other, layer):
    pairs = flow.map(lambda event: (event % (n + 2), event)).partition(key=0, **layer)
    groups = reference.group_by(events, lambda event: event % (n + 2))
    return Step(
        pairs.group_by_key().shuffle().map(gathered), [gathered(each) for each in groups.items()]
    )


@operator
def count_by(flow, events, n, other, layer):
    flow = flow.filter(lambda event: event % 7 != n).partition(**layer).count_by()
    left = [event for event in events if event % 7 != n]
    counts = {event: left.count(event) for event in left}
    return Step(flow.shuffle().map(folded), [folded(each) for each in counts.items()])


@operator
def distinct_counts(flow, events, n, other, layer):
    flow = flow.partition(**layer).unique().filter(lambda e: e % 3).count_by().emit("events")
    expected = [folded((e, 1)) for e in reference.unique(events, int) if e % 3]
    return Step(flow.shuffle().map(folded), expected)


@operator
def reduce(flow, events, n, other, layer):
    stages = n + 1
    layer = layer | {"stages": stages}
    flow = flow.partition(hash=lambda event: event % stages, **layer).reduce(int, add)
    parts = reference.route(events, lambda event: event % stages, stages)
    return Step(
        flow.map_state(lambda total: total % MODULUS).emit("state"),
        [sum(part) % MODULUS for part in parts],
        True,
    )


@operator
def reduce_batch(flow, events, n, other, layer):
    stages = n + 1
    flow = flow.partition(
        hash=lambda event: event % stages if event % 3 else None, **layer | {"stages": stages}
    )
    flow = flow.reduce_batch(int, lambda total, batch: total + int(sum(batch)))
    parts = reference.route([e for e in events if e % 3], lambda event: event % stages, stages)
    return Step(
        flow.on_trigger(lambda total: ([total % MODULUS] * 2, total)),
        [sum(part) % MODULUS for part in parts for _ in range(2)],
        True,
    )


@operator
def emit_and_reduce(flow, events, n, other, layer):
    flow = flow.emit_and_reduce(int, lambda acc, event: ([event] * (event % 2), acc + event))
    return Step(flow.emit("nothing"), [e for e in events if e % 2], True)


@operator
def collect_batch(flow, events, n, other, layer):
    """All events leave with one window or another."""
    window = (
        GlobalWindow().trigger_every(n + 1, "reset"),
        CountWindow(n + 1),
        PeriodicWindow(n + 1).trigger_periodically(1, "reset"),
        SessionWindow(100, by=int, key=lambda event: event % 3),
        GlobalWindow(),
    )[n]
    return Step(flow.shuffle(window=window, **layer).collect_batch(), events, True)


@operator
def departition(flow, events, n, other, layer):
    states = flow.partition(**layer).reduce_batch(list, lambda acc, batch: acc + list(batch))
    merged = states.departition(int, lambda acc, part: acc + sum(part), lambda acc: acc % MODULUS)
    return Step(merged, [sum(events) % MODULUS])


@operator
def take_sort(flow, events, n, other, layer):
    best = flow.partition(**layer).collect_batch().take_sort(n + 1, key=lambda e: -e)
    expected = reference.take_sort(events, n + 1, lambda e: e, True)
    return Step(best.flat_map(list), expected)
