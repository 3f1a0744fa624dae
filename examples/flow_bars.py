"""Measure flows against the plain loops that do the same work.

Run it with ``python examples/flow_bars.py``; ``--help`` lists the options. Each bar is a flow and
its rival, which take turns. The table has how fast the flow is as a multiple of its rival
(the median time of the rival over that of the flow: 0.5 means half as fast), by the clock on the
wall and by the CPU time of the process. Both must give the same result, or the program fails.

- ``integers``: five million numbers, map, filter, partition, reduce;
- ``pairs``: a million (key, value) pairs summed by key, with a trigger after every 1024 events;
- ``arrays``: the same from an array with ``reduce_batch``, against NumPy;
- ``words``: word count of a file of 50 MB, which the program makes;
- ``join``: a million (key, value) pairs joined with a million others, each with one match;
- ``windows``: a million (time, value) pairs summed in fixed windows of event time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from zipf_words import write_words

from flowlike import FixedWindow, Flow, GlobalWindow

EVERY = 1024
KEYS = 1000
Sums = dict[int, int]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a bar, ready to be called again and again.

    Args:
        flow: runs the flow and gives its result.
        rival: does the same by a plain loop.
        shown: what of the results has to be equal; not timed.
    """

    flow: Callable[[], Any]
    rival: Callable[[], Any]
    shown: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the table.

    Args:
        name: as ``--only`` takes it.
        size: how much there is to do, in ``unit``.
        unit: what is counted.
        wanted: the ratio to reach.
        rival: what the flow is compared with.
        prepare: makes both sides for a size, and tidies up when its block is left.
    """

    name: str
    size: int
    unit: str
    wanted: float
    rival: str
    prepare: Callable[[int], AbstractContextManager[Sides]]


@dataclass(slots=True)
class Times:
    """What the runs of one side took, in seconds.

    Args:
        wall: by the clock on the wall.
        cpu: of all threads of the process.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, function: Callable[[], Any]) -> None:
        """Call the function and note how long it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


@dataclass(frozen=True, slots=True)
class Found:
    """The measurement of a bar.

    Args:
        bar: which one.
        size: of this measurement.
        flow: what the flow took.
        rival: what its rival took.
    """

    bar: Bar
    size: int
    flow: Times
    rival: Times

    @property
    def ratio(self) -> float:
        """How fast the flow is as a multiple of its rival."""
        return statistics.median(self.rival.wall) / statistics.median(self.flow.wall)

    @property
    def cpu_ratio(self) -> float:
        """The same by the CPU time."""
        return statistics.median(self.rival.cpu) / statistics.median(self.flow.cpu)

    def __str__(self) -> str:
        ours = statistics.median(self.flow.wall) * 1e3
        rivals = statistics.median(self.rival.wall) * 1e3
        return (
            f"{self.bar.name:<9} {self.size:9} {self.bar.unit:<8} {ours:9.1f} ms  "
            f"{self.bar.rival:<24} {rivals:9.1f} ms  "
            f"{self.ratio:5.2f} x  (CPU {self.cpu_ratio:.2f} x, wanted {self.bar.wanted:.2f} x)"
        )


def integers(size: int) -> AbstractContextManager[Sides]:
    """Map, filter, then a sum in each of two partitions."""

    def step(number: int) -> int:
        return 3 * number + 1

    def wanted(number: int) -> bool:
        return number % 5 != 0

    def add(total: int, number: int) -> int:
        return total + number

    flow = (
        Flow.from_iterable(range(size))
        .map(step)
        .filter(wanted)
        .partition(stages=2)
        .reduce(int, add)
        .emit("state")
    )

    def loop() -> list[int]:
        totals = [0, 0]
        for event in range(size):
            number = step(event)
            if wanted(number):
                partition = hash(number) % 2
                totals[partition] = add(totals[partition], number)
        return totals

    return nullcontext(Sides(flow.to_list, loop, sum))


def pairs(size: int) -> AbstractContextManager[Sides]:
    """Sums by key in two partitions, each of which hands its sums on after every 1024 events."""
    numbers = random.Random(1)
    events = [(numbers.randrange(KEYS), number) for number in range(size)]

    def add(sums: Sums, pair: tuple[int, int]) -> Sums:
        key, value = pair
        sums[key] = sums.get(key, 0) + value
        return sums

    window = GlobalWindow().trigger_every(EVERY, "reset")
    flow = (
        Flow.from_iterable(events)
        .partition(stages=2, key=0, window=window)
        .reduce(dict, add)
        .emit("state")
    )

    def loop() -> list[Sums]:
        fired: list[Sums] = []
        states: list[Sums] = [{}, {}]
        counts = [0, 0]
        for event in events:
            partition = hash(event[0]) % 2
            states[partition] = add(states[partition], event)
            counts[partition] += 1
            if counts[partition] == EVERY:
                fired.append(states[partition])
                states[partition], counts[partition] = {}, 0
        return [*fired, *states]

    return nullcontext(Sides(flow.to_list, loop, _totals))


def arrays(size: int) -> AbstractContextManager[Sides]:
    """The same sums from an array of two columns, by `numpy.bincount`."""
    events = np.random.default_rng(1).integers(0, KEYS, (size, 2))

    def zeros() -> Array:
        return np.zeros(KEYS)

    def add(sums: Array, batch: Array) -> Array:
        return sums + np.bincount(batch[:, 0], batch[:, 1], KEYS)

    window = GlobalWindow().trigger_every(EVERY, "reset")
    flow = (
        Flow.from_iterable(events)
        .partition(stages=2, key=0, window=window)
        .reduce_batch(zeros, add)
        .emit("state")
    )

    def loop() -> list[Array]:
        fired: list[Array] = []
        partitions = events[:, 0] % 2
        for partition in range(2):
            part = events[partitions == partition]
            starts = range(0, len(part), EVERY)
            fired.extend(add(zeros(), part[start : start + EVERY]) for start in starts)
        return fired

    def total(states: list[Array]) -> list[float]:
        return np.sum(states, axis=0).tolist()  # type: ignore[no-any-return]

    return nullcontext(Sides(flow.to_list, loop, total))


@contextmanager
def words(size: int) -> Iterator[Sides]:
    """Count the words of a file: few words are frequent and most are rare, as in a language."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.txt"
        write_words(path, size)

        def count() -> dict[str, int]:
            with path.open(encoding="utf-8") as lines:
                flow = Flow.from_iterable(lines).flat_map(str.split).partition(stages=2).count_by()
                return dict(flow.to_list())

        def loop() -> dict[str, int]:
            counts: dict[str, int] = {}
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    for word in line.split():
                        counts[word] = counts.get(word, 0) + 1
            return counts

        yield Sides(count, loop, dict)


def join(size: int) -> AbstractContextManager[Sides]:
    """An inner join on integer keys, which come in another order on either side."""
    numbers = random.Random(1)
    left = [(key, 2 * key) for key in numbers.sample(range(size), size)]
    right = [(key, 3 * key) for key in numbers.sample(range(size), size)]
    flow = Flow.from_iterable(left).join(
        Flow.from_iterable(right), left_key=0, right_key=0, stages=2
    )

    def loop() -> list[Any]:
        table: dict[int, list[tuple[int, int]]] = {}
        for event in right:
            table.setdefault(event[0], []).append(event)
        return [(event, match) for event in left for match in table.get(event[0], ())]

    return nullcontext(Sides(flow.to_list, loop, sorted))


def windows(size: int) -> AbstractContextManager[Sides]:
    """The sum of each window of ten seconds; a hundred events a second come nearly in order."""
    numbers = random.Random(1)
    events = [(number // 100 + numbers.randrange(5), number) for number in range(size)]

    def add(total: int, event: tuple[int, int]) -> int:
        return total + event[1]

    window = FixedWindow(10, by=itemgetter(0)).allowed_lateness(10)
    flow = (
        Flow.from_iterable(events)
        .partition(stages=1, window=window)
        .reduce(int, add)
        .map_state(lambda total, context: (context.window_id, total))
        .emit("state")
    )

    def loop() -> list[tuple[int, int]]:
        totals: dict[int, int] = {}
        for event in events:
            window_id = event[0] // 10 * 10
            totals[window_id] = add(totals.get(window_id, 0), event)
        return list(totals.items())

    return nullcontext(Sides(flow.to_list, loop, dict))


BARS = (
    Bar("integers", 5_000_000, "numbers", 0.5, "a loop over range", integers),
    Bar("pairs", 1_000_000, "pairs", 0.6, "a loop with dicts", pairs),
    Bar("arrays", 1_000_000, "rows", 0.5, "a loop over NumPy slices", arrays),
    Bar("words", 50_000_000, "bytes", 0.75, "a dict loop over the file", words),
    Bar("join", 1_000_000, "pairs", 0.5, "a dict of lists", join),
    Bar("windows", 1_000_000, "pairs", 0.5, "a loop with a dict", windows),
)


def measure(bar: Bar, runs: int, size: int | None = None) -> Found:
    """Time both sides of a bar in turns, after a first run that compares their results.

    Args:
        bar: which one.
        runs: how often.
        size: in place of the bar's own.

    Raises:
        AssertionError: the results differ.
    """
    chosen = bar.size if size is None else size
    found = Found(bar, chosen, Times(), Times())
    with bar.prepare(chosen) as sides:
        if sides.shown(sides.flow()) != sides.shown(sides.rival()):
            raise AssertionError(f"{bar.name}: the flow and {bar.rival} differ")
        for _ in range(runs):
            found.flow.take(sides.flow)
            found.rival.take(sides.rival)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure flows against plain loops.")
    parser.add_argument("--size", type=_count, help="of every bar, in its unit")
    parser.add_argument("--runs", type=_count, default=5, help="default 5")
    parser.add_argument("--only", type=_bars, default=BARS, metavar="A,B", help="default all")
    parser.add_argument("--json", type=_file, metavar="FILE", help="write all times there, too")
    arguments = parser.parse_args(argv)
    rows = []
    for bar in arguments.only:
        found = measure(bar, arguments.runs, arguments.size)
        print(found, flush=True)
        rows.append(
            {
                "name": bar.name,
                "size": found.size,
                "rival": bar.rival,
                "seconds": found.flow.wall,
                "rival_seconds": found.rival.wall,
                "cpu_seconds": found.flow.cpu,
                "rival_cpu_seconds": found.rival.cpu,
                "ratio": found.ratio,
                "wanted": bar.wanted,
            }
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


def _totals(states: list[Sums]) -> Sums:
    totals: Sums = {}
    for state in states:
        for key, value in state.items():
            totals[key] = totals.get(key, 0) + value
    return totals


def _bars(text: str) -> tuple[Bar, ...]:
    known = {bar.name: bar for bar in BARS}
    unknown = [name for name in text.split(",") if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}, only {', '.join(known)}")
    return tuple(known[name] for name in text.split(","))


def _file(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    return path


def _count(text: str) -> int:
    count = int(text, 0)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    main()
