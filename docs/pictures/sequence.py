"""A recording as a sequence: a line down for each stage, time from the top to the bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flowlike.stages.messages import Ask, Cancelled, Ended, Events
from pictures.drawing import Drawing
from pictures.recording import Called, Recording, Returned, Sent

__all__ = ["ROW", "TOP", "draw_sequence", "rows_of", "words"]

TOP = 84
"""Where the first row is."""

ROW = 27
"""The height of a row."""


def words(events: Any) -> str:
    """Events as they stand in a picture: ``0 1 2``."""
    return " ".join(map(str, events))


def draw_sequence(
    drawing: Drawing,
    recording: Recording,
    columns: dict[str, float],
    *,
    of_row: Callable[[float, list[Sent | Called | Returned]], None] | None = None,
) -> None:
    """Draw every message and callback in its order, a row each.

    Args:
        drawing: where.
        recording: what.
        columns: the place of each stage, from left to right.
        of_row: called with the height of each row and the steps up to it.
    """
    rows = list(_rows(recording))
    bottom = TOP + ROW * len(rows)
    for name, x in columns.items():
        drawing.line([(x, 50), (x, bottom)], "thin")
        drawing.box((x - 58, 24), 116, 26)
        drawing.text((x, 42), name, "title", "middle")
    drawing.text((18, 42), "time", "small quiet")
    time = -1.0
    for index, (last, step) in enumerate(rows):
        y = TOP + ROW * index
        if step.time != time:
            time = step.time
            drawing.text((18, y + 4), f"{time:g} s", "small quiet")
        if isinstance(step, Sent):
            _draw_message(drawing, step, columns, y)
        else:
            x = columns[step.stage]
            label = _label(step)
            width = 7.3 * len(label) + 14
            drawing.box((x - width / 2, y - 11), width, 22)
            drawing.text((x, y + 4), label, "code", "middle")
        if of_row is not None:
            of_row(y, recording.steps[: last + 1])


def rows_of(recording: Recording) -> int:
    """How many rows the picture of a recording has."""
    return len(list(_rows(recording)))


def _rows(recording: Recording) -> Iterable[tuple[int, Sent | Called]]:
    """What is drawn, with its place among all steps: returns and starts are not."""
    for index, step in enumerate(recording.steps):
        if isinstance(step, Returned) or (isinstance(step, Called) and step.callback == "on_start"):
            continue
        yield index, step


def _label(step: Called) -> str:
    argument = step.argument
    if step.callback == "handle_events":
        return f"handle_events: {words(argument)}"
    return f"{step.callback}({argument!r})"


def _draw_message(drawing: Drawing, step: Sent, columns: dict[str, float], y: float) -> None:
    here, there = columns[step.sender], columns[step.receiver]
    middle = (here + there) / 2
    style, label = _arrow(step.message)
    drawing.arrow([(here, y), (there, y)], style)
    drawing.text((middle, y - 5), label, "small", "middle")


def _arrow(message: Ask | Events | Ended | Cancelled) -> tuple[str, str]:
    """The style of a message, and what is written on it."""
    match message:
        case Ask(_, count):
            return "dashed", f"ask {count}"
        case Events(_, batch):
            return "thick", f"events {words(batch)}"
        case Ended(_, reason, finished):
            return "line", f"ended: {'finished' if finished else reason}"
        case Cancelled(_, reason):
            return "line", f"cancelled: {reason}"
