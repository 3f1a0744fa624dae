"""Where the boxes of a picture go: rows from the sources down, few crossings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Box", "Layout", "lay_out"]

COLUMN_GAP = 32.0
ROW_GAP = 56.0
MARGIN = 16.0
SWEEPS = 4
"""How often the rows are put in the order of their neighbours, down and up in turns."""


@dataclass(slots=True)
class Box:
    """A box, or a point where an arrow passes a row: its size, and where its corner is.

    Attributes:
        width: of the box.
        height: of the box.
        x: of the left edge, set by `lay_out`.
        y: of the upper edge, set by `lay_out`.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture without its drawing.

    Attributes:
        width: of the whole.
        height: of the whole.
        paths: for each arrow the points that it goes through.
    """

    width: float
    height: float
    paths: list[list[tuple[float, float]]]


def lay_out(boxes: Sequence[Box], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Set where each box is, below all boxes that have an arrow to it.

    Args:
        boxes: each after those that have an arrow to it.
        arrows: from which box to which, by their positions.
    """
    rank = [0] * len(boxes)
    for target in range(len(boxes)):
        rank[target] = max((rank[a] + 1 for a, b in arrows if b == target), default=0)
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    all_boxes = list(boxes)
    for box, row in enumerate(rank):
        rows[row].append(box)
    chains = []
    for start, end in arrows:
        chain = [start]
        for row in range(rank[start] + 1, rank[end]):
            rows[row].append(len(all_boxes))
            chain.append(len(all_boxes))
            all_boxes.append(Box(0.0, 0.0))
        chains.append([*chain, end])
    _order(rows, chains)
    width, height = _place(rows, all_boxes)
    return Layout(width, height, [_path([all_boxes[each] for each in chain]) for chain in chains])


def _order(rows: list[list[int]], chains: list[list[int]]) -> None:
    """Put every row in the order of the middles of its neighbours in the row before."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        ordered = rows if down else rows[::-1]
        for before, row in itertools.pairwise(ordered):
            position = {box: place for place, box in enumerate(before)}

            def middle(
                box: int,
                position: dict[int, int] = position,
                row: list[int] = row,
                neighbours: dict[int, list[int]] = neighbours,
            ) -> float:
                places = [position[each] for each in neighbours.get(box, ()) if each in position]
                return sum(places) / len(places) if places else float(row.index(box))

            row[:] = sorted(row, key=middle)


def _place(rows: list[list[int]], boxes: list[Box]) -> tuple[float, float]:
    """Set x and y; returns the width and the height of all."""
    widths = [sum(boxes[box].width for box in row) + COLUMN_GAP * (len(row) - 1) for row in rows]
    widest = max(widths, default=0.0)
    y = MARGIN
    for row, width in zip(rows, widths, strict=True):
        x = MARGIN + (widest - width) / 2
        tallest = max(boxes[box].height for box in row)
        for each in row:
            box = boxes[each]
            if not box.height:
                box.height = tallest  # an arrow passes the whole row
            box.x, box.y = x, y
            x += box.width + COLUMN_GAP
        y += tallest + ROW_GAP
    return widest + 2 * MARGIN, y - ROW_GAP + MARGIN


def _path(boxes: list[Box]) -> list[tuple[float, float]]:
    first, *passed, last = boxes
    points = [(first.middle, first.y + first.height)]
    for box in passed:
        points += [(box.middle, box.y), (box.middle, box.y + box.height)]
    return [*points, (last.middle, last.y)]
