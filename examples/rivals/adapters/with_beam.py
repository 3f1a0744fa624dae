"""How Apache Beam does the tasks, on its runner in this process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from rivals.tasks import (
    Array,
    chunks_of,
    count_lines,
    kernel,
    pieces_of,
    step,
    wanted,
)

CANNOT = {"two_cores": "its processes have to be started for each run, which takes seconds"}

_FOUND: list[Any] = []


def _keep(result: Any) -> None:
    _FOUND.append(result)


def _run(transform: Any, options: PipelineOptions | None = None) -> list[Any]:
    _FOUND.clear()
    with beam.Pipeline(runner=FnApiRunner(), options=options) as pipeline:
        pipeline | transform | beam.Map(_keep)
    return _FOUND


def pipeline(numbers: range) -> int:
    """``beam.Create | beam.Map(step) | beam.Filter(wanted) | CombineGlobally(sum)``, fused."""
    return int(
        _run(
            beam.Create([len(numbers)], reshuffle=False)
            | beam.FlatMap(_range)
            | beam.Map(step)
            | beam.Filter(wanted)
            | beam.CombineGlobally(sum)
        )[0]
    )


def _range(size: int) -> Iterable[int]:
    return range(size)


def word_count(path: Path) -> dict[str, int]:
    """Lists of 20 000 lines are counted ahead, then ``beam.CombinePerKey(sum)``; one core."""
    with path.open(encoding="utf-8") as lines:
        pieces = list(pieces_of(lines, 20_000))
    return dict(
        _run(beam.Create(pieces, reshuffle=False) | beam.FlatMap(_counts) | beam.CombinePerKey(sum))
    )


def _counts(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    return list(count_lines(lines).items())


def logistic(numbers: Array) -> Array:
    """``beam.Create(chunks) | beam.Map(kernel)``, chunks of 65 536, on one core."""
    return np.concatenate(_run(beam.Create(chunks_of(numbers), reshuffle=False) | beam.Map(kernel)))


start = pipeline
