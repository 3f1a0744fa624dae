"""A probe for calls that run at the same time."""

from __future__ import annotations

import threading

import pytest


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
