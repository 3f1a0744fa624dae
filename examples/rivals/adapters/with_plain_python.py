"""No library: what Python itself offers, by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rivals.tasks import CHUNK, PIECE, Array, spin, step, two_processes, wanted
from zipf_words import count_words

from flowlike.native import logistic_map


def pipeline(numbers: range) -> int:
    """``sum(filter(wanted, map(step, numbers)))``."""
    return sum(filter(wanted, map(step, numbers)))


def word_count(path: Path) -> dict[str, int]:
    """A loop over the lines and words that counts in a ``dict``, on one core."""
    return count_words(path)


def logistic(numbers: Array) -> Array:
    """``ThreadPoolExecutor(2)``, chunks of 65 536, into one result made before."""
    result = np.empty_like(numbers)

    def calculate(at: int) -> None:
        part = slice(at, at + CHUNK)
        logistic_map(numbers[part], num=10, p=6_700_417, mu=22, out=result[part])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(calculate, range(0, len(numbers), CHUNK)))
    return result


def two_cores(numbers: range) -> int:
    """``ProcessPoolExecutor(2).map(spin, numbers, chunksize=1000)``; the pool is kept."""
    return sum(two_processes().map(spin, numbers, chunksize=PIECE))


start = pipeline
