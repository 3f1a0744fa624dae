"""Threads for kernels: they take runs of calls, and wake the loop once for each run.

A hop to a thread and back costs as much as a kernel needs for 30 000 numbers. So calls that
come together, of whatever replicas, go together, as many as keep a thread busy for about a
millisecond; what is too little for that is done by the loop itself.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import thread_time
from typing import Any

from flowlike.operators import Calls

__all__ = ["Job", "NativePool"]

RUN = 0.001
"""Seconds that a run should take: long beside a hop, short beside the patience of a timer."""

WORTH_A_HOP = 0.0001
"""Seconds: all that waits is done by the loop if it takes less and every thread sleeps; to wake one
costs about that much."""


class Job:
    """Calls of one replica, on their way through a pool.

    Args:
        calls: the function, and each argument.
        estimate: how many seconds they will probably take; infinite if nobody knows.
        reply: called with the job on the loop's thread, when they are done.

    Attributes:
        results: in the order of the arguments; only if there is no error.
        error: what a call has raised.
        seconds: the CPU time of the calls.
        is_given_up: whether nobody waits for it any more, so that it need not begin.
    """

    __slots__ = ("_calls", "_reply", "error", "estimate", "is_given_up", "results", "seconds")

    def __init__(
        self, calls: Calls, estimate: Callable[[Calls], float], reply: Callable[[Job], None]
    ) -> None:
        self._calls = calls
        self._reply = reply
        self.estimate = partial(estimate, calls)
        self.results: list[Any] = []
        self.error: BaseException | None = None
        self.seconds = 0.0
        self.is_given_up = False

    def run(self, started: float) -> float:
        """Do the calls, in whatever thread this is.

        Args:
            started: the CPU time of the thread before, and so the end of the job before: to ask for
                it is a call of the system, at which the thread may lose its core.

        Returns:
            The CPU time of the thread after.
        """
        if self.is_given_up:
            return started
        function = self._calls.function
        try:
            self.results = [function(argument) for argument in self._calls.arguments]
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error
        ended = thread_time()
        self.seconds = ended - started
        return ended

    def reply(self) -> None:
        """Tell who waits."""
        if not self.is_given_up:
            self._reply(self)


class NativePool:
    """Does jobs in as many threads as there are cores; more would get in each other's way.

    All methods are called on the thread of one event loop.

    Args:
        cores: the most threads; they are started when they are needed.

    Attributes:
        threads: those that were started.
    """

    def __init__(self, cores: int) -> None:
        self.threads: list[Thread] = []
        self._cores = cores
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[Job] = []  # the run that is being put together
        self._expected = 0.0  # seconds that it will take
        self._unknown: list[Job] = []
        self._runs: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._out = 0  # runs that have not come back
        self._done: deque[list[Job]] = deque()
        self._wakes = False  # whether the loop was told of those that are done
        self._flushes = False
        self._is_closed = False
        self._hold: AbstractContextManager[None] | None = None

    def submit(self, job: Job) -> None:
        """Have a job done; its reply comes later, never before this returns."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        expected = job.estimate()
        if math.isinf(expected) and self._out >= self._cores:
            self._unknown.append(job)  # until the first have come back, and show what it costs
            return
        self._waiting.append(job)
        self._expected += expected
        # Where a thread is idle a long job begins at once; else it may wait for company.
        if self._expected >= (WORTH_A_HOP if self._out < self._cores else RUN):
            self._send()
        elif not self._flushes:
            self._flushes = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """End the threads as soon as their calls return; what waits is dropped."""
        self._is_closed = True
        self._waiting, self._unknown = [], []
        while True:
            try:
                self._runs.get_nowait()
            except Empty:
                break
        for _ in self.threads:
            self._runs.put(None)
        self._release()

    def _flush(self) -> None:
        """Everybody had a turn, and no more will come along with what waits."""
        self._flushes = False
        if not self._waiting:
            return
        if self._expected >= WORTH_A_HOP or self._out:  # then a thread is awake
            self._send()
            return
        run, self._waiting, self._expected = self._waiting, [], 0.0
        for job in run:
            job.run(thread_time())
            job.reply()

    def _send(self) -> None:
        run, self._waiting, self._expected = self._waiting, [], 0.0
        self._out += 1
        if self._hold is None and (outside := getattr(self._loop, "outside", None)) is not None:
            self._hold = outside()  # the clock of a loop for tests stands meanwhile
            self._hold.__enter__()
        self._runs.put(run)
        if len(self.threads) < min(self._out, self._cores):
            name = f"flowlike-native_{len(self.threads)}"
            thread = Thread(target=self._serve, name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (run := self._runs.get()) is not None:
            now = thread_time()
            for job in run:
                now = job.run(now)
            self._done.append(run)
            # Nothing may be kept alive while the thread waits.
            del run, job
            if self._wakes or self._loop is None:
                continue
            self._wakes = True
            try:
                self._loop.call_soon_threadsafe(self._reply)
            except RuntimeError:  # the loop was closed meanwhile, and nobody waits any more
                return

    def _reply(self) -> None:
        self._wakes = False  # before looking: what comes from now on wakes the loop again
        if self._is_closed:
            return
        while self._done:
            self._out -= 1
            for job in self._done.popleft():
                job.reply()
        unknown, self._unknown = self._unknown, []
        for job in unknown:
            self.submit(job)
        if not self._out:
            self._release()

    def _release(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.__exit__(None, None, None)
