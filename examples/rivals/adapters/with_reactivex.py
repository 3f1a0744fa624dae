"""How reactivex does the tasks: observables that push every event through the operators."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import reactivex as rx
from reactivex import operators as ops
from rivals.tasks import (
    PIECE,
    Array,
    chunks_of,
    count_lines,
    kernel,
    pieces_of,
    spin_all,
    step,
    total_of,
    two_processes,
    wanted,
)


def pipeline(numbers: range) -> int:
    """``rx.from_iterable(numbers).pipe(ops.map(step), ops.filter(wanted), ops.sum()).run()``."""
    summed = rx.from_iterable(numbers).pipe(ops.map(step), ops.filter(wanted), ops.sum())
    return int(summed.run())


def word_count(path: Path) -> dict[str, int]:
    """``ops.buffer_with_count(1000)`` and ``ops.map(count_lines)`` over the lines, on one core."""
    with path.open(encoding="utf-8") as lines:
        counted = rx.from_iterable(lines).pipe(
            ops.buffer_with_count(PIECE), ops.map(count_lines), ops.to_list()
        )
        return total_of(counted.run())


def logistic(numbers: Array) -> Array:
    """``ops.map`` to futures of two threads, ``ops.merge(max_concurrent=4)``, chunks of 65 536."""
    with ThreadPoolExecutor(2) as threads:
        return np.concatenate(_elsewhere(threads, kernel, chunks_of(numbers)))


def two_cores(numbers: range) -> int:
    """The same with a kept ``ProcessPoolExecutor(2)`` and lists of 1000 events."""
    return sum(_elsewhere(two_processes(), spin_all, pieces_of(numbers)))


def _elsewhere(executor: Executor, function: Any, arguments: Any) -> list[Any]:
    def call(argument: Any) -> Any:
        return rx.defer(lambda _: rx.from_future(executor.submit(function, argument)))

    calls = rx.from_iterable(arguments).pipe(
        ops.map(call), ops.merge(max_concurrent=4), ops.to_list()
    )
    return list(calls.run())


start = pipeline
