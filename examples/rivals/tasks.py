"""What every library has to do: five tasks, with the functions that are the same for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from zipf_words import write_words

from flowlike.native import logistic_map

__all__ = [
    "CHUNK", "PIECE", "TASKS", "Array", "Task", "chunks_of", "count_lines", "kernel", "pieces_of",
    "spin", "spin_all", "step", "total_of", "two_processes", "wanted",
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[np.int64]]

CHUNK = 1 << 16
"""Elements of an array that a kernel is called with."""

PIECE = 1000
"""Events that are handed to another process at once, where a library leaves that to its user."""

_ROUNDS = 420  # about 20 us of Python


def step(number: int) -> int:
    """The map of the pipeline."""
    return number + 1


def wanted(number: int) -> bool:
    """The filter of the pipeline."""
    return number % 2 == 0


def spin(number: int) -> int:
    """About 20 us of Python."""
    for _ in range(_ROUNDS):
        number = (number * 31 + 7) % 1_000_003
    return number


def spin_all(numbers: Iterable[int]) -> int:
    """The sum of `spin` over a piece of the events."""
    return sum(map(spin, numbers))


def count_lines(lines: Iterable[str]) -> Counter[str]:
    """How often each word is in these lines."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line.split())
    return counts


def total_of(counts: Iterable[Counter[str]]) -> dict[str, int]:
    """The counts of the pieces of a text as one."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def kernel(numbers: Array) -> Array:
    """Ten rounds of the logistic map, in C and without the GIL."""
    done: Array = logistic_map(numbers, num=10, p=6_700_417, mu=22)
    return done


@cache
def two_processes() -> ProcessPoolExecutor:
    """A pool that is kept from run to run, for a library that brings none of its own."""
    return ProcessPoolExecutor(2, get_context("forkserver"))


def chunks_of(numbers: Array) -> list[Array]:
    """The array in views of `CHUNK` elements."""
    return [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]


def pieces_of(events: Iterable[Any], size: int = PIECE) -> Iterator[list[Any]]:
    """The events in lists of ``size``."""
    piece: list[Any] = []
    for event in events:
        piece.append(event)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


@dataclass(frozen=True, slots=True)
class Task:
    """One column of the table.

    Args:
        name: the function of an adapter that does it.
        title: as the table says it.
        unit: what is counted; "ms" where the time itself is shown.
        sizes: of the first try and of the largest.
        prepare: makes the input of a size; a folder is there for files.
        expected: the result, by plain Python.
        shown: what of a result has to be equal.
    """

    name: str
    title: str
    unit: str
    sizes: tuple[int, int]
    prepare: Callable[[int, Path], Any]
    expected: Callable[[Any], Any]
    shown: Callable[[Any], object]


def _numbers(size: int, _: Path) -> range:
    return range(size)


def _text(size: int, folder: Path) -> Path:
    path = folder / f"words-{size}.txt"
    if not path.exists():
        write_words(path, size)
    return path


def _array(size: int, _: Path) -> Array:
    return np.arange(size, dtype=np.int64)


def _sum(numbers: Sequence[int]) -> int:
    return sum(filter(wanted, map(step, numbers)))


def _words(path: Path) -> dict[str, int]:
    with path.open(encoding="utf-8") as lines:
        return count_lines(lines)


def _in_any_order(result: Array) -> tuple[int, int, int]:
    return len(result), int(np.sum(result)), int(np.bitwise_xor.reduce(result))


TASKS = (
    Task("pipeline", "a map and a filter", "events", (1000, 1_000_000), _numbers, _sum, int),
    Task("word_count", "word count", "bytes", (200_000, 20_000_000), _text, _words, dict),
    Task("logistic", "logistic map", "elements", (CHUNK, 1 << 24), _array, kernel, _in_any_order),
    Task("two_cores", "20 us of Python", "events", (1000, 64_000), _numbers, spin_all, int),
    Task("start", "10 events", "ms", (10, 10), _numbers, _sum, int),
)
"""The columns of the table, from left to right."""
