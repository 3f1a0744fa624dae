"""How flowlike does the tasks."""

from __future__ import annotations

from pathlib import Path

from rivals.tasks import Array, spin, step, two_processes, wanted

from flowlike import Flow
from flowlike.native import logistic_map


def pipeline(numbers: range) -> int:
    """``Flow.from_iterable(numbers, stages=1).map(step).filter(wanted)`` in a ``sum``."""
    return sum(Flow.from_iterable(numbers, stages=1).map(step).filter(wanted))


def word_count(path: Path) -> dict[str, int]:
    """``flat_map(str.split).partition(stages=2).count_by()`` over the lines of the open file."""
    with path.open(encoding="utf-8") as lines:
        flow = Flow.from_iterable(lines).flat_map(str.split).partition(stages=2).count_by()
        return dict(flow.to_list())


def logistic(numbers: Array) -> Array:
    """``map_batch(kernel).to_array()`` in two stages; flowlike chooses the sizes of the batches."""
    bound = logistic_map.bind(num=10, p=6_700_417, mu=22)
    return Flow.from_iterable(numbers, stages=2).map_batch(bound).to_array()


def two_cores(numbers: range) -> int:
    """``map(spin, executor=ProcessPoolExecutor(2))`` in two stages; the sizes are flowlike's."""
    return sum(Flow.from_iterable(numbers, stages=2).map(spin, executor=two_processes()))


start = pipeline
