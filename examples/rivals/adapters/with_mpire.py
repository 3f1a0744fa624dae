"""How mpire does the tasks: maps over a pool of two processes that is kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from mpire import WorkerPool
from rivals.tasks import (
    PIECE,
    Array,
    chunks_of,
    count_lines,
    kernel,
    pieces_of,
    spin,
    step,
    total_of,
    wanted,
)


@cache
def _pool() -> WorkerPool:
    return WorkerPool(2, keep_alive=True)


@cache
def _threads() -> WorkerPool:
    return WorkerPool(2, start_method="threading", keep_alive=True)


def pipeline(numbers: range) -> int:
    """``pool.map_unordered(step, numbers, chunk_size=10_000)``, filtered by its caller."""
    return sum(filter(wanted, _pool().map_unordered(step, numbers, chunk_size=10_000)))


def word_count(path: Path) -> dict[str, int]:
    """``pool.imap_unordered(count_lines, ...)``, given lists of 20 000 lines."""
    with path.open(encoding="utf-8") as lines:
        pieces = ((piece,) for piece in pieces_of(lines, 20_000))
        return total_of(_pool().imap_unordered(count_lines, pieces, chunk_size=1))


def logistic(numbers: Array) -> Array:
    """``pool.map(kernel, ...)`` on two threads (``start_method="threading"``), chunks of 65 536."""
    arguments = [(chunk,) for chunk in chunks_of(numbers)]
    done = _threads().map(kernel, arguments, chunk_size=1, concatenate_numpy_output=False)
    return np.concatenate(done)


def two_cores(numbers: range) -> int:
    """``pool.map_unordered(spin, numbers, chunk_size=1000)``."""
    return sum(_pool().map_unordered(spin, numbers, chunk_size=PIECE))


def start(numbers: range) -> int:
    """The pipeline in a new pool: ``with WorkerPool(2) as pool``."""
    with WorkerPool(2) as pool:
        return sum(filter(wanted, pool.map(step, numbers)))
