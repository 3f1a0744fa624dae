"""Measure what each part of a flow costs: an event, a batch, a hop, a page fault.

Run it with ``python examples/costs.py``; ``--help`` lists the options. Most costs are differences
between two flows that take turns, divided by how often the part was there.
``docs/design/where-the-time-goes.md`` says what to make of them.
"""

from __future__ import annotations

import argparse
import mmap
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

from comparing import add_options, count, write_json

from flowlike import Flow
from flowlike.native import logistic_map

BATCH = 1000
"""Events in a batch, where batches are counted."""

Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """One row of the table.

    Args:
        name: of what.
        seconds: of every run, for one.
    """

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        """Seconds for one; a difference smaller than chance may come out below 0."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.name:<58} {_shown(self.median):>10}"


def difference(name: str, count: int, more: Run, less: Run, runs: int) -> Cost:
    """What ``more`` takes longer than ``less``, of which it has ``count`` parts more."""
    more()
    less()
    return Cost(name, [(_seconds(more) - _seconds(less)) / count for _ in range(runs)])


def whole(name: str, count: int, run: Run, runs: int) -> Cost:
    """What a run takes, divided by the number of its parts."""
    run()
    return Cost(name, [_seconds(run) / count for _ in range(runs)])


def of_events(size: int, runs: int) -> list[Cost]:
    """Events in the layers of a flow."""
    source = Flow.from_iterable(range(size), stages=1)
    mapped = source.map(_next)
    twice = mapped.map(_next)
    kept = mapped.filter(_positive)
    reduced = source.reduce(int, _add)
    numbers = source.partition(stages=2, key=_same)
    words = Flow.from_iterable([f"word{n % 5000}" for n in range(size)], stages=1)
    dealt = words.partition(stages=2)

    def loop() -> None:
        for _ in range(size):
            pass

    def calls() -> None:
        for n in range(size):
            _next(n)

    return [
        difference("a call of a function, in a plain loop", size, calls, loop, runs),
        difference("an event in a map", size, mapped.run, source.run, runs),
        difference("an event in one more map of the same layer", size, twice.run, mapped.run, runs),
        difference("an event in a filter", size, kept.run, mapped.run, runs),
        difference("an event in a reduce", size, reduced.run, source.run, runs),
        difference("an event to its partition, by an int", size, numbers.run, source.run, runs),
        difference("an event to its partition, by a text", size, dealt.run, words.run, runs),
    ]


def of_batches(batches: int, runs: int) -> list[Cost]:
    """Batches of a thousand events, and how they get from place to place."""
    source = Flow.from_iterable(range(batches * BATCH), stages=1, max_demand=BATCH, min_demand=0)
    here = source.map_batch(_same)
    layer = here.shuffle(stages=1, max_demand=BATCH, min_demand=0).map_batch(_same)

    def through(executor: Executor) -> Flow[int]:
        return source.map_batch(_same, executor=executor)

    with (
        ThreadPoolExecutor(1) as threads,
        ProcessPoolExecutor(1, get_context("forkserver")) as processes,
    ):
        return [
            whole("a batch through a layer", batches, here.run, runs),
            difference("a batch to the next layer", batches, layer.run, here.run, runs),
            difference(
                "a batch through a thread and back", batches, through(threads).run, here.run, runs
            ),
            difference(
                f"a batch of {BATCH} int through a process and back",
                batches,
                through(processes).run,
                here.run,
                runs,
            ),
        ]


def of_runs(runs: int) -> list[Cost]:
    """What is paid once."""
    one = Flow.from_iterable([1], stages=1).map(_next)
    two = Flow.from_iterable([1], stages=1).partition(stages=2).map(_next)
    many = Flow.from_iterable([1], stages=1).partition(stages=64).map(_next)
    return [
        whole("a run of one event", 1, one.run, 10 * runs),
        difference("a layer of two stages more", 1, two.run, one.run, 10 * runs),
        difference("one stage more, of 64", 62, many.run, two.run, runs),
    ]


def of_memory(pages: int, runs: int) -> list[Cost]:
    """Memory that is touched for the first time, and the arithmetic to compare it with."""
    size = pages * mmap.PAGESIZE
    elements = mmap.PAGESIZE // 8
    kernel = logistic_map.bind(num=10, p=6_700_417, mu=22)
    numbers = kernel(range(64 * elements))

    def touch(memory: mmap.mmap) -> float:
        started = time.perf_counter()
        for at in range(0, size, mmap.PAGESIZE):
            memory[at] = 1
        return time.perf_counter() - started

    faults = []
    for _ in range(runs):
        with mmap.mmap(-1, size) as memory:
            faults.append((touch(memory) - touch(memory)) / pages)
    return [
        Cost(f"a page fault ({elements} elements of int64)", faults),
        whole("the logistic map of so many elements", 64, partial(kernel, numbers), runs),
        whole("a call of a kernel, one element", 1, partial(kernel, numbers[:1]), 10 * runs),
    ]


def _same(events: Any) -> Any:
    return events


def _next(number: int) -> int:
    return number + 1


def _positive(number: int) -> bool:
    return number >= 0


def _add(total: int, number: int) -> int:
    return total + number


def _seconds(run: Run) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _shown(seconds: float) -> str:
    for scale, unit in ((1e-3, "ms"), (1e-6, "us")):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what each part of a flow costs.")
    parser.add_argument("--size", type=count, default=300_000, help="events; default 300000")
    add_options(parser, runs=7)
    arguments = parser.parse_args(argv)
    found: list[Cost] = []
    for costs in (
        of_events(arguments.size, arguments.runs),
        of_batches(max(1, arguments.size // BATCH), arguments.runs),
        of_runs(arguments.runs),
        of_memory(max(1, arguments.size // 20), arguments.runs),
    ):
        print(*costs, sep="\n", flush=True)
        found += costs
    write_json(arguments.json, [{"name": each.name, "seconds": each.seconds} for each in found])


if __name__ == "__main__":
    main()
