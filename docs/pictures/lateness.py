"""The life of a window with a lateness, of real runs."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from flowlike import FixedWindow, Flow
from pictures.drawing import Drawing
from pictures.firing import Fired, arriving, now, record_firing
from pictures.timeline import Timeline

__all__ = ["EVENTS", "LATENESS", "draw", "see"]

EVENTS = [(2.0, "a", 3), (6.0, "b", 8), (10.0, "c", 12), (18.0, "d", 5), (36.0, "e", 6)]
"""When an event arrives, its name and its event time."""

END = 40.0
LATENESS = 20.0


class Seen(NamedTuple):
    """What happened.

    Attributes:
        fired: by the window from 0 to 10.
        late: when an event was late, and its name.
    """

    fired: list[Fired]
    late: list[tuple[float, str]]


def see(action: Literal["keep", "reset"]) -> Seen:
    """Run the flow."""
    late: list[tuple[float, str]] = []
    window = FixedWindow(10, by=1).allowed_lateness(LATENESS, action)
    window = window.on_late(lambda event: late.append((now(), event[0])))
    source: Any = arriving([(time, (name, event)) for time, name, event in EVENTS], END)
    flow = Flow.from_iterable(source, stages=1, window=window)
    fired = record_firing(flow.reduce(str, lambda names, event: names + event[0]))
    return Seen([each for each in fired if each.window_id == 0], late)


def draw() -> str:
    """The picture."""
    drawing = Drawing(
        760, 300, "A window fires when the watermark reaches its end, takes late events for a "
        "while, and fires once more."
    )  # fmt: skip
    line = Timeline(drawing, 190, 13.2)
    drawing.text((18, 44), "events, times", "title")
    line.events(44, [(time, f"{name} {event}") for time, name, event in EVENTS])
    actions: list[Literal["keep", "reset"]] = ["keep", "reset"]
    for index, action in enumerate(actions):
        seen = see(action)
        y = 84 + 86 * index
        closed, done = (fired.time for fired in seen.fired)
        drawing.text((18, y + 10), "the window [0, 10)", "small")
        drawing.text((18, y + 26), f'lateness 20, "{action}"', "code")
        for start, stop, words in (
            (0.0, closed, "open"),
            (closed, done, "takes late events"),
            (done, END, "closed"),
        ):
            drawing.box((line.x(start) + 1, y), line.x(stop) - line.x(start) - 2, 24)
            middle = (line.x(start) + line.x(stop)) / 2
            drawing.text((middle, y + 16), words, "small", "middle")
        for fired in seen.fired:
            drawing.text((line.x(fired.time), y + 42), f'"{fired.trigger}"', "small", "middle")
            drawing.text((line.x(fired.time), y + 58), fired.state, "code title", "middle")
        for time, name in seen.late:
            drawing.text((line.x(time) - 14, y + 42), f"on_late: {name}", "small")
    line.axis(258, range(0, 41, 10))
    return drawing.svg()
