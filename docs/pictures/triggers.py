"""Triggers: what leaves one window, and when, of real runs."""

from __future__ import annotations

from typing import Any

from flowlike import Continue, Fire, Flow, GlobalWindow
from pictures.drawing import Drawing
from pictures.firing import Fired, arriving, record_firing
from pictures.timeline import Timeline

__all__ = ["EVENTS", "ROWS", "draw", "fired_by"]

EVENTS = [(2, "a"), (4, "b"), (6, "c"), (13, "."), (15, "d"), (17, "e"), (24, "."), (26, "f")]
"""The time of arrival, and the event."""

END = 29.0
"""When the input ends."""


def at_full_stop(letters: list[str], acc: None) -> Continue | Fire:
    """Fire behind every full stop."""
    if "." not in letters:
        return Continue(acc)
    stop = letters.index(".") + 1
    return Fire("full stop", letters[:stop], letters[stop:], acc, "reset")


ROWS: list[tuple[str, Any]] = [
    ("trigger_every(3)", GlobalWindow().trigger_every(3)),
    ('trigger_every(3, "reset")', GlobalWindow().trigger_every(3, "reset")),
    ("trigger_periodically(10)", GlobalWindow().trigger_periodically(10)),
    (
        'trigger_periodically(10, "reset")',
        GlobalWindow().trigger_periodically(10, "reset"),
    ),
    ("trigger(init, at_full_stop)", GlobalWindow().trigger(lambda: None, at_full_stop)),
]
"""The triggers as they are written, and the window that has them."""


def fired_by(window: Any) -> list[Fired]:
    """What a window fires; its state are the letters so far."""
    flow = Flow.from_iterable(arriving(EVENTS, END), stages=1, window=window)
    return record_firing(flow.reduce(str, lambda letters, letter: letters + letter))


def draw() -> str:
    """The picture."""
    drawing = Drawing(
        760, 372, "Eight events in one global window: what each trigger lets out, and when."
    )
    line = Timeline(drawing, 268, 14.8)
    drawing.text((18, 44), "events", "title")
    line.events(44, EVENTS)
    drawing.line([(line.x(END), 26), (line.x(END), 62)], "dotted")
    drawing.text((line.x(END) + 6, 44), "end", "small quiet")
    for index, (name, window) in enumerate(ROWS):
        y = 96 + 52 * index
        drawing.text((18, y + 4), name, "code")
        drawing.line([(line.x(0), y), (line.x(END), y)], "thin")
        for fired in fired_by(window):
            x = line.x(fired.time)
            style = "full" if fired.trigger == "done" else "box"
            drawing.box((x - 4, y - 9), 8, 18, style)
            drawing.text((x, y + 24), fired.state, "code", "middle")
    line.axis(336, range(0, 31, 5))
    return drawing.svg()
