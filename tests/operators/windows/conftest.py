"""Windows driven by hand: a table of what happens when, and what leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flowlike.operators import Program, compile_program, run_inline


class Story:
    """A program, and what left it; processing time goes on by hand.

    Args:
        program: the program.

    Attributes:
        now: processing time.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.now = 0.0
        program.begin(0.0)

    def push(self, batch: Any, upstream: int = 0) -> list[Any]:
        """The events that leave."""
        return self._events(self.program.push(batch, upstream, self.now))

    def ended(self, upstream: int) -> list[Any]:
        """The same for the end of a producer."""
        return self._events(self.program.upstream_ended(upstream, self.now))

    def wait(self, seconds: float) -> list[Any]:
        """Let time pass; whenever the program has asked for it, it gets a tick."""
        left = []
        end = self.now + seconds
        while (due := self.program.deadline) is not None and due <= end:
            self.now = due
            left += self._events(self.program.tick(due))
        self.now = end
        return left

    def finish(self) -> list[Any]:
        """The events that leave at the end."""
        left = self._events(self.program.finish(self.now))
        assert self.program.deadline is None
        return left

    def _events(self, steps: Any) -> list[Any]:
        batches = run_inline(steps)
        assert all(len(batch) for batch in batches)
        return [event for batch in batches for event in batch]


@pytest.fixture
def story(layer: Callable[..., Any]) -> Callable[..., Story]:
    """``story(*operators, window=, upstreams=1, key=None)``."""

    def tell(*operators: Any, window: Any, upstreams: int = 1, key: Any = None) -> Story:
        described = layer(*operators, window=window)
        program = compile_program(
            described, partition=0, partitions=1, upstreams=upstreams, key=key
        )
        return Story(program)

    return tell


@pytest.fixture
def told(story: Callable[..., Story]) -> Callable[..., list[Any]]:
    """``told(inputs, *operators, window=)``: all that leaves for batches of one producer."""

    def tell(inputs: Iterable[Any], *operators: Any, **options: Any) -> list[Any]:
        one = story(*operators, **options)
        left = []
        for batch in inputs:
            left += one.push(batch)
        return left + one.finish()

    return tell
