"""How flowlike does the tasks."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

from rivals.tasks import Array, spin, step, wanted

from flowlike import Flow, ProcessRunner
from flowlike.native import logistic_map


@cache
def _runner() -> ProcessRunner:
    """Two worker processes, which are kept."""
    runner = ProcessRunner(2)
    atexit.register(runner.__enter__().__exit__, None, None, None)
    return runner


def pipeline(numbers: range) -> int:
    """``Flow.from_iterable(numbers, stages=1).map(step).filter(wanted)`` in a ``sum``."""
    return sum(Flow.from_iterable(numbers, stages=1).map(step).filter(wanted))


def word_count(path: Path) -> dict[str, int]:
    """``flat_map(str.split).partition().count_by()`` over the lines, ``ProcessRunner(2)`` kept."""
    with path.open(encoding="utf-8") as lines:
        flow = Flow.from_iterable(lines).flat_map(str.split).partition().count_by()
        return dict(flow.to_list(runner=_runner()))


def logistic(numbers: Array) -> Array:
    """``map_batch(kernel).to_array()`` in two stages; flowlike chooses the sizes of the batches."""
    bound = logistic_map.bind(num=10, p=6_700_417, mu=22)
    return Flow.from_iterable(numbers, stages=2).map_batch(bound).to_array()


def two_cores(numbers: range) -> int:
    """``map(spin)``, ``runner=ProcessRunner(2)``, which is kept; the sizes are flowlike's."""
    return sum(Flow.from_iterable(numbers).map(spin).to_list(runner=_runner()))


start = pipeline
