"""How streamz does the tasks: events are emitted into a graph of nodes, one after the other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from rivals.tasks import (
    Array,
    chunks_of,
    count_lines,
    kernel,
    pieces_of,
    step,
    total_of,
    wanted,
)
from streamz import Stream

CANNOT = {"two_cores": "one thread; more needs a cluster of Dask"}


def pipeline(numbers: range) -> int:
    """``source.map(step).filter(wanted).sink(found.append)``, then ``source.emit`` of each."""
    found: list[int] = []
    source = Stream()
    source.map(step).filter(wanted).sink(found.append)
    for number in numbers:
        source.emit(number)
    return sum(found)


def word_count(path: Path) -> dict[str, int]:
    """``source.map(count_lines)``, lists of 1000 lines are emitted; one core."""
    counts: list[Counter[str]] = []
    source = Stream()
    source.map(count_lines).sink(counts.append)
    with path.open(encoding="utf-8") as lines:
        for piece in pieces_of(lines):
            source.emit(piece)
    return total_of(counts)


def logistic(numbers: Array) -> Array:
    """``source.map(kernel)``, chunks of 65 536, on one core."""
    found: list[Array] = []
    source = Stream()
    source.map(kernel).sink(found.append)
    for chunk in chunks_of(numbers):
        source.emit(chunk)
    return np.concatenate(found)


start = pipeline
