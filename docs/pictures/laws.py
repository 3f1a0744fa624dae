"""The laws: what is asked for, emitted, delivered and handled in one subscription of a real run."""

from __future__ import annotations

import asyncio
import contextlib

from flowlike import Consumer, Producer, StageGroup, Subscribe
from flowlike.stages.messages import Ask, Events
from pictures.drawing import Drawing
from pictures.recording import Called, Recording, Returned, Sent, record

__all__ = ["Counts", "counts", "draw"]

LEFT, BOTTOM, RIGHT = 60.0, 400.0, 520.0
PER_SECOND, PER_EVENT = 68.0, 17.5

Counts = dict[str, list[tuple[float, int]]]
"""For each line of the picture the times at which it rises, and to what."""


class Boom(Exception):
    """The crash of the consumer."""


class Ticker(Producer[int]):
    """Emits when the run says so."""

    def handle_demand(self, demand: int) -> tuple[()]:
        """Nothing yet."""
        return ()


class Worker(Consumer[int]):
    """Takes 0.8 seconds for a batch, and crashes at event 12."""

    async def handle_events(self, events: list[int], producer: object) -> None:
        """Work, or crash.

        Raises:
            Boom: event 12 is among them.
        """
        await asyncio.sleep(0.8)
        if 12 in events:
            raise Boom


async def run(recording: Recording) -> None:
    """Few events at first, then many, then a crash of the consumer."""
    ticker = recording.watch(Ticker(), "Ticker")
    worker = recording.watch(Worker(), "Worker")
    with contextlib.suppress(Boom):
        async with StageGroup() as group:
            ref = await group.start(ticker)
            await group.start(worker, subscribe_to=[Subscribe(ref, max_demand=6)])
            emitted = 0
            for seconds, events in ((0.5, 2), (0.6, 1), (0.7, 3), (0.7, 11), (0.7, 4)):
                await asyncio.sleep(seconds)
                ticker.emit(range(emitted, emitted + events))
                emitted += events
            await group.wait()


def counts(recording: Recording) -> Counts:
    """How the four numbers rise in time."""
    rises: Counts = {"asked for": [], "emitted": [], "delivered": [], "handled": []}

    def rise(line: str, time: float, events: int) -> None:
        before = rises[line][-1][1] if rises[line] else 0
        rises[line].append((time, before + events))

    for step in recording.steps:
        match step:
            case Sent(message=Ask(_, count)):
                rise("asked for", step.time, count)
            case Sent(message=Events(_, batch)):
                rise("delivered", step.time, len(batch))
            case Called(callback="emit", argument=events):
                rise("emitted", step.time, len(events))
            case Returned(callback="handle_events", argument=events):
                rise("handled", step.time, len(events))
    return rises


def draw() -> str:
    """The picture."""
    recording = record(run)
    rises = counts(recording)
    end = recording.steps[-1].time
    drawing = Drawing(
        760,
        450,
        "What is delivered never exceeds what was asked for or emitted; "
        "a crash loses exactly what was delivered and not handled.",
    )
    drawing.line([(LEFT, 40), (LEFT, BOTTOM), (RIGHT, BOTTOM)], "thin")
    drawing.text((LEFT - 8, 30), "events", "small quiet", "middle")
    for second in range(int(end) + 1):
        x = LEFT + second * PER_SECOND
        drawing.text((x, BOTTOM + 18), f"{second} s", "small quiet", "middle")
    for count in range(0, 21, 5):
        drawing.text((LEFT - 8, _y(count) + 4), str(count), "small quiet", "end")
    styles = {"emitted": "dotted", "delivered": "thick", "asked for": "dashed", "handled": "line"}
    last = {line: rises[line][-1][1] for line in styles}
    for line, style in styles.items():
        points = [(LEFT, BOTTOM)]
        for time, count in rises[line]:
            x = LEFT + time * PER_SECOND
            points += [(x, points[-1][1]), (x, _y(count))]
        drawing.line([*points, (LEFT + end * PER_SECOND, points[-1][1])], style)
    x = LEFT + end * PER_SECOND
    drawing.line([(x, 40), (x, BOTTOM)], "thin")
    drawing.text((x, BOTTOM + 36), "crash", "small title", "middle")
    kept, lost = last["emitted"] - last["delivered"], last["delivered"] - last["handled"]
    drawing.text((x + 10, _y(last["emitted"]) + 4), f"emitted: {last['emitted']}", "small title")
    drawing.text(
        (x + 10, _y(last["emitted"] - kept / 2) + 4), f"{kept} wait in the buffer", "small"
    )
    both = f"asked for, delivered: {last['delivered']}"
    drawing.text((x + 10, _y(last["delivered"]) + 4), both, "small title")
    middle = last["delivered"] - lost / 2
    drawing.text((x + 10, _y(middle) + 4), f"{lost} were in flight: lost by the crash", "small")
    drawing.text((x + 10, _y(last["handled"]) + 4), f"handled: {last['handled']}", "small title")
    for index, line in enumerate(styles):
        y = 60 + 20 * index
        drawing.line([(LEFT + 20, y), (LEFT + 60, y)], styles[line])
        drawing.text((LEFT + 70, y + 4), line, "small")
    return drawing.svg()


def _y(count: float) -> float:
    return BOTTOM - count * PER_EVENT
