"""How bytewax does the tasks: dataflows that run in Rust and call Python with batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from operator import add
from pathlib import Path
from socket import socket
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main
from rivals.tasks import PIECE, Array, chunks_of, count_lines, kernel, spin, step, wanted


def pipeline(numbers: range) -> int:
    """``op.map`` and ``op.filter`` behind a source with ``batch_size=1000``, one worker."""
    found: list[int] = []
    flow = Dataflow("pipeline")
    events = op.input("numbers", flow, TestingSource(numbers, PIECE))
    events = op.filter("wanted", op.map("step", events, step), wanted)
    op.output("found", events, TestingSink(found))
    run_main(flow)
    return sum(found)


def word_count(path: Path) -> dict[str, int]:
    """``op.flat_map_batch`` counts 10 000 lines ahead, ``op.reduce_final`` sums by word."""
    found: list[tuple[str, int]] = []
    flow = Dataflow("words")
    with path.open(encoding="utf-8") as lines:
        events = op.input("lines", flow, TestingSource(lines, 10_000))
        counts = op.flat_map_batch("count", events, _counts)
        op.output("found", op.reduce_final("sum", counts, add), TestingSink(found))
        run_main(flow)
    return dict(found)


def _counts(lines: Iterable[str]) -> Iterable[tuple[str, int]]:
    counts: Counter[str] = count_lines(lines)
    return counts.items()


def logistic(numbers: Array) -> Array:
    """``op.map(kernel)`` over chunks of 65 536, one worker: with two it takes longer."""
    found: list[Array] = []
    flow = Dataflow("logistic")
    events = op.input("chunks", flow, TestingSource(chunks_of(numbers)))
    op.output("found", op.map("kernel", events, kernel), TestingSink(found))
    run_main(flow)
    return np.concatenate(found)


class _Share(StatelessSourcePartition[int]):
    def __init__(self, numbers: range) -> None:
        self._numbers = numbers

    def next_batch(self) -> range:
        if not self._numbers:
            raise StopIteration
        batch, self._numbers = self._numbers[:PIECE], self._numbers[PIECE:]
        return batch


class _Numbers(DynamicSource[int]):
    def __init__(self, numbers: range) -> None:
        self._numbers = numbers

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Share:
        return _Share(self._numbers[worker_index::worker_count])


def two_cores(numbers: range) -> int:
    """``op.map(spin)`` in a cluster of two processes, started for each run as it has to be."""
    with socket() as first, socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    processes = [
        context.Process(target=_spin_share, args=(numbers, addresses, index, sender))
        for index in range(2)
    ]
    for process in processes:
        process.start()
    total = sum(int(receiver.recv()) for _ in processes)
    for process in processes:
        process.join()
    return total


def _spin_share(numbers: range, addresses: list[str], index: int, sender: Connection[Any]) -> None:
    found: list[int] = []
    flow = Dataflow("spin")
    events = op.input("numbers", flow, _Numbers(numbers))
    op.output("found", op.map("spin", events, spin), TestingSink(found))
    cluster_main(flow, addresses, index)
    sender.send(sum(found))


start = pipeline
