"""Probes for what worker processes leave behind."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flowlike import Flow
from flowlike.nodes.worker_process import WorkerProcess


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The workers that a test has started: each is ended, and no socket is left."""
    pids: list[int] = []
    original = WorkerProcess.__init__

    def init(self: WorkerProcess, number: int) -> None:
        original(self, number)
        pids.append(self.pid)

    monkeypatch.setattr(WorkerProcess, "__init__", init)
    Flow.from_iterable([0]).run()  # the first event loop of a process keeps two descriptors
    before = descriptors()
    yield pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert descriptors() <= before
