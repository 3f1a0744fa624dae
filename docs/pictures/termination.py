"""Termination: how the end of a producer goes down a pipeline, of a real run."""

from __future__ import annotations

import asyncio

from flowlike import Consumer, Producer, ProducerConsumer, StageGroup, Subscribe
from pictures.drawing import Drawing
from pictures.recording import Recording, record
from pictures.sequence import ROW, TOP, draw_sequence, rows_of

__all__ = ["draw"]


class Numbers(Producer[int]):
    """1, 2, 3 and the end."""

    demand = "accumulate"

    def handle_demand(self, demand: int) -> list[int]:
        """All there is; it takes effect when these have left."""
        self.finish()
        return [1, 2, 3]


class Tens(ProducerConsumer[int, int]):
    """Ten times each number."""

    def handle_events(self, events: list[int], producer: object) -> list[int]:
        """Ten times each."""
        return [10 * event for event in events]


class Slow(Consumer[int]):
    """Takes a second for each batch."""

    async def handle_events(self, events: object, producer: object) -> None:
        """Wait a second."""
        await asyncio.sleep(1)


async def run(recording: Recording) -> None:
    """Three stages, until all have ended by themselves."""
    async with StageGroup() as group:
        numbers = await group.start(recording.watch(Numbers(), "Numbers"))
        tens = await group.start(
            recording.watch(Tens(), "Tens"), subscribe_to=[Subscribe(numbers, max_demand=4)]
        )
        slow = recording.watch(Slow(), "Slow")
        await group.start(slow, subscribe_to=[Subscribe(tens, max_demand=2)])
        await numbers.demand("forward")
        await group.wait()


def draw() -> str:
    """The picture."""
    recording = record(run)
    height = TOP + ROW * rows_of(recording) + 6
    drawing = Drawing(
        760, height, "A producer finishes; each stage behind it ends after its last events."
    )
    draw_sequence(drawing, recording, {"Numbers": 140, "Tens": 395, "Slow": 650})
    return drawing.svg()
