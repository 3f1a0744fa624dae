"""Demand: what a consumer asks for and what it gets, of a real run."""

from __future__ import annotations

import asyncio

from flowlike import Consumer, Producer, StageGroup, Subscribe
from flowlike.stages.messages import Ask, Events
from pictures.drawing import Drawing
from pictures.recording import Called, Recording, Returned, Sent, record
from pictures.sequence import ROW, TOP, draw_sequence, rows_of

__all__ = ["draw"]

MAX_DEMAND = 4


class Numbers(Producer[int]):
    """0, 1, 2, ... 7: as many as it is asked for."""

    def __init__(self) -> None:
        self.next = 0

    def handle_demand(self, demand: int) -> range:
        """The next ``demand`` numbers."""
        events = range(self.next, min(self.next + demand, 8))
        self.next += len(events)
        return events


class Slow(Consumer[int]):
    """Takes a second for each batch."""

    async def handle_events(self, events: object, producer: object) -> None:
        """Wait a second."""
        await asyncio.sleep(1)


async def run(recording: Recording) -> None:
    """Eight numbers, at most four of them under way."""
    async with StageGroup() as group:
        numbers = await group.start(recording.watch(Numbers(), "Numbers"))
        slow = recording.watch(Slow(), "Slow")
        await group.start(slow, subscribe_to=[Subscribe(numbers, max_demand=MAX_DEMAND)])
        await asyncio.sleep(3.5)


def draw() -> str:
    """The picture."""
    recording = record(run)
    stop = next(
        index
        for index, step in enumerate(recording.steps)
        if isinstance(step, Called) and step.callback == "handle_demand" and step.time == 3
    )
    del recording.steps[stop:]
    height = TOP + ROW * rows_of(recording) + 6
    drawing = Drawing(
        760, height, "A consumer asks for four events and for two more whenever two are handled."
    )
    drawing.text((590, 42), "asked for, not handled", "small quiet")

    def places(y: float, steps: list[Sent | Called | Returned]) -> None:
        """A place for each event of the demand: empty while it has not come, full when it has."""
        asked = came = handled = 0
        for step in steps:
            match step:
                case Sent(message=Ask(_, count)):
                    asked += count
                case Sent(message=Events(_, batch)):
                    came += len(batch)
                case Returned(callback="handle_events", argument=events):
                    handled += len(events)
        for place in range(asked - handled):
            style = "full" if place < came - handled else "box"
            drawing.box((590 + 24 * place, y - 8), 16, 16, style)

    draw_sequence(drawing, recording, {"Numbers": 150, "Slow": 440}, of_row=places)
    return drawing.svg()
