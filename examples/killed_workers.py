"""Kill a worker in the middle of a long flow, again and again.

Run it with ``python examples/killed_workers.py``; ``--help`` lists the options. Each flow would
take ten seconds on two cores. When some events have come through, one of its workers is killed as
``kill -9`` does, and the time is taken until ``NodeLost`` is raised. The program fails if that
takes a second, if the error does not name the worker and the signal, or if a worker or an open
file is left at the end.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from comparing import count
from process_bars import work

from flowlike import Flow, NodeLost, ProcessRunner

EVENTS = 1_000_000
AT_MOST = 1.0
"""Seconds until the error is raised."""


def whose(number: int) -> tuple[int, int]:
    """Work for 20 microseconds; in which process."""
    return work(number), os.getpid()


def kill_one(runner: ProcessRunner, after: int, pids: set[int]) -> float:
    """Kill a worker of a flow.

    Args:
        runner: keeps the workers.
        after: how many events come through before.
        pids: takes those of the workers.

    Returns:
        The seconds until the error was raised.

    Raises:
        AssertionError: there was none, or it does not say what has happened.
    """
    flow = Flow.from_iterable(range(EVENTS)).map(whose).partition(key=0).map(tuple)
    arrived, victim, killed = 0, 0, 0.0
    try:
        for batch in flow.batches(runner=runner):
            arrived += len(batch)
            pids.update(pid for _, pid in batch)
            if not victim and arrived > after:
                victim = batch[-1][1]
                killed = perf_counter()
                os.kill(victim, signal.SIGKILL)
    except NodeLost as error:
        seconds = perf_counter() - killed
        said = f"{error}, status {error.status}"
        if error.status != -signal.SIGKILL or f"(pid {victim})" not in said or "layer" not in said:
            raise AssertionError(f"the error does not tell what has happened: {said}") from error
        return seconds
    raise AssertionError("a worker was killed, and the flow has not failed")


def files() -> int:
    """How many files this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


def is_there(pid: int) -> bool:
    """Whether there is a process, be it dead and not taken note of."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how long it took until the flows had failed.

    Raises:
        AssertionError: it took too long, or something is left.
    """
    parser = argparse.ArgumentParser(description="kill workers in the middle of flows")
    parser.add_argument("--times", type=count, default=50, help="default: 50")
    parser.add_argument("--workers", type=count, default=2, help="default: 2")
    options = parser.parse_args(arguments)
    Flow.from_iterable([0]).run()  # the first event loop keeps files open
    before = files()
    pids: set[int] = set()
    with ProcessRunner(options.workers) as runner:
        seconds = [kill_one(runner, 1000 * time, pids) for time in range(options.times)]
    print(f"{len(seconds)} x NodeLost, median {median(seconds):.3f} s, worst {max(seconds):.3f} s")
    if max(seconds) > AT_MOST:
        raise AssertionError(f"one took longer than {AT_MOST} s")
    if files() != before or any(map(is_there, pids)):
        raise AssertionError(f"{files() - before} files are left, or one of {pids}")


if __name__ == "__main__":
    main()
