"""Who goes next, drawn from a seed: among the stages that are ready, and among the tasks."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from flowlike.stages.run_queue import RunQueue, Turn

__all__ = ["SeededRunQueue", "Shuffle"]


class SeededRunQueue(RunQueue):
    """Gives the next turn to any stage that is ready; a seed decides to which.

    After a few turns, by chance, it lets tasks and timers go first. Messages from one stage to
    another still arrive in the order in which they were sent: no more is promised, and whatever
    a run queue may do, this one does under some seed.

    Args:
        loop: the event loop of the stages.
        random: the source of all choices.
    """

    MOST_TURNS = 6

    __slots__ = ("_random",)

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        super().__init__(loop, loop.time)
        self._random = random

    def add(self, stage: Turn, *, first: bool = False) -> None:
        """Give the stage a turn, some time."""
        self._ready.append(stage)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        ready = self._ready
        try:
            for _ in range(self._random.randint(1, self.MOST_TURNS)):
                if not ready:
                    break
                ready.rotate(-self._random.randrange(len(ready)))
                ready.popleft().turn()
        finally:
            if ready:
                self._loop.call_soon(self._run)
            else:
                self._scheduled = False


class Shuffle:
    """Callbacks of a loop that may overtake each other: steps of tasks, and turns of stages.

    asyncio keeps the order of all callbacks, and its transports rely on that; the order in
    which tasks go on is none that a program should rely on.

    Args:
        random: the source of all choices.
    """

    __slots__ = ("_random", "_waiting")

    def __init__(self, random: Random) -> None:
        self._random = random
        self._waiting: list[asyncio.Handle] = []

    def takes(self, callback: Any) -> bool:
        """Whether this callback is a step of a task or of a run queue."""
        return isinstance(getattr(callback, "__self__", None), (asyncio.Task, RunQueue))

    def put(self, handle: asyncio.Handle) -> None:
        """Let a callback wait; :meth:`run_one` is called as often as this was."""
        self._waiting.append(handle)

    def run_one(self) -> None:
        """Run one of those that wait."""
        handle = self._waiting.pop(self._random.randrange(len(self._waiting)))
        if not handle.cancelled():
            handle._run()
