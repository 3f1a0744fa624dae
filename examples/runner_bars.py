"""Measure flows under ``ProcessRunner`` against loops, a pool, and ``LocalRunner``.

Run it with ``python examples/runner_bars.py``; ``--help`` lists the options. The flow of each row
runs with workers that are there already and settings as they are, and takes turns with its rival.
The table has how fast the flow is as a multiple of its rival; both must give the same result, or
the program fails.

- ``python``: 20 microseconds of Python for each of 100 000 events, against a loop on one core;
- ``pool``: the same against ``multiprocessing.Pool`` and ``imap_unordered(chunksize=1000)``;
- ``words``: word count of a file of 50 MB, which the program makes, against a loop with a dict;
  this process reads the lines;
- ``parts``: the same, each worker reads its part of the file;
- ``groups``: two million (str, int) pairs, made by a ``map``, grouped by key, against
  ``LocalRunner()``;
- ``list``: the same from a list of pairs in this process;
- ``first``: ten events, the start and the end of the workers included, against a Python that
  starts and imports NumPy;
- ``later``: ten events with workers that are there, against ``LocalRunner()``.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparing import Comparison, add_options, count, in_turns, write_json
from process_bars import work
from zipf_words import count_words, write_words

from flowlike import Flow, ProcessRunner
from flowlike.flow.planner import cpus

KEYS = 1000

Sides = tuple[Callable[[], Any], Callable[[], Any]]
"""The flow and its rival, ready to be called again and again."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Args:
        name: as ``--only`` takes it.
        size: how much there is to do, in ``unit``.
        unit: what is counted.
        rival: what the flow is compared with.
        prepare: makes both sides for a runner and a size; they tidy up when its block is left.
    """

    name: str
    size: int
    unit: str
    rival: str
    prepare: Callable[[ProcessRunner, int], Any]


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a file that begin in a part of it; each worker opens the file itself.

    Args:
        path: of the file.
        number: of the part, from 0.
        parts: how many there are.
    """

    path: Path
    number: int
    parts: int

    def __iter__(self) -> Iterator[str]:
        """The lines."""
        size = self.path.stat().st_size
        start, stop = (size * each // self.parts for each in (self.number, self.number + 1))
        with self.path.open("rb") as file:
            if start:
                file.seek(start - 1)
                file.readline()
            at = file.tell()
            while at < stop and (line := file.readline()):
                at += len(line)
                yield line.decode()


@contextmanager
def python(runner: ProcessRunner, size: int) -> Iterator[Sides]:
    """Plain Python, and a loop on one core."""
    flow = Flow.from_iterable(range(size)).map(work)
    yield lambda: sum(flow.to_list(runner=runner)), lambda: sum(map(work, range(size)))


@contextmanager
def pool(runner: ProcessRunner, size: int) -> Iterator[Sides]:
    """The same, and a pool that is there already."""
    flow = Flow.from_iterable(range(size)).map(work)
    with multiprocessing.Pool() as workers:
        yield (
            lambda: sum(flow.to_list(runner=runner)),
            lambda: sum(workers.imap_unordered(work, range(size), chunksize=1000)),
        )
        workers.close()
        workers.join()


@contextmanager
def words(runner: ProcessRunner, size: int, *, parts: int = 0) -> Iterator[Sides]:
    """The words of a file, and a loop with a dict."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.txt"
        write_words(path, size)

        def count() -> dict[str, int]:
            if parts:
                return counted(Flow.from_iterables([Part(path, n, parts) for n in range(parts)]))
            with path.open(encoding="utf-8") as lines:
                return counted(Flow.from_iterable(lines))

        def counted(lines: Flow[str]) -> dict[str, int]:
            return dict(lines.flat_map(str.split).partition().count_by().to_list(runner=runner))

        yield count, lambda: count_words(path)


def pair(number: int) -> tuple[str, int]:
    """One of the pairs, as if it had been read from a line."""
    return f"key{number * 7919 % KEYS}", number


@contextmanager
def groups(runner: ProcessRunner, size: int, *, at_hand: bool = False) -> Iterator[Sides]:
    """Pairs by key, here and there; what is compared is how many each key has."""
    pairs = Flow.from_iterable(range(size)).map(pair)
    if at_hand:
        pairs = Flow.from_iterable([pair(number) for number in range(size)])
    flow = pairs.partition(key=0).group_by_key().map_state(_sizes)
    yield lambda: dict(flow.to_list(runner=runner)), lambda: dict(flow.to_list())


def _sizes(state: dict[str, list[int]]) -> dict[str, int]:
    return {key: len(values) for key, values in state.items()}


@contextmanager
def first(runner: ProcessRunner, size: int) -> Iterator[Sides]:
    """A few events, the start of the workers included, and a Python that starts."""
    flow = Flow.from_iterable(range(size)).map(abs)
    command = [sys.executable, "-c", "import numpy"]
    yield (
        lambda: sum(flow.to_list(runner=ProcessRunner(runner.workers))),
        lambda: subprocess.run(command, check=True).returncode + sum(range(size)),
    )


@contextmanager
def later(runner: ProcessRunner, size: int) -> Iterator[Sides]:
    """A few events, and the same in this process."""
    flow = Flow.from_iterable(range(size)).map(abs)
    yield lambda: sum(flow.to_list(runner=runner)), lambda: sum(flow.to_list())


ROWS = (
    Row("python", 100_000, "events", "a loop on one core", python),
    Row("pool", 100_000, "events", "multiprocessing.Pool", pool),
    Row("words", 50_000_000, "bytes", "a loop with a dict", words),
    Row("parts", 50_000_000, "bytes", "a loop with a dict", functools.partial(words, parts=8)),
    Row("groups", 2_000_000, "pairs", "LocalRunner()", groups),
    Row("list", 2_000_000, "pairs", "LocalRunner()", functools.partial(groups, at_hand=True)),
    Row("first", 10, "events", "python -c 'import numpy'", first),
    Row("later", 10, "events", "LocalRunner()", later),
)


def measure(row: Row, runner: ProcessRunner, runs: int, size: int | None = None) -> Comparison:
    """Time both sides of a row in turns, after a first run that compares their results.

    Args:
        row: which one.
        runner: with workers that are there already.
        runs: how often.
        size: in place of the row's own.

    Raises:
        AssertionError: the results differ.
    """
    comparison = Comparison(row.name, row.rival)
    with row.prepare(runner, row.size if size is None else size) as (ours, rivals):
        return in_turns(comparison, ours, rivals, runs, same=lambda a, b: a == b)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="measure flows under ProcessRunner")
    parser.add_argument("--size", type=count, help="of every row, in its unit")
    parser.add_argument("--workers", type=count, default=cpus(), help="default: its CPUs")
    add_options(parser, runs=5, only={row.name: row for row in ROWS})
    options = parser.parse_args(arguments)
    rows = []
    with ProcessRunner(options.workers) as runner:
        Flow.from_iterable([0]).map(abs).run(runner=runner)
        for row in options.only:
            found = measure(row, runner, options.runs, options.size)
            print(f"{found.shown(8)}  {1 / found.ratio:5.2f} x", flush=True)
            rows.append(found.as_row())
    write_json(options.json, rows)


if __name__ == "__main__":
    main()
