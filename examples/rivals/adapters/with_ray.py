"""How Ray does the tasks: remote functions, and Ray Data for the pipeline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.data
from rivals.tasks import (
    CHUNK,
    Array,
    count_lines,
    kernel,
    pieces_of,
    spin_all,
    step,
    total_of,
    wanted,
)

if not ray.is_initialized():  # This module is imported by Ray's workers, too.
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
    )
ray.data.DataContext.get_current().enable_progress_bars = False

_count = ray.remote(count_lines)
_spin = ray.remote(spin_all)


def _kernel_of(numbers: Array, at: int, end: int) -> Array:
    return np.concatenate([kernel(numbers[i : i + CHUNK]) for i in range(at, end, CHUNK)])


_kernel = ray.remote(_kernel_of)


def _step(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": step(row["id"])}


def _wanted(row: dict[str, Any]) -> bool:
    return wanted(row["id"])


def pipeline(numbers: range) -> int:
    """``ray.data.range(n).map(step).filter(wanted).sum("id")``, Ray running already."""
    rows = ray.data.range(len(numbers), override_num_blocks=2)
    return int(rows.map(_step).filter(_wanted).sum("id"))


def word_count(path: Path) -> dict[str, int]:
    """Remote ``count_lines`` of lists of 20 000 lines."""
    with path.open(encoding="utf-8") as lines:
        return total_of(ray.get([_count.remote(piece) for piece in pieces_of(lines, 20_000)]))


def logistic(numbers: Array) -> Array:
    """One ``ray.put``, then four remote parts, each in chunks of 65 536."""
    shared = ray.put(numbers)
    part = max(CHUNK, len(numbers) // 4)
    calls = [_kernel.remote(shared, at, at + part) for at in range(0, len(numbers), part)]
    return np.concatenate(ray.get(calls))


def two_cores(numbers: range) -> int:
    """Remote ``spin_all`` of ranges of 1000 events."""
    pieces = [numbers[at : at + 1000] for at in range(0, len(numbers), 1000)]
    return sum(ray.get([_spin.remote(piece) for piece in pieces]))


start = pipeline
