"""How pypeln does the tasks: the same functions on generators, threads or processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypeln as pl
from rivals.tasks import (
    Array,
    chunks_of,
    count_lines,
    kernel,
    pieces_of,
    spin_all,
    step,
    total_of,
    wanted,
)


def pipeline(numbers: range) -> int:
    """``pl.sync.map`` and ``pl.sync.filter``, which are generators in this thread."""
    return sum(pl.sync.filter(wanted, pl.sync.map(step, numbers)))


def word_count(path: Path) -> dict[str, int]:
    """``pl.process.map(count_lines, ..., workers=2)``, given lists of 20 000 lines."""
    with path.open(encoding="utf-8") as lines:
        pieces = pieces_of(lines, 20_000)
        return total_of(pl.process.map(count_lines, pieces, workers=2, maxsize=4))


def logistic(numbers: Array) -> Array:
    """``pl.thread.map(kernel, ..., workers=2)``, chunks of 65 536."""
    done = pl.thread.map(kernel, chunks_of(numbers), workers=2, maxsize=4)
    return np.concatenate(list(done))


def two_cores(numbers: range) -> int:
    """``pl.process.map(spin_all, ..., workers=2)``, given lists of 1000 events."""
    return sum(pl.process.map(spin_all, pieces_of(numbers), workers=2, maxsize=4))


start = pipeline
