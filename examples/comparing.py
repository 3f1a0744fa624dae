"""What the benchmark programs have in common: two sides in turns, their times, the command line.

A program of this folder imports it as ``comparing``; one of a folder below puts this folder on
``sys.path`` first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "Comparison",
    "Times",
    "add_options",
    "chosen_from",
    "count",
    "file_to_write",
    "in_turns",
    "write_json",
]

T = TypeVar("T")


@dataclass(slots=True)
class Times:
    """Seconds of the runs of one side.

    Args:
        wall: by the clock on the wall.
        cpu: of all threads of the process, which others on the machine disturb less; empty where
            a side says itself how long it took.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, side: Callable[[], Any], seconds: Callable[[Any], float] | None = None) -> Any:
        """Call a side, and note how long it took.

        Args:
            side: is called without arguments.
            seconds: what of the result is its time, in place of that of the call.

        Returns:
            The result.
        """
        cpu, wall = time.process_time(), time.perf_counter()
        result = side()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if seconds is None:
            self.wall.append(wall)
            self.cpu.append(cpu)
        else:
            self.wall.append(seconds(result))
        return result

    @property
    def median(self) -> float:
        """The median by the clock on the wall."""
        return statistics.median(self.wall)

    @property
    def least(self) -> float:
        """The shortest by the clock on the wall: chance only ever adds."""
        return min(self.wall)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that do the same.

    Args:
        name: what is measured.
        rival: what it is compared with.
        ours: what it took.
        rivals: what the rival took.
    """

    name: str
    rival: str
    ours: Times = field(default_factory=Times)
    rivals: Times = field(default_factory=Times)

    @property
    def ratio(self) -> float:
        """The median as a multiple of the rival's."""
        return _as_multiple(self.ours.wall, self.rivals.wall)

    @property
    def cpu_ratio(self) -> float:
        """The same by CPU time."""
        return _as_multiple(self.ours.cpu, self.rivals.cpu)

    def shown(self, width: int = 10) -> str:
        """Both medians, as a row of a table begins.

        Args:
            width: of the column of names.
        """
        return (
            f"{self.name:<{width}} {self.ours.median * 1e3:9.3f} ms  "
            f"{self.rival:<34} {self.rivals.median * 1e3:9.3f} ms"
        )

    def as_row(self) -> dict[str, Any]:
        """All that was measured, for `write_json`."""
        row = {
            "name": self.name,
            "rival": self.rival,
            "seconds": self.ours.wall,
            "rival_seconds": self.rivals.wall,
            "ratio": self.ratio,
        }
        if self.ours.cpu:
            row["cpu_seconds"] = self.ours.cpu
            row["rival_cpu_seconds"] = self.rivals.cpu
            row["cpu_ratio"] = self.cpu_ratio
        return row


def _as_multiple(ours: list[float], rivals: list[float]) -> float:
    """Of so little work a clock may see none."""
    return statistics.median(ours) / max(statistics.median(rivals), 1e-9)


def in_turns(
    comparison: Comparison,
    ours: Callable[[], Any],
    rivals: Callable[[], Any],
    runs: int,
    *,
    same: Callable[[Any, Any], bool] | None = None,
    seconds: Callable[[Any], float] | None = None,
) -> Comparison:
    """Call both sides ``runs`` times, after once for nothing; who begins alternates.

    Args:
        comparison: gets the times.
        ours: one side.
        rivals: the other side.
        runs: how often each.
        same: whether the first results are the same; None: they need not be.
        seconds: what of a result is its time; None: the time of the call counts.

    Returns:
        The comparison.

    Raises:
        AssertionError: the results differ.
    """
    first = ours(), rivals()
    if same is not None and not same(*first):
        raise AssertionError(f"{comparison.name}: the flow and {comparison.rival} differ")
    del first  # or memory that it pins would not be used again
    both = [(comparison.ours, ours), (comparison.rivals, rivals)]
    for _ in range(runs):
        for times, side in both:
            times.take(side, seconds)
        both.reverse()
    return comparison


def add_options(
    parser: argparse.ArgumentParser,
    *,
    runs: int,
    only: Mapping[str, Any] | None = None,
    noun: str = "",
) -> None:
    """The options of all benchmarks: ``--runs``, ``--json`` and, where there are rows, ``--only``.

    Args:
        parser: gets them.
        runs: how many, by default.
        only: the rows by name; ``arguments.only`` is a tuple of those that are chosen.
        noun: what a row is called, for messages.
    """
    parser.add_argument("--runs", type=count, default=runs, metavar="N", help=f"default {runs}")
    if only is not None:
        parser.add_argument(
            "--only",
            type=chosen_from(only, noun),
            default=tuple(only.values()),
            metavar="A,B",
            help=f"default all: {','.join(only)}",
        )
    parser.add_argument(
        "--json", type=file_to_write, metavar="FILE", help="write all times there, too"
    )


def count(text: str) -> int:
    """An argument: a whole number, also as ``0x400``.

    Raises:
        argparse.ArgumentTypeError: it is none, or below 1.
    """
    try:
        number = int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return number


def chosen_from(known: Mapping[str, T], noun: str = "") -> Callable[[str], tuple[T, ...]]:
    """The type of an argument: names with commas between them, each at most once.

    Args:
        known: what each name stands for.
        noun: what they are names of, for the message.

    Example:
        >>> chosen_from({"a": 1, "b": 2, "c": 3})("c,a")
        (3, 1)
    """

    def chosen(text: str) -> tuple[T, ...]:
        names = list(dict.fromkeys(text.split(",")))
        for name in names:
            if name not in known:
                what = f"{noun} {name!r}" if noun else repr(name)
                raise argparse.ArgumentTypeError(f"there is no {what}, only {', '.join(known)}")
        return tuple(known[name] for name in names)

    return chosen


def file_to_write(text: str) -> Path:
    """An argument: a file in a folder that is there.

    Raises:
        argparse.ArgumentTypeError: the folder is not.
    """
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}")
    return path


def write_json(path: Path | None, content: Any) -> None:
    """Write what ``--json`` asks for; nothing where it was not given."""
    if path is not None:
        path.write_text(json.dumps(content, indent=2) + "\n")
