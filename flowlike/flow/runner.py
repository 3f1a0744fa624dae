"""Where flows run: the protocol of a runner, and which one is used by default."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from flowlike.stages import StageGroup

__all__ = ["Runner", "default_runner", "set_default_runner"]


@runtime_checkable
class Runner(Protocol):
    """Decides where the stages of a flow live."""

    def open(self) -> AbstractAsyncContextManager[StageGroup]:
        """A group that owns the stages of one run."""


_default: list[Callable[[], Runner]] = []


def set_default_runner(make: Callable[[], Runner]) -> None:
    """Name the runner that is used where none was given. Called by ``flowlike.runners``."""
    _default[:] = [make]


def default_runner() -> Runner:
    """A new runner of the default kind."""
    return _default[0]()
