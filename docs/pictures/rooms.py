"""Rooms: whose functions use the CPU in flows of several kinds, measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pictures.drawing import Drawing
from pictures.profiles import FOLDER, LOOP_ROOM, YOURS, Place, Recorded

__all__ = ["draw", "picture", "row", "shares"]

LEFT, WIDTH = 18.0, 684.0
BAR, STEP = 30.0, 82.0

PARTS = {
    "your functions": ("solid", {YOURS}),
    "operators": ("hatched", {"operators"}),
    "native": ("grey", {"native"}),
    "stages": ("pointed", {"stages"}),
    "flow, and the rest": ("blank", set[str]()),
    "event loop": ("upright", {LOOP_ROOM}),
}
"""The parts of a bar from the left: their style, and the rooms in them."""

THE_REST = "flow, and the rest"

NAMED = 4
"""As many of the most expensive places are named under a bar."""


def row(name: str, event: str, events: int, places: Mapping[Place, float]) -> dict[str, Any]:
    """What is kept of the runs of a flow.

    Args:
        name: of the flow.
        event: what one event of it is.
        events: how many they had.
        places: seconds of CPU time by place.
    """
    ordered = sorted(places.items(), key=lambda each: (-each[1], each[0]))
    return {
        "name": name,
        "event": event,
        "nanoseconds": round(sum(places.values()) / events * 1e9, 1),
        "microseconds": [[*place, round(seconds * 1e6)] for place, seconds in ordered],
    }


def draw() -> str:
    """The picture, of what was measured."""
    return picture(Recorded.read(FOLDER / "rooms.json"))


def picture(recorded: Recorded) -> str:
    """The picture of such a record."""
    drawing = Drawing(
        720,
        STEP * len(recorded.rows) + 88,
        "Shares of the CPU time of flows: of a tiny one most is the event loop, planning and "
        "stages, of one that calls for each event operators and your functions, of one over arrays "
        "kernels.",
        filled=True,
    )
    x = LEFT
    for name, (style, _) in PARTS.items():
        drawing.area((x, 16), 20, 12, style)
        drawing.text((x + 26, 26), name, "small")
        x += 46 + 6.3 * len(name)
    for index, flow in enumerate(recorded.rows):
        _bar(drawing, 46 + STEP * index, flow)
    drawing.text((LEFT, STEP * len(recorded.rows) + 70), recorded.machine, "small quiet")
    return drawing.svg()


def shares(flow: dict[str, Any]) -> dict[str, float]:
    """The share of each part of a bar; together they are 1."""
    of_room = {room: name for name, (_, rooms) in PARTS.items() for room in rooms}
    sums = dict.fromkeys(PARTS, 0)
    for room, _, microseconds in flow["microseconds"]:
        sums[of_room.get(room, THE_REST)] += microseconds
    return {name: each / sum(sums.values()) for name, each in sums.items()}


def _bar(drawing: Drawing, top: float, flow: dict[str, Any]) -> None:
    drawing.text((LEFT, top + 12), flow["name"], "title")
    cost = f"{_shown(flow['nanoseconds'])} of CPU time a {flow['event']}"
    drawing.text((LEFT + WIDTH, top + 12), cost, "small quiet", "end")
    x = LEFT
    for name, share in shares(flow).items():
        style = PARTS[name][0]
        drawing.area((x, top + 20), share * WIDTH, BAR, style)
        if share * WIDTH > 44:
            words = f"{share:.0%}"
            drawing.box((x + share * WIDTH / 2 - 19, top + 27), 38, 16, "paper")
            drawing.text((x + share * WIDTH / 2, top + 39), words, "small", "middle")
        x += share * WIDTH
    drawing.text((LEFT, top + 20 + BAR + 15), _most(flow), "small quiet")


def _most(flow: dict[str, Any]) -> str:
    """The most expensive places by name."""
    total = sum(each for *_, each in flow["microseconds"])
    return ", ".join(
        f"{room}/{where} {each / total:.0%}"
        if where.endswith(".py")
        else f"{where} {each / total:.0%}"
        for room, where, each in flow["microseconds"][:NAMED]
        if each > 0.01 * total
    )


def _shown(nanoseconds: float) -> str:
    for scale, unit in ((1e6, "ms"), (1e3, "us")):
        if nanoseconds >= scale:
            return f"{nanoseconds / scale:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"
