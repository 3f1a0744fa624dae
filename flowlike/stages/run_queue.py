"""The run queue: which stage has its turn next on this event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

__all__ = ["RunQueue", "Turn", "run_queue_on"]


class Turn(Protocol):
    """Whatever can stand in the queue."""

    def turn(self) -> None:
        """Do what there is to do now, without waiting."""


class RunQueue:
    """Gives turns to the stages of one loop, first come first served, but events go first.

    A stage that has got events goes before those that wait for anything else: so a batch runs down
    the whole pipeline while it is in the cache, and few batches exist at a time.

    One callback of the loop serves many turns, so that a message between two stages
    costs no pass through the loop; after ``SLICE`` seconds it lets the loop look after its
    timers and sockets.

    Args:
        loop: the event loop.
        clock: counts seconds, for whoever wants to know how long a turn takes.
    """

    SLICE = 0.002

    __slots__ = ("_front", "_loop", "_ready", "_scheduled", "clock")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._loop = loop
        self.clock = clock
        self._ready: deque[Turn] = deque()
        self._scheduled = False
        self._front = 0  # where the next stage that goes first is put

    def add(self, stage: Turn, *, first: bool = False) -> None:
        """Give the stage a turn, after those that stand in the queue or before them."""
        if first:
            # In the order in which one turn has woken them.
            self._ready.insert(self._front, stage)
            self._front += 1
        else:
            self._ready.append(stage)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        ready, clock = self._ready, self.clock
        until = clock() + self.SLICE
        try:
            while ready:
                stage = ready.popleft()
                self._front = 0
                stage.turn()
                if clock() > until:
                    break
        finally:
            if ready:
                # Who waits behind those that wake each other for ever has a turn now.
                ready.rotate(-self._front)
                self._front = 0
                self._loop.call_soon(self._run)
            else:
                self._scheduled = False


def run_queue_on(loop: asyncio.AbstractEventLoop) -> RunQueue:
    """A new run queue for ``loop``: of the loop's own kind if it makes one, as that for tests."""
    make: Callable[[], RunQueue] | None = getattr(loop, "new_run_queue", None)
    return RunQueue(loop) if make is None else make()
