"""Sessions that begin, go on and join, of a real run."""

from __future__ import annotations

from typing import Any

from flowlike import Flow, SessionWindow, TriggerContext
from flowlike.testing import run
from pictures.drawing import Drawing
from pictures.firing import arriving
from pictures.timeline import Timeline

__all__ = ["GAP", "LAPTOP", "PHONE", "Steps", "draw", "see"]

PHONE = [(1.0, ("ann", 5)), (2.0, ("bob", 25)), (3.0, ("ann", 65))]
"""When an event of the first producer arrives, its key and its event time."""

LAPTOP = [(4.0, ("bob", 33)), (5.0, ("ann", 35))]
"""The same of the second one."""

GAP = 30

Steps = list[dict[tuple[str, int], list[int]]]
"""The open sessions after each event: the times of their events, by key and start."""


def see() -> Steps:
    """Run the flow; look at the sessions after every event."""
    open_sessions: dict[tuple[str, int], list[int]] = {}
    steps: Steps = []

    def note(state: list[Any], ctx: TriggerContext) -> None:
        if ctx.trigger == "done":
            del open_sessions[str(ctx.key), ctx.window_id]
            return
        times = sorted(time for _, time in state)
        for session, known in list(open_sessions.items()):
            if session[0] == ctx.key and set(known) <= set(times):
                del open_sessions[session]
        open_sessions[str(ctx.key), ctx.window_id] = times
        steps.append(dict(open_sessions))

    window = SessionWindow(GAP, by=1, key=0).trigger_every(1)
    sources = [arriving(PHONE, 6.0), arriving(LAPTOP, 6.0)]
    flow = Flow.from_iterables(sources, stages=1, window=window).collect_batch()
    run(flow.each_state(note).arun())
    return steps


def draw() -> str:
    """The picture."""
    steps = see()
    drawing = Drawing(
        760, 338, "Each key has its sessions; an event that comes between two of them joins them."
    )
    line = Timeline(drawing, 150, 5.7)
    for index, (step, (_, (key, time))) in enumerate(zip(steps, PHONE + LAPTOP, strict=True)):
        y = 18.0 + 56 * index
        drawing.text((18, y + 27), f"{key} at {time}", "code")
        for (owner, _), times in step.items():
            place = y if owner == "ann" else y + 26
            start, stop = line.x(times[0]), line.x(times[-1] + GAP)
            drawing.box((start, place), stop - start, 20)
            drawing.text((stop + 6, place + 14), owner, "small quiet")
            for each in times:
                style = "full" if (owner, each) == (key, time) else "box"
                drawing.dot((line.x(each), place + 10), style)
                drawing.text((line.x(each) + 8, place + 14), str(each), "code")
    line.axis(306, range(0, 101, 10))
    return drawing.svg()
