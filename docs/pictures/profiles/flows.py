"""The flows whose profiles are drawn, and the functions that they are given."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from logistic_map.columns import MU, NUM, P
from logistic_map.map_calc import map_calc5, map_calc8
from zipf_words import write_words

from flowlike import Flow

__all__ = ["Profiled", "flows_on_arrays", "flows_to_profile"]

NUMBERS = 1_000_000
BYTES_OF_WORDS = 5_000_000
STAGES = 2


@dataclass(frozen=True, slots=True)
class Profiled:
    """A flow that is run again and again.

    Args:
        name: for the picture.
        event: what one event is.
        events: how many of them a run has.
        run: runs it once.
    """

    name: str
    event: str
    events: int
    run: Callable[[], object]


def flows_on_arrays(size: int) -> list[Profiled]:
    """The logistic map of an array of so many numbers, by batches and by windows of partitions."""
    numbers = np.arange(1, size + 1)
    return [
        Profiled(each.__name__, "number", size, partial(each, numbers, NUM, P, MU, STAGES))
        for each in (map_calc5, map_calc8)
    ]


@contextmanager
def flows_to_profile(size: int) -> Iterator[list[Profiled]]:
    """One flow of each kind: tiny, by the event, with a partition, on arrays.

    Args:
        size: of the arrays.
    """
    with TemporaryDirectory() as folder:
        text = Path(folder, "words.txt")
        write_words(text, BYTES_OF_WORDS)
        words = sum(map(len, map(str.split, text.read_text("utf-8").splitlines())))
        yield [
            Profiled("10 events, partition, reduce", "run", 1, ten_events),
            Profiled("map, filter, sum", "number", NUMBERS, map_filter_sum),
            Profiled("word count", "word", words, partial(word_count, text)),
            *flows_on_arrays(size),
        ]


def ten_events() -> object:
    """Next to nothing, but all that a flow with a partition needs is begun and ended."""
    flow = Flow.from_iterable(range(10), stages=1).partition(stages=STAGES)
    return flow.reduce(int, operator.add).emit("state").to_list()


def map_filter_sum() -> object:
    """Two Python calls for each number."""
    return sum(Flow.from_iterable(range(NUMBERS), stages=1).map(triple).filter(is_even))


def word_count(text: Path) -> object:
    """Lines of a file, words, partitions, counts."""
    with text.open(encoding="utf-8") as lines:
        flow = Flow.from_iterable(lines).flat_map(words_of).partition(stages=STAGES).count_by()
        return dict(flow.to_list())


def triple(number: int) -> int:
    """What the map is given."""
    return 3 * number


def is_even(number: int) -> bool:
    """What the filter is given."""
    return number % 2 == 0


def words_of(line: str) -> list[str]:
    """What the flat map is given."""
    return line.split()
