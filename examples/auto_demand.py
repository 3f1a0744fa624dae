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
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
        seconds: of every run, by ``max_demand``.
    """

    case: Case
    seconds: dict[Demand, list[float]] = field(default_factory=dict)

    @property
    def least(self) -> dict[Demand, float]:
        """The shortest run for each ``max_demand``: chance only ever adds."""
        return {demand: min(each) for demand, each in self.seconds.items()}

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
    found = Found(case, {demand: [] for demand in demands})
    for _ in range(1 + runs):
        for demand in demands:
            started = time.perf_counter()
            run(demand)
            found.seconds[demand].append(time.perf_counter() - started)
    for each in found.seconds.values():
        del each[0]
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description='Measure max_demand="auto".')
    parser.add_argument("--size", type=_count, help="events of every case")
    parser.add_argument("--runs", type=_count, default=7, help="default 7")
    parser.add_argument("--only", type=_cases, default=CASES, metavar="A,B", help="default all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there, too")
    arguments = parser.parse_args(argv)
    rows = []
    for case in arguments.only:
        found = measure(case, arguments.runs, arguments.size)
        print(found, flush=True)
        seconds = {str(demand): each for demand, each in found.seconds.items()}
        rows.append(
            {"name": case.name, "ratio": found.ratio, "best": found.best, "seconds": seconds}
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


def _cases(text: str) -> tuple[Case, ...]:
    known = {case.name: case for case in CASES}
    unknown = [name for name in text.split(",") if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}, only {', '.join(known)}")
    return tuple(known[name] for name in text.split(","))


def _count(text: str) -> int:
    count = int(text, 0)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    main()
