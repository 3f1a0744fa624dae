"""The lifecycle: which callbacks a stage has when."""

from __future__ import annotations

from pictures.drawing import Drawing

__all__ = ["draw"]

_MIDDLE = 300.0
_NOTES = 508.0

_WHILE_IT_RUNS = (
    "handle_demand",
    "handle_events",
    "handle_subscribe",
    "handle_cancel",
    "handle_call",
    "handle_cast",
    "handle_info",
)


def draw() -> str:
    """The picture."""
    drawing = Drawing(
        760, 560, "From group.start over the callbacks while it runs to on_stop and the end."
    )

    def step(y: float, words: str, *notes: str, width: float = 190) -> None:
        drawing.box((_MIDDLE - width / 2, y), width, 28)
        drawing.text((_MIDDLE, y + 18), words, "code", "middle")
        for line, note in enumerate(notes):
            drawing.text((_NOTES, y + 14 + 16 * line), note, "small quiet")

    def down(y: float, length: float = 22) -> None:
        drawing.arrow([(_MIDDLE, y), (_MIDDLE, y + length)])

    drawing.text((_MIDDLE, 26), "await group.start(stage)", "code", "middle")
    down(33)
    step(56, "on_start()", "first; awaited before all others")
    down(84)
    step(
        107,
        "handle_subscribe(...)",
        "for each of subscribe_to, in order;",
        "when all have accepted, start returns",
    )
    down(135)

    top, height = 158.0, 150.0
    drawing.box((110, top), 380, height, "panel")
    drawing.text((_MIDDLE, top + 22), "it runs", "title", "middle")
    for index, name in enumerate(_WHILE_IT_RUNS):
        x = 160 + 170 * (index % 2)
        drawing.text((x, top + 50 + 26 * (index // 2)), name, "code")
    for line, note in enumerate(
        ("one callback at a time,", "in the order of the messages;", "a coroutine is awaited first")
    ):
        drawing.text((_NOTES, top + 62 + 16 * line), note, "small quiet")

    bottom = top + height
    ways = (
        (170.0, "finish()", ("its events so far", "leave first")),
        (300.0, "ref.stop(reason)", ("messages before it", "first, at most 5 s")),
        (430.0, "a callback raises", ("or the group ends:", "at once")),
    )
    for place, way, words in ways:
        drawing.text((place, bottom + 20), way, "code", "middle")
        for line, note in enumerate(words):
            drawing.text((place, bottom + 37 + 15 * line), note, "small quiet", "middle")
        drawing.arrow([(place, bottom + 60), (place, bottom + 82)])
    y = bottom + 82
    drawing.box((110, y), 380, 28)
    drawing.text((_MIDDLE, y + 18), "its producers and consumers are told", "", "middle")
    down(y + 28)
    step(y + 51, "on_stop(reason)", "last, whatever has ended it;", "awaited for at most 5 s")
    down(y + 79)
    step(y + 102, "ended", "ref.wait() returns the reason")

    drawing.arrow([(_MIDDLE - 95, y + 116), (60, y + 116), (60, 70), (_MIDDLE - 95, 70)], "dashed")
    drawing.text((70, 88), "a group with a", "small quiet")
    drawing.text((70, 103), "strategy starts", "small quiet")
    drawing.text((70, 118), "it again", "small quiet")
    return drawing.svg()
