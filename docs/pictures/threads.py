"""Threads: what each did in a run of a flow over an array, measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pictures.drawing import Drawing
from pictures.profiles import FOLDER, LOOP, Recorded, Span

__all__ = ["busy", "draw", "picture", "row"]

LEFT, WIDTH = 96.0, 560.0
LANE, STEP = 16.0, 22.0
CLOSE_UP = 20_000
"""Microseconds out of the middle of each run that are shown larger."""

STYLES = {"turn": "solid", "kernel": "grey", "split": "hatched"}
"""In the order in which they are drawn: calls that the loop makes lie in its turns."""


def row(name: str, seconds: float, spans: Sequence[Span]) -> dict[str, Any]:
    """What is kept of a run: its name, its length, and the spans of each thread and kind."""
    kept: dict[str, list[tuple[int, int]]] = {}
    for span in spans:
        kept.setdefault(f"{span.thread} {span.kind}", []).append((span.start, span.stop))
    return {"name": name, "microseconds": round(seconds * 1e6), "spans": kept}


def draw() -> str:
    """The picture, of what was measured."""
    return picture(Recorded.read(FOLDER / "threads.json"))


def picture(recorded: Recorded) -> str:
    """The picture of such a record, each run a second time as a close-up of its middle."""
    longest = max(run["microseconds"] for run in recorded.rows)
    panels = [_height(run) for run in recorded.rows]
    drawing = Drawing(
        720,
        2 * sum(panels) + 92,
        "The threads of flows over an array: the native threads compute nearly all the time, and "
        "the loop wakes for short turns.",
        filled=True,
    )
    _legend(drawing)
    top = 48.0
    for run, height in zip(recorded.rows, panels, strict=True):
        whole = run["microseconds"]
        _panel(drawing, top, run, 0, whole, WIDTH / longest, f"{run['name']}, the whole run")
        close = min(CLOSE_UP, whole)
        start = (whole - close) // 2
        title = f"{run['name']}, {close / 1000:g} ms of it"
        _panel(drawing, top + height, run, start, start + close, WIDTH / close, title)
        top += 2 * height
    drawing.text((18, top + 22), recorded.machine, "small quiet")
    return drawing.svg()


def busy(run: dict[str, Any], thread: str) -> float:
    """The share of the run in which a thread did anything."""
    covered, until = 0, 0
    spans = [
        span for key, each in run["spans"].items() if key.split()[0] == thread for span in each
    ]
    for start, stop in sorted(spans):
        covered += max(0, stop - max(start, until))
        until = max(until, stop)
    return covered / float(run["microseconds"])


def _threads(run: dict[str, Any]) -> list[str]:
    """The loop first."""
    return sorted({key.split()[0] for key in run["spans"]}, key=lambda name: (name != LOOP, name))


def _height(run: dict[str, Any]) -> float:
    return STEP * len(_threads(run)) + 62


def _legend(drawing: Drawing) -> None:
    x = LEFT
    for style, words, width in (
        ("solid", "a turn of the loop", 142),
        ("grey", "a kernel", 92),
        ("hatched", "splitting a batch", 138),
        ("bare", "nothing to do", 0),
    ):
        drawing.area((x, 20), 22, 12, style)
        drawing.text((x + 28, 30), words, "small")
        x += 28 + width


def _panel(
    drawing: Drawing,
    top: float,
    run: dict[str, Any],
    start: int,
    stop: int,
    scale: float,
    title: str,
) -> None:
    """The threads from one microsecond to another."""
    drawing.text((LEFT, top + 12), title, "code")
    lanes = top + 20
    for index, thread in enumerate(_threads(run)):
        y = lanes + STEP * index
        name = "loop" if thread == LOOP else f"thread {index}"
        drawing.text((LEFT - 10, y + 12), name, "small", "end")
        drawing.area((LEFT, y), (stop - start) * scale, LANE, "bare")
        for kind, style in STYLES.items():
            for first, last in run["spans"].get(f"{thread} {kind}", ()):
                x, end = max(first, start), min(last, stop)
                if x < end:
                    place = (LEFT + (x - start) * scale, y)
                    drawing.area(place, max((end - x) * scale, 0.6), LANE, style)
        if start == 0:
            share = f"{busy(run, thread):.0%}"
            drawing.text((LEFT + (stop - start) * scale + 6, y + 12), share, "small quiet")
    _axis(drawing, lanes + STEP * len(_threads(run)), start, stop, scale)


def _axis(drawing: Drawing, y: float, start: int, stop: int, scale: float) -> None:
    drawing.line([(LEFT, y), (LEFT + (stop - start) * scale, y)], "thin")
    step = next(
        each * 10**power
        for power in range(10)
        for each in (1, 2, 5)
        if each * 10**power * scale >= 60
    )
    for time in range(-(-start // step) * step, stop + 1, step):
        x = LEFT + (time - start) * scale
        drawing.line([(x, y), (x, y + 4)], "thin")
        drawing.text((x, y + 16), f"{time / 1000:g} ms", "small quiet", "middle")
