"""The table of the benchmark as a picture: time over stages, one line a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

__all__ = ["Line", "draw", "picture_path"]

Line = Mapping[int | None, float]
"""Seconds by the number of stages; under None those of a column that is no flow."""

# Told apart by marker and dash as well, because paper and some eyes know no colours.
_MARKERS = "osD^v<>PX*phd"
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_GREYS = ("0.0", "0.45")


def picture_path(text: str) -> Path:
    """The path of a picture, if it can be drawn.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: no picture can have such a name.
    """
    try:
        known = import_module("matplotlib.figure").Figure().canvas.get_supported_filetypes()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "drawing needs matplotlib: pip install 'flowlike[plot]'"
        ) from error
    path = Path(text)
    if path.suffix.removeprefix(".") not in known:
        raise ValueError(f"{text!r} must end in one of {', '.join(f'.{kind}' for kind in known)}")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {str(path.parent)!r}")
    return path


def draw(lines: Mapping[str, Line], title: str, path: Path) -> None:
    """Write the picture.

    Args:
        lines: the columns by their names.
        title: what stands above it.
        path: from `picture_path`.
    """
    figure = import_module("matplotlib.figure").Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    stages = sorted({each for line in lines.values() for each in line if each is not None}) or [1]
    dashes, markers, greys = cycle(_DASHES), cycle(_MARKERS), cycle(_GREYS)
    for name, line in lines.items():
        xs, ys = _points(line, stages)
        axes.plot(
            xs,
            ys,
            label=name,
            color=next(greys),
            linestyle=next(dashes),
            marker=next(markers),
            markerfacecolor="white",
            linewidth=1.3,
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(stages, [str(each) for each in stages])
    axes.set_xlabel("stages (a column that is no flow is a level line)")
    axes.set_ylabel("seconds")
    axes.set_title(title, fontsize=10)
    axes.grid(True, which="major", color="0.85", linewidth=0.6)
    figure.legend(loc="outside right upper", frameon=False, handlelength=4)
    figure.savefig(path, dpi=150)


def _points(line: Line, stages: Sequence[int]) -> tuple[list[int], list[Any]]:
    if None in line:
        return list(stages), [line[None]] * len(stages)
    return [each for each in line if each is not None], list(line.values())
