"""How joblib does the tasks: calls that are dealt out to two workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
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
    """``Parallel(2, batch_size=1000)(delayed(step)(n) ...)``, filtered by its caller."""
    calls = (delayed(step)(number) for number in numbers)
    return sum(filter(wanted, Parallel(2, batch_size=1000)(calls)))


def word_count(path: Path) -> dict[str, int]:
    """``delayed(count_lines)`` of lists of 20 000 lines on two processes, which joblib keeps."""
    with path.open(encoding="utf-8") as lines:
        calls = (delayed(count_lines)(piece) for piece in pieces_of(lines, 20_000))
        return total_of(Parallel(2, batch_size=1)(calls))


def logistic(numbers: Array) -> Array:
    """``delayed(kernel)`` of chunks of 65 536, ``backend="threading"``."""
    calls = (delayed(kernel)(chunk) for chunk in chunks_of(numbers))
    return np.concatenate(Parallel(2, backend="threading")(calls))


def two_cores(numbers: range) -> int:
    """``delayed(spin_all)`` of lists of 1000 events on two processes, which joblib keeps."""
    calls = (delayed(spin_all)(piece) for piece in pieces_of(numbers))
    return sum(Parallel(2)(calls))


def start(numbers: range) -> int:
    """The pipeline, with ``batch_size="auto"``; the processes are there already."""
    return sum(filter(wanted, Parallel(2)(delayed(step)(number) for number in numbers)))
