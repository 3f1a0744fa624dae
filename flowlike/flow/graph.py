"""A plan as a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from flowlike.flow.explain import describe_layer, describe_order
from flowlike.flow.layered_layout import Box, Layout, lay_out
from flowlike.flow.plan import LayerPlan, Node, Plan, ReorderPlan, StagePlan

__all__ = ["Graph", "draw_plan"]

_LETTER = 7.3  # pixels that a letter of a monospaced font of 12 px takes at most
_LINE = 17.0
_PADDING = 10.0
_LONGEST = 72

_COLOURS = {"source": "#d7ecd9", "stages": "#f3e3c3", "layer": "#d9e6f7", "end": "#e6e2ee"}
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}"
    ".title{font-weight:bold}"
    # This grey can be read on white and on black.
    ".routing{fill:#777}.arrow{stroke:#777;stroke-width:1.5;fill:none}.head{fill:#777}"
    ".box{stroke:#777}"
)

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Graph:
    """A picture of a flow: its sources, its layers, and how the events get from one to another.

    A notebook shows it by itself; it can be read on a light and on a dark page.

    Attributes:
        svg: the picture as an SVG document.

    Example:
        >>> from flowlike import Flow
        >>> graph = Flow.from_iterable(range(9)).map(str).partition(stages=2).count_by().graph()
        >>> "layer 2: count_by()" in graph.svg
        True
    """

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Graph of {len(self.svg)} bytes of SVG>"


def draw_plan(plan: Plan) -> Graph:
    """Sources above, below them the layers, and at the end who takes the events."""
    nodes = plan.nodes
    texts = [_text(node, plan.workers) for node in nodes]
    kinds = [_kind(node) for node in nodes]
    texts.append(["the caller"])
    kinds.append("end")
    position = {node: index for index, node in enumerate(nodes)}
    arrows: list[tuple[int, int, str]] = []
    for node in nodes:
        if isinstance(node, LayerPlan):
            arrows += [
                (position[each.node], position[node], each.routing.label) for each in node.inputs
            ]
        elif isinstance(node, ReorderPlan):
            arrows.append((position[node.layer], position[node], "by number"))
        elif isinstance(node, StagePlan):
            arrows += [(position[each], position[node], "shuffle") for each in node.upstream]
    arrows += [(position[node], len(nodes), "") for node in plan.outputs]
    boxes = [
        Box(2 * _PADDING + _LETTER * max(map(len, text)), 2 * _PADDING + _LINE * len(text))
        for text in texts
    ]
    layout = lay_out(boxes, [(start, end) for start, end, _ in arrows])
    return Graph(_svg(layout, boxes, texts, kinds, arrows))


def _kind(node: Node) -> str:
    if isinstance(node, (LayerPlan, ReorderPlan)):
        return "layer"
    return "stages" if isinstance(node, StagePlan) else "source"


def _text(node: Node, workers: int | None) -> list[str]:
    """The lines in the box of a node, its name first."""
    lines = [node.name]
    if isinstance(node, LayerPlan):
        lines += [line for line in describe_layer(node, workers) if not line.startswith("from")]
    elif isinstance(node, ReorderPlan):
        lines += describe_order(node)
    elif isinstance(node, StagePlan) and len(node.members) > 1:
        lines.append(f"{len(node.members)} stages")
    return [line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…" for line in lines]


def _svg(
    layout: Layout,
    boxes: list[Box],
    texts: list[list[str]],
    kinds: list[str],
    arrows: list[tuple[int, int, str]],
) -> str:
    shown: set[tuple[int, str]] = set()
    lines = []
    right = layout.width
    for path, (_, end, routing) in zip(layout.paths, arrows, strict=True):
        lines.append(_arrow(path))
        if routing and (end, routing) not in shown:
            shown.add((end, routing))
            (x0, y0), (x1, y1) = path[-2:]
            x, y = (x0 + x1) / 2 + 8, (y0 + y1) / 2 + 4
            right = max(right, x + _LETTER * len(routing) + _PADDING)
            lines.append(_words(x, y, routing, "routing"))
    for box, text, kind in zip(boxes, texts, kinds, strict=True):
        lines.append(
            f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="6" fill="{_COLOURS[kind]}"/>'
        )
        for number, line in enumerate(text):
            y = box.y + _PADDING + _LINE * number + 12
            lines.append(_words(box.x + _PADDING, y, line, "line" if number else "title"))
    size = f'width="{right:.0f}" height="{layout.height:.0f}"'
    return "\n".join([
        (f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {right:.0f} {layout.height:.0f}" role="img">'),
        f"<title>{_escaped('Flow: ' + ', '.join(text[0] for text in texts))}</title>",
        f"<style>{_STYLE}</style>",
        *lines,
        "</svg>",
    ])  # fmt: skip


def _arrow(path: list[tuple[float, float]]) -> str:
    *_, (x, y) = path
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in [*path[:-1], (x, y - 7)])
    head = f"{x:.1f},{y:.1f} {x - 4.5:.1f},{y - 9:.1f} {x + 4.5:.1f},{y - 9:.1f}"
    return f'<polyline class="arrow" points="{points}"/>\n<polygon class="head" points="{head}"/>'


def _words(x: float, y: float, text: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" xml:space="preserve">{_escaped(text)}</text>'
    )


def _escaped(text: str) -> str:
    """Text for XML, which has no control characters and no lone surrogates."""
    return escape(_NO_XML.sub("\ufffd", text))
