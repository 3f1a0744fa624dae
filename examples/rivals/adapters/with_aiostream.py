"""How aiostream does the tasks: operators over asynchronous iterators in one event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from aiostream import pipe, stream
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
    """``stream.iterate(numbers) | pipe.map(step) | pipe.filter(wanted)`` in ``async for``."""

    async def run() -> int:
        total = 0
        found = stream.iterate(numbers) | pipe.map(step) | pipe.filter(wanted)
        async with found.stream() as numbers_left:
            async for number in numbers_left:
                total += number
        return total

    return asyncio.run(run())


def word_count(path: Path) -> dict[str, int]:
    """``pipe.chunks(1000) | pipe.map(count_lines) | pipe.list()`` over the lines, on one core."""

    async def run() -> list[Counter[str]]:
        with path.open(encoding="utf-8") as lines:
            counted = stream.iterate(lines) | pipe.chunks(PIECE) | pipe.map(count_lines)
            return list(await (counted | pipe.list()))

    return total_of(asyncio.run(run()))


def logistic(numbers: Array) -> Array:
    """``pipe.map`` of ``run_in_executor`` (two threads), chunks of 65 536, ``task_limit=4``."""
    with ThreadPoolExecutor(2) as threads:
        return np.concatenate(_elsewhere(threads, kernel, chunks_of(numbers)))


def two_cores(numbers: range) -> int:
    """The same with a kept ``ProcessPoolExecutor(2)`` and lists of 1000 events."""
    return sum(_elsewhere(two_processes(), spin_all, pieces_of(numbers)))


def _elsewhere(executor: Executor, function: Any, arguments: Any) -> list[Any]:
    async def run() -> list[Any]:
        loop = asyncio.get_running_loop()

        async def call(argument: Any) -> Any:
            return await loop.run_in_executor(executor, function, argument)

        calls = stream.iterate(arguments) | pipe.map(call, task_limit=4) | pipe.list()
        return list(await calls)

    return asyncio.run(run())


start = pipeline
