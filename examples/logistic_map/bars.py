"""Measure flows over arrays against the threads that one would write by hand.

Run it with ``python examples/logistic_map/bars.py``; ``--help`` lists the options. The two sides of
a bar take turns, and who begins alternates. The table has the median of the flow, that of its
rival, and the ratio, by the clock on the wall and by the CPU time of the process, which others on
the machine disturb less. Results are compared with each other, as multisets where the order is
free, or the program fails.

- ``array``: `map_calc5` from an array, 2 stages, against two threads that pull chunks of 65 536
  numbers and write into a fresh ``np.empty``;
- ``chunks``: `map_calc8`, 2 stages, against the same;
- ``list``: `map_calc5` from a list of int, against ``kernel(np.fromiter(list)).tolist()``;
- ``array-128``, ``chunks-128``: 128 stages against 2;
- ``kernel``: the kernel against plain C, one thread each, in memory that was used before;
- ``portable``: the same with the path for any CPU, without AVX2 or AVX-512;
- ``blocking``: eight events of 100 ms each in threads, 8 stages, against eight threads;
- ``timers``: how late the latest timer rings while kernels run on every core, against two threads
  with the same kernels beside the loop.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
from comparing import Comparison, add_options, count, in_turns, write_json
from logistic_map.columns import MU, NUM, P
from logistic_map.map_calc import Array, map_calc5, map_calc8

from flowlike import Flow
from flowlike.native import Kernel, logistic_map, logistic_map_naive
from flowlike.native.logistic import paths

KERNEL: Kernel = logistic_map.bind(num=NUM, p=P, mu=MU)
PORTABLE: Kernel = paths()["portable"].bind(num=NUM, p=P, mu=MU)
CHUNK = 1 << 16
PAUSE = 0.1
TICK = 0.001


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a bar.

    Args:
        flow: is called without arguments.
        rival: the same.
        seconds: what of a result is its time; ``None``: the time of the call counts.
    """

    flow: Callable[[], Any]
    rival: Callable[[], Any]
    seconds: Callable[[Any], float] | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the table.

    Args:
        name: as ``--only`` takes it.
        wanted: the ratio that is not to be exceeded, or the seconds.
        rival: what the flow is compared with.
        prepare: makes both sides for a number of elements.
        absolute: whether ``wanted`` is a time of the flow, in seconds.
    """

    name: str
    wanted: float
    rival: str
    prepare: Callable[[int], Sides]
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured for a bar."""

    bar: Bar
    times: Comparison

    def __str__(self) -> str:
        wanted = f"{self.bar.wanted * 1e3:.0f} ms" if self.bar.absolute else f"{self.bar.wanted} x"
        by_cpu = f"  by CPU {self.times.cpu_ratio:5.2f} x" if self.times.ours.cpu else ""
        return f"{self.times.shown()}  {self.times.ratio:5.2f} x{by_cpu}  wanted {wanted}"

    def as_row(self) -> dict[str, Any]:
        """All that was measured."""
        wanted_is = "seconds" if self.bar.absolute else "ratio"
        return self.times.as_row() | {"wanted": self.bar.wanted, "wanted_is": wanted_is}


def two_threads(xs: Array) -> Array:
    """The rival by hand: no queue, no lock; the threads share an iterator of places."""
    out = np.empty(len(xs), np.int64)
    places = iter(range(0, len(xs), CHUNK))

    def work() -> None:
        for start in places:
            KERNEL(xs[start : start + CHUNK], out=out[start : start + CHUNK])

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def array(size: int) -> Sides:
    """`map_calc5` from an array."""
    xs = np.arange(1, size + 1)
    return Sides(lambda: map_calc5(xs, NUM, P, MU, 2), lambda: two_threads(xs))


def chunks(size: int) -> Sides:
    """`map_calc8` with its chunks of 1024."""
    xs = np.arange(1, size + 1)
    return Sides(lambda: map_calc8(xs, NUM, P, MU, 2), lambda: two_threads(xs))


def integers(size: int) -> Sides:
    """`map_calc5` from a list."""
    xs = list(range(1, size + 1))
    return Sides(
        lambda: map_calc5(xs, NUM, P, MU, 2),
        lambda: KERNEL(np.fromiter(xs, np.int64, len(xs))).tolist(),
    )


def many(program: Callable[..., Any], size: int) -> Sides:
    """128 stages against 2."""
    xs = np.arange(1, size + 1)
    return Sides(lambda: program(xs, NUM, P, MU, 128), lambda: program(xs, NUM, P, MU, 2))


def kernels(size: int, kernel: Kernel = KERNEL) -> Sides:
    """Our kernel, or another one, against plain C."""
    xs, out, naive = np.arange(1, size + 1), np.empty(size, np.int64), np.empty(size, np.int64)
    plain = logistic_map_naive.bind(num=NUM, p=P, mu=MU)
    return Sides(lambda: kernel(xs, out=out), lambda: plain(xs, out=naive))


def blocking(_: int) -> Sides:
    """Eight events that wait, whatever the size."""

    def wait(event: int) -> int:
        time.sleep(PAUSE)
        return event

    def by_hand() -> list[int]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(wait, range(8)))

    flow = Flow.from_iterable(range(8), stages=8).map(wait, executor="threads")
    return Sides(flow.to_list, by_hand)


def timers(size: int) -> Sides:
    """The latest of many timers, which ring every millisecond."""
    xs = np.arange(1, size + 1)

    async def latest(work: Callable[[], Any]) -> float:
        loop = asyncio.get_running_loop()
        worst, due = 0.0, loop.time() + TICK
        over = False

        def ring() -> None:
            nonlocal worst, due
            now = loop.time()
            worst, due = max(worst, now - due), now + TICK
            if not over:
                loop.call_at(due, ring)

        loop.call_at(due, ring)
        await work()
        over = True
        return worst

    flow = Flow.from_iterable(xs, stages=2).map_batch(KERNEL)

    async def by_hand() -> None:
        await asyncio.to_thread(two_threads, xs)

    return Sides(
        lambda: asyncio.run(latest(flow.arun)),
        lambda: asyncio.run(latest(by_hand)),
        seconds=float,
    )


BARS = (
    Bar("array", 1.15, "two threads by hand", array),
    Bar("chunks", 2.0, "two threads by hand", chunks),
    Bar("list", 1.15, "kernel(np.fromiter(...)).tolist()", integers),
    Bar("array-128", 1.2, "2 stages", partial(many, map_calc5)),
    Bar("chunks-128", 1.2, "2 stages", partial(many, map_calc8)),
    Bar("kernel", 0.11, "plain C", kernels),
    Bar("portable", 0.43, "plain C", partial(kernels, kernel=PORTABLE)),
    Bar("blocking", 0.15, "eight threads by hand", blocking, absolute=True),
    Bar("timers", 0.005, "two threads beside the loop", timers, absolute=True),
)


def measure(bar: Bar, runs: int, size: int) -> Found:
    """Call both sides ``runs`` times, after once for the results.

    Raises:
        AssertionError: the results differ.
    """
    sides = bar.prepare(size)
    if sides.seconds is None and not _same(sides.flow(), sides.rival()):
        raise AssertionError(f"{bar.name}: the flow and {bar.rival} differ")
    same = _same if sides.seconds is None else None
    times = Comparison(bar.name, bar.rival)
    in_turns(times, sides.flow, sides.rival, runs, same=same, seconds=sides.seconds)
    return Found(bar, times)


def _same(ours: Any, rivals: Any) -> bool:
    """Whether they are equal as multisets of numbers."""
    one, other = np.asarray(ours), np.asarray(rivals)
    if one.shape != other.shape or one.min() != other.min() or one.max() != other.max():
        return False
    low = one.min()
    return np.array_equal(np.bincount(one - low), np.bincount(other - low))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure flows over arrays against threads.")
    parser.add_argument("--size", type=count, default=1 << 25, help="numbers (default 2**25)")
    add_options(parser, runs=5, only={bar.name: bar for bar in BARS})
    arguments = parser.parse_args(argv)
    rows = []
    for bar in arguments.only:
        found = measure(bar, arguments.runs, arguments.size)
        print(found, flush=True)
        rows.append(found.as_row())
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
