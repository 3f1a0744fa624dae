"""Measure plain Python on all cores: ``executor="processes"`` against a loop and a pool.

Run it with ``python examples/process_bars.py``; ``--help`` lists the options. Every event costs
about 20 microseconds of Python. The sides take turns, and give the same sum, or the program fails:

- ``loop``: a plain loop on one core, what the others are compared with;
- ``pool``: ``multiprocessing.Pool`` with ``imap_unordered(chunksize=1000)``, not its start;
- ``warm``: a flow with the workers that its runner keeps, settings as they are;
- ``cold``: the same flow, the start and the end of its workers included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence

from flowlike import Flow, LocalRunner


def work(number: int) -> int:
    """Compute for about 20 microseconds, in plain Python."""
    for _ in range(250):
        number = (number * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
    return number


def measure(events: int, runs: int) -> dict[str, list[float]]:
    """The seconds of every run, by side.

    Raises:
        AssertionError: a side gives another sum than the loop.
    """
    flow = Flow.from_iterable(range(events)).map(work, executor="processes")
    with multiprocessing.Pool() as pool, LocalRunner() as runner:
        sides: dict[str, Callable[[], int]] = {
            "loop": lambda: sum(work(number) for number in range(events)),
            "pool": lambda: sum(pool.imap_unordered(work, range(events), chunksize=1000)),
            "warm": lambda: sum(flow.to_list(runner=runner)),
            "cold": lambda: sum(flow.to_list()),
        }
        flow.run(runner=runner)
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        sums = set()
        for _ in range(runs):
            for name, side in sides.items():
                started = time.perf_counter()
                sums.add(side())
                seconds[name].append(time.perf_counter() - started)
        pool.close()
        pool.join()
    if len(sums) > 1:
        raise AssertionError(f"the sides differ: {sums}")
    return seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="measure executor='processes'")
    parser.add_argument(
        "--events", type=int, default=100_000, help="how many (default %(default)s)"
    )
    parser.add_argument("--runs", type=int, default=5, help="of each side (default %(default)s)")
    options = parser.parse_args(arguments)
    seconds = measure(options.events, options.runs)
    loop = statistics.median(seconds["loop"])
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"{name:<5} {median * 1e3:9.1f} ms  {loop / median:5.2f} x the loop")


if __name__ == "__main__":
    main()
