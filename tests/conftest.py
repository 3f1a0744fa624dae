"""What every test runs under, and probes for what flows read, close and leave behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import settings

# A shared machine may pause any example for longer than Hypothesis' 200 ms; pytest's own
# timeout is the fuse.
settings.register_profile("flowlike", deadline=None)
# Laws are tried thousands of times by
# `pytest --hypothesis-profile=campaign --timeout=0 tests/stages/laws tests/flow/laws`.
settings.register_profile("campaign", deadline=None, max_examples=5000)
settings.load_profile("flowlike")


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
