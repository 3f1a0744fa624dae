"""Dispatchers: who gets which of six events, of three real runs."""

from __future__ import annotations

import asyncio
import functools

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    DemandDispatcher,
    Dispatcher,
    PartitionDispatcher,
    Producer,
    StageGroup,
    Subscribe,
)
from pictures.drawing import Drawing
from pictures.recording import Called, Recording, record
from pictures.sequence import words

__all__ = ["draw"]

EVENTS = [0, 1, 2, 3, 4, 5]


class Numbers(Producer[int]):
    """Emits when the run says so."""

    def handle_demand(self, demand: int) -> tuple[()]:
        """Nothing yet."""
        return ()


class Take(Consumer[int]):
    """Takes all it is given."""

    def handle_events(self, events: object, producer: object) -> None:
        """Nothing is done with them."""


async def run(dispatcher: Dispatcher, to_b: dict[str, object], recording: Recording) -> None:
    """Six events for two consumers, of which A has asked for four and B for two."""
    numbers = recording.watch(Numbers(), "Numbers")
    numbers.dispatcher = dispatcher
    partitions = isinstance(dispatcher, PartitionDispatcher)
    async with StageGroup() as group:
        ref = await group.start(numbers)
        to_a = Subscribe(ref, max_demand=4, partition=0 if partitions else None)
        await group.start(recording.watch(Take(), "A"), subscribe_to=[to_a])
        b = Subscribe(ref, max_demand=2, **to_b)  # type: ignore[arg-type]
        await group.start(recording.watch(Take(), "B"), subscribe_to=[b])
        numbers.emit(EVENTS)
        await asyncio.sleep(1)


def draw() -> str:
    """The picture."""
    panels: list[tuple[str, str, Dispatcher, dict[str, object]]] = [
        ("DemandDispatcher()", "who has asked for most", DemandDispatcher(), {}),
        (
            "BroadcastDispatcher()",
            "all; B selects the odd ones",
            BroadcastDispatcher(),
            {"selector": lambda n: n % 2},
        ),
        (
            "PartitionDispatcher(2, hash)",
            "hash: n % 2; A has 0, B has 1",
            PartitionDispatcher(2, lambda n: n % 2),
            {"partition": 1},
        ),
    ]
    drawing = Drawing(
        760, 236, "Six events: each to one consumer by demand, to all, or each to its partition."
    )
    for index, (name, rule, dispatcher, to_b) in enumerate(panels):
        recording = record(functools.partial(run, dispatcher, to_b))
        x = 16 + 246 * index
        middle = x + 118
        drawing.box((x, 16), 236, 204, "panel")
        drawing.text((middle, 40), name, "code", "middle")
        drawing.text((middle, 58), rule, "small quiet", "middle")
        drawing.box((middle - 62, 74), 124, 26)
        drawing.text((middle, 92), words(EVENTS), "code", "middle")
        for consumer, place in (("A", middle - 58), ("B", middle + 58)):
            got = [
                event
                for step in recording.steps
                if isinstance(step, Called)
                and (step.stage, step.callback) == (consumer, "handle_events")
                for event in step.argument
            ]
            drawing.arrow([(middle, 100), (middle, 116), (place, 116), (place, 146)], "thick")
            drawing.box((place - 52, 147), 104, 50)
            drawing.text((place, 166), consumer, "title", "middle")
            drawing.text((place, 186), words(got), "code", "middle")
    return drawing.svg()
