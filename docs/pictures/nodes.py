"""Nodes: where the stages of a word count live under ProcessRunner(2), and what goes where."""

from __future__ import annotations

import itertools

from flowlike import Flow
from flowlike.flow.plan import LayerPlan
from flowlike.flow.planner import make_plan
from pictures.drawing import Drawing

__all__ = ["draw"]

WIDTH = 640
BOX = (150, 34)
WORKERS = [69.0, 421.0]
"""The left edges of the boxes in each worker."""
MIDDLE = WIDTH / 2
BAND = 62
ROW = 88


def draw() -> str:
    """The picture."""
    lines = ["to be or not to be"]
    flow = Flow.from_iterable(lines).flat_map(str.split).partition().count_by()
    plan = make_plan(flow, workers=len(WORKERS))
    layers = [node for node in plan.nodes if isinstance(node, LayerPlan)]
    inner = ROW * len(layers) + 20
    drawing = Drawing(
        WIDTH,
        2 * BAND + inner + 88,
        "The source and the collector live in this process, the replicas of both layers in two "
        "workers, which exchange batches directly.",
    )
    source = _band(drawing, 16, "source")
    top = 16 + BAND + 28
    for number, left in enumerate(WORKERS, 1):
        drawing.box((left - 53, top), BOX[0] + 106, inner, "panel")
        drawing.text((left - 41, top + 22), f"worker process {number}", "title")
    rows = []
    for row, layer in enumerate(layers):
        label = layer.layer.operators[0].label
        level = top + 40.0 + ROW * row
        rows.append([_stage(drawing, left, level, label) for left in WORKERS])
    collector = _band(drawing, top + inner + 28, "collector")
    for x, y in rows[0]:
        level = source[1] + BOX[1] + 28
        drawing.arrow([(source[0], source[1] + BOX[1]), (source[0], level), (x, level), (x, y)])
    for upper, lower in itertools.pairwise(rows):
        for side, (x, y) in enumerate(upper):
            drawing.arrow([(x, y + BOX[1]), (x, lower[side][1])])
            step = 1 if side == 0 else -1
            turn = MIDDLE + 10 * step
            at, to = y + 10 + 14 * side, lower[1 - side][1] + 10 + 14 * side
            target = lower[1 - side][0] - step * BOX[0] / 2
            drawing.arrow(
                [(x + step * BOX[0] / 2, at), (turn, at), (turn, to), (target, to)], "thick"
            )
    for x, y in rows[-1]:
        level = collector[1] - 28
        drawing.arrow([(x, y + BOX[1]), (x, level), (collector[0], level), collector])
    return drawing.svg()


def _band(drawing: Drawing, top: float, name: str) -> tuple[float, float]:
    """This process, with one stage."""
    drawing.box((16, top), WIDTH - 32, BAND, "panel")
    drawing.text((28, top + 22), "this process", "title")
    return _stage(drawing, MIDDLE - BOX[0] / 2, top + 14, name)


def _stage(drawing: Drawing, left: float, top: float, name: str) -> tuple[float, float]:
    """A box; returns the middle of its upper edge."""
    drawing.box((left, top), *BOX)
    drawing.text((left + BOX[0] / 2, top + 22), name, "code", "middle")
    return left + BOX[0] / 2, top
