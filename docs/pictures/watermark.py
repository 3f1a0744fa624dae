"""The watermark of two producers, with a late event and an idle producer, of a real run."""

from __future__ import annotations

from typing import NamedTuple

from flowlike import FixedWindow, Flow
from flowlike.operators.windows.watermark import Watermark
from pictures.drawing import Drawing
from pictures.firing import Fired, arriving, now, record_firing

__all__ = ["FIRST", "LENGTH", "SECOND", "Seen", "draw", "see"]

FIRST = [(1.0, 3), (3.0, 8), (5.0, 14), (8.0, 19), (11.0, 23), (14.0, 26), (19.0, 31)]
"""When an event of the first producer arrives, and its event time."""

SECOND = [(2.0, 2), (4.0, 7), (7.0, 12), (9.0, 9), (17.0, 24)]
"""The same of the second one, which is idle for a while."""

END = 21.0
LENGTH = 10
PATIENCE = 6.0


class Seen(NamedTuple):
    """What happened.

    Attributes:
        fired: the windows, in the order in which they fired.
        late: when an event was late, and its event time.
        watermark: when it rose, and to what.
    """

    fired: list[Fired]
    late: list[tuple[float, int]]
    watermark: list[tuple[float, float]]


def see() -> Seen:
    """Run the flow; follow its watermark."""
    late: list[tuple[float, int]] = []
    window = FixedWindow(LENGTH, by=lambda time: time).idle_timeout(PATIENCE)
    window = window.on_late(lambda time: late.append((now(), time)))
    sources = [arriving(FIRST, END), arriving(SECOND, END)]
    flow = Flow.from_iterables(sources, stages=1, window=window).collect_batch()
    return Seen(record_firing(flow), late, _follow())


def _follow() -> list[tuple[float, float]]:
    watermark = Watermark(2, PATIENCE)
    watermark.begin(0.0)
    rises: list[tuple[float, float]] = []

    def look(time: float) -> None:
        if watermark.position > (rises[-1][1] if rises else 0):
            rises.append((time, watermark.position))

    spoken = [(time, 0, event) for time, event in FIRST] + [
        (time, 1, event) for time, event in SECOND
    ]
    for time, producer, event in sorted(spoken):
        while (due := watermark.deadline) is not None and due < time:
            watermark.rest(due)
            look(due)
        watermark.spoke(producer, event, time)
        look(time)
    return rises


LEFT, BOTTOM, PER_SECOND, PER_TIME = 70.0, 400.0, 24.6, 10.6


def _x(time: float) -> float:
    return LEFT + time * PER_SECOND


def _y(event: float) -> float:
    return BOTTOM - event * PER_TIME


def draw() -> str:
    """The picture."""
    seen = see()
    drawing = Drawing(
        760, 450, "The watermark follows the producer that is behind; windows close when it "
        "reaches their end."
    )  # fmt: skip
    drawing.line([(LEFT, 40), (LEFT, BOTTOM), (_x(END), BOTTOM)], "thin")
    drawing.text((18, 30), "event time", "small quiet")
    for second in range(0, 22, 3):
        drawing.text((_x(second), BOTTOM + 18), f"{second} s", "small quiet", "middle")
    drawing.text((_x(END) + 26, BOTTOM + 18), "time of arrival", "small quiet")
    for border in range(0, 40, LENGTH):
        drawing.text((LEFT - 8, _y(border) + 4), str(border), "small quiet", "end")
        if border:
            drawing.line([(LEFT, _y(border)), (_x(END), _y(border))], "thin")
    points = [(LEFT, _y(0))]
    for time, event in seen.watermark:
        points += [(_x(time), points[-1][1]), (_x(time), _y(event))]
    drawing.line([*points, (_x(END), points[-1][1])], "dashed")
    for style, table in (("box", FIRST), ("full", SECOND)):
        for time, event in table:
            drawing.dot((_x(time), _y(event)), style)
    for time, event in seen.late:
        x, y = _x(time), _y(event)
        drawing.line([(x - 8, y - 8), (x + 8, y + 8)])
        drawing.line([(x - 8, y + 8), (x + 8, y - 8)])
        drawing.text((x + 12, y + 5), f"{event} is late", "small title")
    idle = SECOND[-2][0] + PATIENCE
    drawing.text((_x(idle) + 10, _y(15)), "the second one is idle", "small")
    drawing.line([(_x(END), 40), (_x(END), BOTTOM)], "dotted")
    drawing.text((_x(END), 30), "end", "small quiet", "middle")
    for fired in seen.fired:
        start = fired.window_id
        y = _y(start + LENGTH / 2) if start < 30 else _y(33)
        words = " ".join(map(str, sorted(fired.state)))
        drawing.text((_x(END) + 10, y - 3), f"[{start}, {start + LENGTH}): {words}", "code")
        drawing.text((_x(END) + 10, y + 13), f"fires at {fired.time:g} s", "small quiet")
        if fired.time < END:
            drawing.box((_x(fired.time) - 4, _y(start + LENGTH) - 9), 8, 18)
    legend = [("first producer", "box"), ("second producer", "full")]
    x, y = _x(14.5), _y(8)
    for index, (words, style) in enumerate(legend):
        drawing.dot((x + 15, y + 20 * index), style)
        drawing.text((x + 40, y + 4 + 20 * index), words, "small")
    drawing.line([(x, y + 40), (x + 30, y + 40)], "dashed")
    drawing.text((x + 40, y + 44), "watermark", "small")
    drawing.box((x + 11, y + 51), 8, 18)
    drawing.text((x + 40, y + 64), "a window closes", "small")
    return drawing.svg()
