"""Probes for flows: what was read, what was closed, what was left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Every thread that a test's flows have started has ended with them."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not left


class Numbers:
    """A one-shot iterator over 0, 1, 2, ... that counts its readings and closings."""

    def __init__(self, stop: float = float("inf")) -> None:
        self.read = 0
        self.closed = 0
        self.threads: set[threading.Thread] = set()
        self._stop = stop

    def __iter__(self) -> Numbers:
        return self

    def __next__(self) -> int:
        self.threads.add(threading.current_thread())
        if self.read >= self._stop:
            raise StopIteration
        self.read += 1
        return self.read - 1

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def numbers() -> type[Numbers]:
    """``numbers(stop)``: see `Numbers`."""
    return Numbers


class AtOnce:
    """Counts how many calls are inside at the same time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.fixture
def at_once() -> AtOnce:
    """``with at_once:`` around what is counted, then ``at_once.most``."""
    return AtOnce()
