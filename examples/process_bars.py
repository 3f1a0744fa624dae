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
from collections.abc import Callable, Sequence

from comparing import Times, add_options, count, write_json

from flowlike import Flow, LocalRunner


def work(number: int) -> int:
    """Compute for about 20 microseconds, in plain Python."""
    for _ in range(250):
        number = (number * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
    return number


def measure(events: int, runs: int) -> dict[str, Times]:
    """The times of every side.

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
        found = {name: Times() for name in sides}
        sums = {found[name].take(side) for _ in range(runs) for name, side in sides.items()}
        pool.close()
        pool.join()
    if len(sums) > 1:
        raise AssertionError(f"the sides differ: {sums}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="measure executor='processes'")
    parser.add_argument("--events", type=count, default=100_000, help="default 100000")
    add_options(parser, runs=5)
    options = parser.parse_args(arguments)
    found = measure(options.events, options.runs)
    for name, each in found.items():
        ratio = found["loop"].median / each.median
        print(f"{name:<5} {each.median * 1e3:9.1f} ms  {ratio:5.2f} x the loop")
    write_json(options.json, [{"name": name, "seconds": each.wall} for name, each in found.items()])


if __name__ == "__main__":
    main()
