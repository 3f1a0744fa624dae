"""Measure ``max_demand="auto"`` against every fixed number, for three kinds of work.

Run it with ``python examples/auto_demand.py``; ``--help`` lists the options. Each case is one flow
that runs with "auto" and with a row of numbers, in turns. The table has the shortest runs, which
number was the best, and how long "auto" took as a multiple of that; the bar is 1.1.

- ``arrays``: a kernel over 2^24 integers of an array, in two stages, into an array;
- ``lambda``: a map of a lambda over a million numbers;
- ``5 ms``: 200 calls that wait for 5 ms each, in threads, in four stages.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from comparing import Times, add_options, count, write_json

from flowlike import Flow
from flowlike.native import logistic_map

Demand = int | Literal["auto"]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work.

    Args:
        name: as ``--only`` takes it.
        size: how many events.
        sizes: what is tried as ``max_demand``.
        prepare: makes a function for a size, which runs the flow with a ``max_demand``.
    """

    name: str
    size: int
    sizes: tuple[int, ...]
    prepare: Callable[[int], Callable[[Demand], Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """The times of one case.

    Args:
        case: which one.
        times: of every run, by ``max_demand``.
    """

    case: Case
    times: dict[Demand, Times]

    @property
    def least(self) -> dict[Demand, float]:
        """The shortest run for each ``max_demand``: chance only ever adds."""
        return {demand: each.least for demand, each in self.times.items()}

    @property
    def best(self) -> Demand:
        """The fixed number with the shortest run."""
        least = self.least
        return min((each for each in least if each != "auto"), key=least.__getitem__)

    @property
    def ratio(self) -> float:
        """How long "auto" took as a multiple of the best number."""
        return self.least["auto"] / self.least[self.best]

    def __str__(self) -> str:
        least = self.least
        lines = [
            f"{self.case.name}: auto takes {self.ratio:.2f} x the best number ({self.best:,})",
            *(
                f"    {each if each == 'auto' else format(each, ','):>9}  {seconds * 1e3:9.1f} ms"
                for each, seconds in least.items()
            ),
        ]
        return "\n".join(lines)


def arrays(size: int) -> Callable[[Demand], Any]:
    """A kernel of a few nanoseconds for each event."""
    events = np.arange(size)
    kernel = logistic_map.bind(num=10, p=6_700_417, mu=22)
    return lambda demand: (
        Flow.from_iterable(events, stages=2, max_demand=demand).map_batch(kernel).to_array()
    )


def a_lambda(size: int) -> Callable[[Demand], Any]:
    """A Python call of less than 0.1 us for each event."""
    return lambda demand: (
        Flow.from_iterable(range(size), stages=1, max_demand=demand).map(lambda x: x + 1).to_list()
    )


def waiting(size: int) -> Callable[[Demand], Any]:
    """Calls that wait: all stages have to be busy to the end."""

    def wait(event: int) -> int:
        time.sleep(0.005)
        return event

    return lambda demand: (
        Flow.from_iterable(range(size), stages=4, max_demand=demand)
        .map(wait, executor="threads")
        .to_list()
    )


CASES = (
    Case("arrays", 1 << 24, tuple(1 << bits for bits in range(12, 23, 2)), arrays),
    Case("lambda", 1_000_000, (10, 100, 1000, 10_000, 100_000), a_lambda),
    Case("5 ms", 200, (1, 2, 4, 16, 64), waiting),
)


def measure(case: Case, runs: int, size: int | None = None) -> Found:
    """Time "auto" and all numbers in turns.

    Args:
        case: which one.
        runs: how often each, after once for nothing.
        size: in place of the case's own.
    """
    run = case.prepare(case.size if size is None else size)
    demands: tuple[Demand, ...] = ("auto", *case.sizes)
    for demand in demands:
        run(demand)
    found = Found(case, {demand: Times() for demand in demands})
    for _ in range(runs):
        for demand, times in found.times.items():
            times.take(partial(run, demand))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='Measure max_demand="auto".')
    parser.add_argument("--size", type=count, help="events of every case")
    add_options(parser, runs=7, only={case.name: case for case in CASES})
    arguments = parser.parse_args(argv)
    rows = []
    for case in arguments.only:
        found = measure(case, arguments.runs, arguments.size)
        print(found, flush=True)
        seconds = {str(demand): each.wall for demand, each in found.times.items()}
        rows.append(
            {"name": case.name, "ratio": found.ratio, "best": found.best, "seconds": seconds}
        )
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
