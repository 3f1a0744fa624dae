"""How Dask does the tasks: bags and arrays, on its schedulers for one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.bag as db
import numpy as np
from rivals.tasks import (
    CHUNK,
    Array,
    count_lines,
    kernel,
    spin,
    step,
    total_of,
    two_processes,
    wanted,
)

dask.config.set(num_workers=2)


def pipeline(numbers: range) -> int:
    """``db.range(n, npartitions=2).map(step).filter(wanted).sum()`` on two kept processes."""
    bag = db.range(len(numbers), npartitions=2).map(step).filter(wanted)
    return int(_compute(bag.sum()))


def word_count(path: Path) -> dict[str, int]:
    """``db.read_text(path, blocksize=2**21).map_partitions(count_lines)`` on two processes."""
    counted = db.read_text(str(path), blocksize=1 << 21).map_partitions(_count)
    return total_of(_compute(counted))


def logistic(numbers: Array) -> Array:
    """``da.from_array(x, chunks=65536).map_blocks(kernel)`` on its two threads."""
    mapped = da.from_array(numbers, chunks=CHUNK, name=False).map_blocks(kernel, dtype=np.int64)
    return np.asarray(mapped.compute(scheduler="threads"))


def two_cores(numbers: range) -> int:
    """``db.range(n, npartitions=8).map(spin).sum()`` on two kept processes."""
    return int(_compute(db.range(len(numbers), npartitions=8).map(spin).sum()))


def start(numbers: range) -> int:
    """The pipeline with ``scheduler="sync"``."""
    bag = db.range(len(numbers), npartitions=2).map(step).filter(wanted)
    return int(bag.sum().compute(scheduler="sync"))


def _compute(collection: Any) -> Any:
    return collection.compute(scheduler="processes", pool=two_processes())


def _count(lines: Any) -> list[Any]:
    return [count_lines(lines)]
