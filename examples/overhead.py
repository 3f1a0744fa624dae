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
import operator
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from comparing import Comparison, add_options, count, in_turns, write_json

from flowlike import Flow

_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


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
    rival = "sum(filter(f, map(g, range(n))))"
    return [
        in_turns(
            Comparison(f"{size} numbers, map, filter, {way}", rival),
            total,
            plain,
            runs,
            same=operator.eq,
        )
        for way, total in ways.items()
    ]


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
    name = f"{size} numbers, map in threads, 2 stages, ordered"
    return in_turns(
        Comparison(name, "the same, not ordered"), mapped(True).run, mapped(False).run, runs
    )


def ten_events(runs: int) -> list[Comparison]:
    """From the start to the end of a very small flow; many runs, because they are short."""
    flow = Flow.from_iterable(range(10), stages=1).partition(stages=2).reduce(int, operator.add)
    flow = flow.emit("state")

    def pool() -> list[int]:
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(abs, range(10)))

    rival, many = "a new pool of 2 threads, 10 calls", 20 * runs
    outside = Comparison("10 events, partition, reduce, 2 stages", rival)
    inside = Comparison("the same in a running loop", rival)

    async def in_a_loop() -> float:
        started = time.perf_counter()
        await flow.arun()
        return time.perf_counter() - started

    def pool_timed() -> float:
        started = time.perf_counter()
        pool()
        return time.perf_counter() - started

    in_turns(outside, flow.to_list, pool, many)
    with asyncio.Runner() as runner:
        in_turns(inside, lambda: runner.run(in_a_loop()), pool_timed, many, seconds=float)
    return [outside, inside]


def imports(runs: int) -> list[Comparison]:
    """Import in new processes, without the start of Python itself.

    ``import flowlike`` loads what is used when it is used; the second import loads what an
    ordinary flow needs.
    """
    return [
        in_turns(
            Comparison(statement, "import asyncio, numpy"),
            partial(_seconds_of, statement),
            partial(_seconds_of, "import asyncio, numpy"),
            runs,
            seconds=float,
        )
        for statement in ("import flowlike", "from flowlike import Flow")
    ]


def _seconds_of(statement: str) -> float:
    # An installed library is compiled already, and an environment may forbid to write what is.
    environment = {name: each for name, each in os.environ.items() if name != _NO_BYTECODE}
    program = f"import time; s = time.perf_counter(); {statement}; print(time.perf_counter() - s)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    return float(done.stdout)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what flowlike itself costs.")
    parser.add_argument("--size", type=count, default=1_000_000, help="default 1000000")
    add_options(parser, runs=9)
    arguments = parser.parse_args(argv)
    comparisons = [
        *million(arguments.size, arguments.runs, lambda x: x + 1, lambda x: x % 3 == 0),
        in_order(arguments.size, arguments.runs),
        *ten_events(arguments.runs),
        *imports(arguments.runs),
    ]
    for comparison in comparisons:
        print(f"{comparison.shown(54)}  ratio {comparison.ratio:.2f}")
    write_json(arguments.json, [comparison.as_row() for comparison in comparisons])


if __name__ == "__main__":
    main()
