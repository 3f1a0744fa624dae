"""Chunks: what an element costs a kernel in chunks of growing length, measured."""

from __future__ import annotations

import math
from typing import Any

from flowlike.cli.chunk_times import ChunkTimes
from pictures.drawing import Drawing
from pictures.profiles import FOLDER, Recorded

__all__ = ["draw", "picture", "row"]

LEFT, BOTTOM, WIDTH = 86.0, 300.0, 560.0
PER_DECADE = 66.0


def row(name: str, found: ChunkTimes) -> dict[str, Any]:
    """What is kept of the times of a kernel: nanoseconds of a call, by length."""
    return {
        "name": name,
        "target": found.target,
        "chosen": found.chosen,
        "times": [(each.length, round(each.seconds * 1e9)) for each in found.times],
    }


def draw() -> str:
    """The picture, of what was measured."""
    return picture(Recorded.read(FOLDER / "chunks.json"))


def picture(recorded: Recorded) -> str:
    """The picture of such a record; both axes are logarithmic."""
    (kernel,) = recorded.rows
    costs = {length: nanoseconds / length for length, nanoseconds in kernel["times"]}
    longest, least = max(costs), min(costs.values())
    lowest = math.floor(math.log10(least))
    decades = math.ceil(math.log10(max(costs.values()))) - lowest
    drawing = Drawing(
        720,
        BOTTOM + 74,
        "Below some thousand elements the call of a kernel costs more than the elements, and "
        "far above the length of a millisecond memory does.",
    )

    def place(length: float, cost: float) -> tuple[float, float]:
        across = WIDTH * math.log(length) / math.log(longest)
        return LEFT + across, BOTTOM - PER_DECADE * (math.log10(cost) - lowest)

    for decade in range(decades + 1):
        x, y = place(1, 10 ** (lowest + decade))
        drawing.line([(x, y), (x + WIDTH, y)], "thin")
        drawing.text((x - 8, y + 4), f"{10 ** (lowest + decade):g} ns", "small quiet", "end")
    for power in range(0, int(math.log2(longest)) + 1, 4):
        x, y = place(2**power, 10**lowest)
        drawing.line([(x, y), (x, y + 5)], "thin")
        drawing.text((x, y + 18), f"{2**power:,}", "small quiet", "middle")
    drawing.line([place(*each) for each in costs.items()], "thick")
    for length, cost in costs.items():
        drawing.dot(place(length, cost), "full" if length == kernel["chosen"] else "box")
    _, floor = place(1, 10**lowest)
    x, _ = place(kernel["chosen"], 1)
    label = floor - 1.5 * PER_DECADE
    drawing.line([(x, floor), (x, label - 12)], "dashed")
    words = f"{kernel['chosen']:,} elements: {kernel['target'] * 1000:g} ms a call"
    drawing.text((x - 8, label), words, "small", "end")
    drawing.text((LEFT, 24), f"time of {kernel['name']} for one element", "small")
    drawing.text((LEFT + WIDTH, floor + 38), "elements in a chunk", "small quiet", "end")
    drawing.text((LEFT, floor + 58), recorded.machine, "small quiet")
    return drawing.svg()
