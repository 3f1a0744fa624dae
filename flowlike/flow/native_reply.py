"""A batch on its way through the kernels of a replica, without a task that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import Any

from flowlike.batches import Batch
from flowlike.flow.calling import Caller
from flowlike.flow.native_pool import Job
from flowlike.operators import Calls
from flowlike.stages import Batches
from flowlike.stages.later import Later

__all__ = ["NativeReply", "Steps"]

Steps = Generator[Calls, list[Any], list[Batch]]


class NativeReply(Later[Batches]):
    """Drives a program on whenever its kernels are done; the result is what leaves the program.

    Args:
        steps: the program's generator.
        calls: the native calls that it has asked for.
        caller: has them done.
        started: when the generator did, by ``perf_counter``.
        go_on: gives a coroutine that does calls of other kinds, should there be any, and what
            comes after them.
    """

    __slots__ = ("_began", "_caller", "_go_on", "_job", "_seconds", "_steps", "_task")

    def __init__(
        self,
        steps: Steps,
        calls: Calls,
        caller: Caller,
        started: float,
        go_on: Callable[[Steps, Calls, float], Coroutine[Any, Any, Batches]],
    ) -> None:
        super().__init__(asyncio.get_running_loop())
        self._steps = steps
        self._caller = caller
        self._go_on = go_on
        self._seconds = 0.0  # that were worked, not waited
        self._began = started
        self._task: asyncio.Task[Batches] | None = None
        self._job: Job
        self._submit(calls)

    def cancel(self) -> None:
        """Give up; a call that runs cannot be ended, it goes on alone."""
        if self.done():
            return
        self._job.is_given_up = True
        if self._task is not None:
            self._task.cancel()
            return
        self._steps.close()
        super().cancel()

    def _submit(self, calls: Calls) -> None:
        self._seconds += perf_counter() - self._began
        self._job = self._caller.submit(calls, self._drive)

    def _drive(self, job: Job) -> None:
        """Let the program go on with what its calls have come to."""
        self._began = perf_counter()
        self._seconds += job.seconds
        steps = self._steps
        try:
            calls = steps.send(job.results) if job.error is None else steps.throw(job.error)
            while (results := self._caller.do_now(calls)) is not None:
                calls = steps.send(results)
        except StopIteration as done:
            self._seconds += perf_counter() - self._began
            self.set_result(Batches(done.value, seconds=self._seconds))
        except BaseException as error:  # noqa: BLE001 - it is the stage's
            self.set_exception(error)
        else:
            if Caller.is_native(calls):
                self._submit(calls)
            else:
                started = self._began - self._seconds
                self._task = asyncio.ensure_future(self._go_on(steps, calls, started))
                self._task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Batches]) -> None:
        if task.cancelled():
            super().cancel()
        elif (error := task.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(task.result())
