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
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from comparing import Comparison, add_options, count, in_turns, write_json
from zipf_words import count_words, write_words

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


@dataclass(frozen=True, slots=True)
class Found:
    """The measurement of a bar.

    Args:
        bar: which one.
        size: of this measurement.
        times: of both sides.
    """

    bar: Bar
    size: int
    times: Comparison

    @property
    def ratio(self) -> float:
        """How fast the flow is as a multiple of its rival."""
        return 1 / self.times.ratio

    @property
    def cpu_ratio(self) -> float:
        """The same by the CPU time."""
        return 1 / self.times.cpu_ratio

    def __str__(self) -> str:
        return (
            f"{self.times.shown()}  {self.ratio:5.2f} x  by CPU {self.cpu_ratio:5.2f} x  "
            f"wanted {self.bar.wanted:.2f} x  ({self.size} {self.bar.unit})"
        )

    def as_row(self) -> dict[str, Any]:
        """All that was measured; ratios say how fast the flow is."""
        ratios = {"ratio": self.ratio, "cpu_ratio": self.cpu_ratio}
        return {"size": self.size, "wanted": self.bar.wanted} | self.times.as_row() | ratios


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

        yield Sides(count, lambda: count_words(path), dict)


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
    with bar.prepare(chosen) as sides:

        def same(ours: Any, rivals: Any) -> bool:
            return sides.shown(ours) == sides.shown(rivals)

        times = in_turns(Comparison(bar.name, bar.rival), sides.flow, sides.rival, runs, same=same)
    return Found(bar, chosen, times)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure flows against plain loops.")
    parser.add_argument("--size", type=count, help="of every bar, in its unit")
    add_options(parser, runs=5, only={bar.name: bar for bar in BARS})
    arguments = parser.parse_args(argv)
    rows = []
    for bar in arguments.only:
        found = measure(bar, arguments.runs, arguments.size)
        print(found, flush=True)
        rows.append(found.as_row())
    write_json(arguments.json, rows)


def _totals(states: list[Sums]) -> Sums:
    totals: Sums = {}
    for state in states:
        for key, value in state.items():
            totals[key] = totals.get(key, 0) + value
    return totals


if __name__ == "__main__":
    main()
