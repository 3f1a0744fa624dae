"""Measure what flowlike itself costs, each time against the same thing without it.

Run it with ``python examples/overhead.py``; ``--help`` lists the options. The two sides of a
comparison take turns, and the table has the median of their times and the ratio of the medians:

- a million integers through a map and a filter of lambdas into a sum, in four ways to take the
  sum, against ``sum(filter(f, map(g, range(n))))``;
- the same integers through a cheap map in threads, in two replicas, in the order of the source
  against any order;
- ten events through a partition and a reduce in two stages, from the start to the end of the
  run, against starting a pool of two threads for ten calls, and ending it;
- ``import flowlike``, and ``from flowlike import Flow``, against ``import asyncio, numpy``, each
  in a new process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flowlike import Flow


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two things that are timed in turns.

    Args:
        name: what is measured.
        rival: what it is compared with.
        seconds: of every run.
        rival_seconds: of every run of the rival.
    """

    name: str
    rival: str
    seconds: list[float]
    rival_seconds: list[float]

    @property
    def ratio(self) -> float:
        """The median as a multiple of the rival's."""
        return statistics.median(self.seconds) / statistics.median(self.rival_seconds)

    def __str__(self) -> str:
        ours = statistics.median(self.seconds) * 1e3
        rivals = statistics.median(self.rival_seconds) * 1e3
        return (
            f"{self.name:<54} {ours:9.3f} ms  {self.rival:<34} {rivals:9.3f} ms  "
            f"ratio {self.ratio:.2f}"
        )


def timed(function: Callable[[], object]) -> float:
    """How long a call takes, in seconds."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_turns(
    name: str,
    ours: Callable[[], float],
    rival: str,
    rivals: Callable[[], float],
    runs: int,
) -> Comparison:
    """Call both ``runs`` times, after once for nothing; each returns its seconds."""
    ours()
    rivals()
    pairs = [(ours(), rivals()) for _ in range(runs)]
    return Comparison(name, rival, [a for a, _ in pairs], [b for _, b in pairs])


def million(
    size: int, runs: int, g: Callable[[int], int], f: Callable[[int], bool]
) -> list[Comparison]:
    """Map by ``g``, filter by ``f``, and sum.

    Raises:
        AssertionError: a sum is wrong.
    """

    def plain() -> int:
        return sum(filter(f, map(g, range(size))))

    flow = Flow.from_iterable(range(size), stages=1).map(g).filter(f)
    ways: dict[str, Callable[[], int]] = {
        "sum(flow)": lambda: sum(flow),
        "sum(to_list())": lambda: sum(flow.to_list()),
        "sum(map(sum, batches()))": lambda: sum(map(sum, flow.batches())),
        "reduce(int, add)": lambda: flow.reduce(int, operator.add).emit("state").to_list()[0],
    }
    found = []
    for way, total in ways.items():
        if total() != plain():
            raise AssertionError(f"{way} gave {total()}, not {plain()}")
        found.append(
            in_turns(
                f"{size} numbers, map, filter, {way}",
                partial(timed, total),
                "sum(filter(f, map(g, range(n))))",
                partial(timed, plain),
                runs,
            )
        )
    return found


def in_order(size: int, runs: int) -> Comparison:
    """A map that does next to nothing, in two replicas.

    Raises:
        AssertionError: they are not in order.
    """

    def mapped(ordered: bool) -> Flow[int]:
        numbers = Flow.from_iterable(range(size), ordered=ordered, stages=2, executor="threads")
        return numbers.map(lambda n: n + 1)

    if mapped(True).to_list() != list(range(1, size + 1)):
        raise AssertionError("an ordered flow has lost its order")
    return in_turns(
        f"{size} numbers, map in threads, 2 stages, ordered",
        lambda: timed(mapped(True).run),
        "the same, not ordered",
        lambda: timed(mapped(False).run),
        runs,
    )


def ten_events(runs: int) -> list[Comparison]:
    """From the start to the end of a very small flow; many runs, because they are short."""
    flow = Flow.from_iterable(range(10), stages=1).partition(stages=2).reduce(int, operator.add)
    flow = flow.emit("state")

    def pool() -> list[int]:
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(abs, range(10)))

    rival, many = "a new pool of 2 threads, 10 calls", 20 * runs
    outside = in_turns(
        "10 events, partition, reduce, 2 stages",
        lambda: timed(flow.to_list),
        rival,
        lambda: timed(pool),
        many,
    )

    async def in_a_loop() -> list[float]:
        seconds = []
        for _ in range(many):
            started = time.perf_counter()
            await flow.arun()
            seconds.append(time.perf_counter() - started)
        return seconds

    inside = asyncio.run(in_a_loop())
    return [
        outside,
        Comparison("the same in a running loop", rival, inside, outside.rival_seconds),
    ]


def imports(runs: int) -> list[Comparison]:
    """Import in new processes, without the start of Python itself.

    ``import flowlike`` loads what is used when it is used; the second import loads all that a
    flow needs.
    """
    return [
        in_turns(
            statement,
            partial(_seconds_of, statement),
            "import asyncio, numpy",
            partial(_seconds_of, "import asyncio, numpy"),
            runs,
        )
        for statement in ("import flowlike", "from flowlike import Flow")
    ]


def _seconds_of(statement: str) -> float:
    program = f"import time; s = time.perf_counter(); {statement}; print(time.perf_counter() - s)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    return path


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what flowlike itself costs.")
    parser.add_argument("--size", type=_count, default=1_000_000, help="default 1000000")
    parser.add_argument("--runs", type=_count, default=9, help="default 9")
    parser.add_argument("--json", type=_file, metavar="FILE", help="write all times there, too")
    arguments = parser.parse_args(argv)
    comparisons = [
        *million(arguments.size, arguments.runs, lambda x: x + 1, lambda x: x % 3 == 0),
        in_order(arguments.size, arguments.runs),
        *ten_events(arguments.runs),
        *imports(arguments.runs),
    ]
    for comparison in comparisons:
        print(comparison)
    if arguments.json:
        found = [
            {
                "name": each.name,
                "rival": each.rival,
                "seconds": each.seconds,
                "rival_seconds": each.rival_seconds,
                "ratio": each.ratio,
            }
            for each in comparisons
        ]
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def _count(text: str) -> int:
    count = int(text, 0)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    main()
