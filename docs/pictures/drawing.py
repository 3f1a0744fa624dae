"""A drawing: shapes and words that become one SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pictures import fills

__all__ = ["Drawing"]

Point = tuple[float, float]

_STYLE = """
  .paper { fill: #fcfbf8 }
  .panel { fill: #efede6 }
  text { fill: #1d2024; font: 13px ui-sans-serif, system-ui, sans-serif }
  .small { font-size: 11.5px }
  .code { font-family: ui-monospace, SFMono-Regular, Menlo, monospace; font-size: 12px }
  .title { font-weight: 600 }
  .quiet { fill: #5b5f66 }
  .line { stroke: #1d2024; stroke-width: 1.4; fill: none }
  .thick { stroke: #1d2024; stroke-width: 2.8; fill: none }
  .thin { stroke: #8b8f96; stroke-width: 1; fill: none }
  .dashed { stroke: #0a5fa8; stroke-width: 1.6; stroke-dasharray: 5 4; fill: none }
  .dotted { stroke: #5b5f66; stroke-width: 1.6; stroke-dasharray: 1.5 4; fill: none }
  .box { fill: #fcfbf8; stroke: #1d2024; stroke-width: 1.4 }
  .full { fill: #1d2024; stroke: #1d2024; stroke-width: 1.4 }
  .tip { fill: #1d2024 }
  .tip-dashed { fill: #0a5fa8 }
  @media (prefers-color-scheme: dark) {
    .paper, .box { fill: #1b1d21 }
    .panel { fill: #2a2d33 }
    text, .tip, .full { fill: #e9e7e1 }
    .quiet { fill: #a9adb4 }
    .line, .thick, .box, .full { stroke: #e9e7e1 }
    .thin { stroke: #7d828a }
    .dashed { stroke: #7fc1ff }
    .dotted { stroke: #a9adb4 }
    .tip-dashed { fill: #7fc1ff }
  }
"""


class Drawing:
    """Collects shapes. It brings its own paper, so that it can be read on any page.

    What lines mean is said by their dashes and width, never by the colour alone, and what areas
    mean by a pattern.

    Args:
        width: in pixels.
        height: in pixels.
        title: what a reader hears who cannot see it.
        filled: whether styles of `pictures.fills` are used.
    """

    def __init__(self, width: float, height: float, title: str, *, filled: bool = False) -> None:
        self._size = f"{width:g} {height:g}"
        self._title = title
        self._style = _STYLE + fills.STYLE[1:] if filled else _STYLE
        self._shapes: list[str] = [
            *([fills.DEFINITIONS] if filled else []),
            f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8"/>',
        ]

    def text(self, at: Point, words: str, style: str = "", anchor: str = "start") -> None:
        """Write ``words``; ``anchor`` is "start", "middle" or "end"."""
        self._shapes.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" class="{style}" text-anchor="{anchor}">'
            f"{escape(words, quote=False)}</text>"
        )

    def box(self, at: Point, width: float, height: float, style: str = "box") -> None:
        """A rectangle whose upper left corner is ``at``."""
        self._shapes.append(
            f'<rect class="{style}" x="{at[0]:g}" y="{at[1]:g}" width="{width:g}" '
            f'height="{height:g}" rx="4"/>'
        )

    def area(self, at: Point, width: float, height: float, style: str) -> None:
        """A rectangle with sharp corners, which may be as narrow as a line."""
        self._shapes.append(
            f'<rect class="{style}" x="{at[0]:.1f}" y="{at[1]:g}" width="{width:.1f}" '
            f'height="{height:g}"/>'
        )

    def dot(self, at: Point, style: str = "full") -> None:
        """A small disc around ``at``."""
        self._shapes.append(f'<circle class="{style}" cx="{at[0]:g}" cy="{at[1]:g}" r="4.5"/>')

    def line(self, points: Sequence[Point], style: str = "line") -> None:
        """A line through ``points``."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._shapes.append(f'<polyline class="{style}" points="{path}"/>')

    def arrow(self, points: Sequence[Point], style: str = "line") -> None:
        """A line with a tip at its end; the last piece is horizontal or vertical."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        self.line([*points[:-1], (x - 5 * dx, y - 5 * dy)], style)
        back, side = (x - 9 * dx, y - 9 * dy), (4.5 * dy, 4.5 * dx)
        tip = [
            (x, y),
            (back[0] + side[0], back[1] + side[1]),
            (back[0] - side[0], back[1] - side[1]),
        ]
        path = " ".join(f"{px:g},{py:g}" for px, py in tip)
        kind = "tip-dashed" if style == "dashed" else "tip"
        self._shapes.append(f'<polygon class="{kind}" points="{path}"/>')

    def svg(self) -> str:
        """The file."""
        width, height = self._size.split()
        shapes = "\n".join(self._shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._size}" width="{width}" '
            f'height="{height}" role="img">\n<title>{escape(self._title, quote=False)}</title>\n'
            f"<style>{self._style}</style>\n{shapes}\n</svg>\n"
        )
