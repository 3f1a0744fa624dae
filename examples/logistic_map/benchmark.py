"""Measure the eight programs of the article against C, OpenCL, NumPy and LLVM.

Run it with ``python examples/logistic_map/benchmark.py --help``.

Every column puts the numbers 1 to ``--size`` through ten rounds of the logistic map. The table
has the median of ``--runs`` runs; the columns take turns, so that a busy machine disturbs all
alike. "x c" is the time for a number as a multiple of column c: the plain loop in C on one
thread, which is always measured. Slow columns get fewer numbers, as the table says.

What is counted: from the input in memory to the result in memory. A column that is a flow also
starts and stops its stages, and pays the page faults of its result, which is new memory in
every run. The other columns write into one array that was used before, and pay none: the
comparison is in their favour. Nor is the time counted in which OpenCL or numba compile.

A column that cannot run here is refused with what it needs (``flowlike[opencl]``,
``flowlike[llvm]``, a device); ``--columns`` chooses others. The columns in OpenCL use all of the
device that ``FLOWLIKE_OPENCL_DEVICE`` names, or else of the best.

What is checked: the result of every column at every number of stages in its first run against
column c, number by number, or where the order is free (stages > 1) as a multiset. A difference
ends the program with status 1.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
from comparing import chosen_from, count, file_to_write, write_json
from logistic_map.columns import COLUMNS, MU, NUM, P
from logistic_map.map_calc import Array, Integers
from logistic_map.memory import measure_apart
from logistic_map.picture import draw, picture_path

from flowlike.errors import KernelError

GREATEST_SIZE = math.isqrt(2**63 // MU) - 1
"""Beyond it ``mu * x * (x + 1)`` overflows in plain C, and there is nothing to compare with."""


class WrongResultError(Exception):
    """A column computed something else than column c."""


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one column at one number of stages.

    Args:
        column: its name.
        stages: of the flow; ``None`` where it is none.
        size: how many numbers.
        seconds: of each run.
    """

    column: str
    stages: int | None
    size: int
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of the median run."""
        return statistics.median(self.seconds)

    @property
    def per_number(self) -> float:
        """Nanoseconds for one number."""
        return self.median / self.size * 1e9


class Benchmark:
    """The input, the memory for results, and the right result.

    Args:
        size: how many numbers.
        input: "array" or "list", what the flows get.
    """

    def __init__(self, size: int, input: str) -> None:
        self._array = np.arange(1, size + 1)
        self._numbers: Integers = self._array if input == "array" else self._array.tolist()
        self._out = np.empty(size, np.int64)
        COLUMNS["c"].program(self._array, self._out, 1)
        self._right = self._out.copy()
        self._counted: tuple[int, Array] = (0, np.empty(0, np.int64))

    def run(self, row: Row, *, check: bool) -> None:
        """Run a column once, and add its time to the row.

        Raises:
            WrongResultError: it is not the result of column c.
        """
        column = COLUMNS[row.column]
        source = self._numbers if column.staged else self._array
        xs = source[: row.size]
        out = self._out[: row.size]
        if not column.staged:
            out.fill(-1)  # or a column that did nothing would leave the right result of another
        started = time.perf_counter()
        result = column.program(xs, out, row.stages or 1)
        row.seconds.append(time.perf_counter() - started)
        if check and not self._is_right(np.asarray(result), row):
            stages = "" if row.stages is None else f" at stages {row.stages}"
            raise WrongResultError(f"column {row.column}{stages} differs from column c")

    def _is_right(self, result: Array, row: Row) -> bool:
        right = self._right[: row.size]
        if row.stages is None or row.stages == 1:
            return np.array_equal(result, right)
        if result.shape != right.shape or result.min() < 0 or result.max() >= P:
            return False
        # Counting is several times faster than sorting, and the right counts are kept.
        if self._counted[0] != row.size:
            self._counted = row.size, np.bincount(right, minlength=P)
        return np.array_equal(np.bincount(result, minlength=P), self._counted[1])


def measure(
    columns: Sequence[str], stages: Sequence[int], size: int, runs: int, input: str
) -> list[Row]:
    """Run all columns ``runs`` times, taking turns.

    Raises:
        WrongResultError: a column computed something else than column c.
    """
    benchmark = Benchmark(size, input)
    rows = [
        Row(name, each, COLUMNS[name].size(size))
        for name in columns
        for each in (stages if COLUMNS[name].staged else [None])
    ]
    for run in range(runs):
        print(f"run {run + 1} of {runs}", file=sys.stderr, flush=True)
        for row in rows:
            benchmark.run(row, check=run == 0)
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    plain_c = next(row for row in rows if row.column == "c")
    lines = [("column", "stages", "numbers", "median", "a number", "x c", "")]
    lines += [
        (
            row.column,
            "-" if row.stages is None else str(row.stages),
            str(row.size),
            f"{row.median * 1e3:.1f} ms",
            f"{row.per_number:.2f} ns",
            f"{row.per_number / plain_c.per_number:.3f}",
            COLUMNS[row.column].title,
        )
        for row in rows
    ]
    *widths, _ = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:], strict=True)),
                line[-1],
            ]
        ).rstrip()
        for line in lines
    )


def picture(rows: Sequence[Row], arguments: argparse.Namespace) -> None:
    """Draw the rows, for ``--plot``."""
    lines: dict[str, dict[int | None, float]] = {}
    for row in rows:
        seconds = row.per_number * 1e-9 * arguments.size
        label = row.column if row.size == arguments.size else f"{row.column} (from {row.size})"
        lines.setdefault(label, {})[row.stages] = seconds
    found = machine()
    title = (
        f"{NUM} rounds of the logistic map on {arguments.size} numbers, median of "
        f"{arguments.runs}\n"
        f"{found['cpus']} CPUs, {found['machine']}, Python {found['python']}"
    )
    draw(lines, title, arguments.plot)


def machine() -> dict[str, Any]:
    """What was measured on."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "flowlike": version("flowlike"),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def report(rows: Sequence[Row], arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as data, for ``--json``."""
    plain_c = next(row for row in rows if row.column == "c")
    return {
        "size": arguments.size,
        "runs": arguments.runs,
        "input": arguments.input,
        "num": NUM,
        "p": P,
        "mu": MU,
        "machine": machine(),
        "results": [
            {
                "column": row.column,
                "stages": row.stages,
                "size": row.size,
                "seconds": row.seconds,
                "median": row.median,
                "ns_per_number": row.per_number,
                "ratio_to_c": row.per_number / plain_c.per_number,
            }
            for row in rows
        ],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line, measure, print; 1 if a result was wrong."""
    arguments = parsed(argv)
    if arguments.memory:
        return print_memory(arguments)
    found = machine()
    print(
        f"{arguments.size} numbers, {NUM} rounds each, p = {P}, mu = {MU}; "
        f"median of {arguments.runs}; {found['cpus']} CPUs, {found['machine']}, "
        f"Python {found['python']}, NumPy {found['numpy']}",
        flush=True,
    )
    try:
        rows = measure(
            arguments.columns, arguments.stages, arguments.size, arguments.runs, arguments.input
        )
    except WrongResultError as error:
        print(f"wrong result: {error}", file=sys.stderr)
        return 1
    print(table(rows))
    print("checked: every result is that of column c, in order, or as a multiset at stages > 1")
    if any(row.size < arguments.size for row in rows):
        print("slow columns got fewer numbers, see above; 'x c' compares the times for a number")
    if arguments.plot:
        picture(rows, arguments)
    write_json(arguments.json, report(rows, arguments))
    return 0


def print_memory(arguments: argparse.Namespace) -> int:
    """Measure and print the peak memory of column 8 at every number of stages."""
    peaks = [measure_apart(arguments.size, stages) for stages in arguments.stages]
    for peak in peaks:
        print(peak)
    write_json(arguments.json, {"machine": machine(), "memory": [asdict(peak) for peak in peaks]})
    return 0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; a wrong one ends the program with a usage message and status 2."""
    parser = argparse.ArgumentParser(
        description="Measure the eight programs of the article against C, OpenCL, NumPy and LLVM.",
        epilog="columns: "
        + "; ".join(f"{name}: {column.title}" for name, column in COLUMNS.items()),
    )
    parser.add_argument(
        "--size",
        type=_size,
        default=0x2000000,
        metavar="N",
        help="how many numbers, also as 0x2000000 (the default)",
    )
    parser.add_argument(
        "--stages",
        type=_counts,
        default=[1, 2, 4, 8, 16, 32, 64, 128],
        metavar="N,...",
        help="replicas of the flows (default 1,2,4,8,16,32,64,128)",
    )
    parser.add_argument(
        "--columns",
        type=_columns,
        default=list(COLUMNS),
        metavar="NAME,...",
        help="default all; c is always measured",
    )
    parser.add_argument("--runs", type=count, default=5, metavar="N", help="default 5")
    parser.add_argument(
        "--input",
        choices=("array", "list"),
        default="array",
        help="what the flows get, and give back (default array)",
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="only measure the peak memory of column 8, in a process of its own",
    )
    parser.add_argument(
        "--json", type=file_to_write, metavar="FILE", help="write everything there, too"
    )
    parser.add_argument(
        "--plot",
        type=_picture,
        metavar="FILE",
        help="draw the times over the stages, as .png, .svg or .pdf (the extra flowlike[plot])",
    )
    arguments = parser.parse_args(argv)
    if not arguments.memory:
        _prepare(parser, arguments.columns)
    return arguments


def _prepare(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Prepare the columns; end the program where one cannot run here."""
    failures: dict[str, Exception] = {}
    for name in names:
        column = COLUMNS[name]
        try:
            if column.prepare is not None:
                column.prepare()
        except (KernelError, ModuleNotFoundError, ValueError) as error:
            failures[name] = error
    if failures:
        others = ",".join(name for name in names if name not in failures)
        parser.error(
            "".join(f"column {name} cannot run here: {failures[name]}\n" for name in failures)
            + f"or without: --columns {others}"
        )


def _counts(text: str) -> list[int]:
    return [count(each) for each in text.split(",")]


def _size(text: str) -> int:
    size = count(text)
    if size > GREATEST_SIZE:
        _refuse(f"must be at most {GREATEST_SIZE}, where plain C overflows, not {text}")
    return size


def _columns(text: str) -> list[str]:
    names = list(chosen_from({name: name for name in COLUMNS}, "column")(text))
    return names if "c" in names else ["c", *names]


def _picture(text: str) -> Path:
    try:
        return picture_path(text)
    except (ModuleNotFoundError, ValueError) as error:
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    raise argparse.ArgumentTypeError(message)


if __name__ == "__main__":
    sys.exit(main())
