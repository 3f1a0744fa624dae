"""The six kinds of windows over the same events, of real runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowlike import (
    CountWindow,
    FixedWindow,
    Flow,
    GlobalWindow,
    PeriodicWindow,
    SessionWindow,
    SlidingWindow,
)
from pictures.drawing import Drawing
from pictures.firing import Fired, arriving, record_firing
from pictures.timeline import Timeline

__all__ = ["EVENTS", "KINDS", "draw", "fired_by"]

EVENTS = [6, 7, 9, 14, 18, 20, 26, 28]
"""Each is its own event time, and arrives at that time."""

END = 31.0
"""When the input ends."""

GAP = 4.0


def by(event: int) -> int:
    """The event time."""
    return event


Border = Callable[[Fired], float]

KINDS: list[tuple[str, Any, Border, Border]] = [
    ("GlobalWindow()", GlobalWindow(), lambda _: 0, lambda _: END),
    ("CountWindow(3)", CountWindow(3), lambda f: f.state[0], lambda f: f.time),
    (
        "PeriodicWindow(10)",
        PeriodicWindow(10),
        lambda f: 10 * f.window_id,
        lambda f: 10 * f.window_id + 10,
    ),
    (
        "FixedWindow(10, by)",
        FixedWindow(10, by),
        lambda f: f.window_id,
        lambda f: f.window_id + 10,
    ),
    (
        "SlidingWindow(10, 5, by)",
        SlidingWindow(10, 5, by),
        lambda f: f.window_id,
        lambda f: f.window_id + 10,
    ),
    (
        "SessionWindow(4, by)",
        SessionWindow(GAP, by),
        lambda f: f.window_id,
        lambda f: f.state[-1] + GAP,
    ),
]
"""The kinds as they are written, and where a window that has fired begins and ends."""


def fired_by(window: Any) -> list[Fired]:
    """What the windows of a kind fire."""
    source = arriving([(event, event) for event in EVENTS], END)
    return record_firing(Flow.from_iterable(source, stages=1, window=window).collect_batch())


def draw() -> str:
    """The picture."""
    drawing = Drawing(
        760, 486, "The same eight events in global, count, periodic, fixed, sliding and "
        "session windows, and when each window fires."
    )  # fmt: skip
    line = Timeline(drawing, 206, 15.2)
    drawing.text((18, 44), "events", "title")
    line.events(44, [(event, str(event)) for event in EVENTS])
    drawing.line([(line.x(END), 26), (line.x(END), 62)], "dotted")
    drawing.text((line.x(END) + 6, 44), "end", "small quiet")
    y = 72.0
    for name, window, start, stop in KINDS:
        drawing.text((18, y + 16), name, "code")
        previous, lane = -1.0, 0
        lanes = 1
        for fired in fired_by(window):
            lane = (lane + 1) % 2 if start(fired) < previous else 0
            lanes = max(lanes, lane + 1)
            previous = stop(fired)
            words = " ".join(map(str, fired.state))
            line.span(y + 48 * lane, start(fired), stop(fired), words, f"fires at {fired.time:g} s")
        y += 54 + 48 * (lanes - 1)
    line.axis(y + 8, range(0, 36, 5))
    return drawing.svg()
