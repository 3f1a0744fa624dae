"""Time over chunk length as a picture, drawn by matplotlib (the extra ``flowlike[plot]``)."""

from __future__ import annotations

from pathlib import Path

from flowlike.cli.chunk_times import ChunkTimes

__all__ = ["draw_chunk_times"]


def draw_chunk_times(found: ChunkTimes, title: str, path: Path) -> None:
    """Write a picture; what kind says the name of the file (.svg, .png, .pdf).

    Args:
        found: what to draw.
        title: above the picture.
        path: the file.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        OSError: the file cannot be written.
        ValueError: matplotlib knows no such kind of picture.
    """
    try:
        # Lazily: only who wants a picture needs it.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a picture needs matplotlib: pip install 'flowlike[plot]'", name="matplotlib"
        ) from error
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    lengths = [each.length for each in found.times]
    axes.loglog(lengths, [each.seconds for each in found.times], "k-o", markersize=4, label="call")
    axes.loglog(
        lengths, [each.per_item for each in found.times], "k--s", markersize=3, label="item"
    )
    axes.axhline(found.target, color="0.5", linestyle=":", label=f"target, {found.target:g} s")
    axes.axvline(found.chosen, color="0.5", linestyle="-.", label=f"chosen, {found.chosen:,} items")
    axes.set_xlabel("items in a chunk")
    axes.set_ylabel("seconds")
    axes.set_title(title)
    axes.legend()
    figure.savefig(path)
