"""Event loops for callers that are not asynchronous: in their thread, or in one of its own."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol, TypeVar

from flowlike.event_loop import new_event_loop
from flowlike.flow.interrupts import Interrupts, Still, on_interrupt
from flowlike.stages.running import GRACE, RunningStage, stage_calling

__all__ = ["Loop", "open_loop"]

Result = TypeVar("Result")

_LOOK = 0.1
"""Seconds after which a waiting thread looks for signals: one that comes just before it begins to
wait does not wake it."""


class Loop(Protocol):
    """Runs coroutines to their end, one after the other, on one event loop."""

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run ``main`` and return its result.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once ``main`` was cancelled and has closed everything.
        """


@contextmanager
def open_loop() -> Iterator[Loop]:
    """A loop in this thread, or in another if one is running here already (a notebook)."""
    loop = _LoopHere() if asyncio._get_running_loop() is None else _LoopInThread()
    try:
        yield loop
    finally:
        loop.close()


class _LoopHere:
    def __init__(self) -> None:
        # No asyncio.Runner: its close enters the loop twice, a third of the time of a short run.
        self._loop = new_event_loop()

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """See :class:`Loop`.

        Raises:
            CancelledError: ``main`` was cancelled, by itself.
            KeyboardInterrupt: after Ctrl-C.
        """
        interrupted = has_returned = False
        task: asyncio.Task[Any] | None = None

        async def run() -> Result:
            nonlocal task
            task = asyncio.current_task()
            if interrupted:  # before there was a task to cancel
                raise asyncio.CancelledError
            return await main

        def cancel() -> None:
            if task is not None:
                task.cancel()

        def make_sure(stage: RunningStage) -> None:
            # The function has returned as if nothing had been: it may have caught what was raised.
            nonlocal has_returned
            has_returned = True
            if stage.failure is None:
                cancel()

        def interrupt(frame: FrameType | None) -> Still | None:
            # Break into a user's function at once; otherwise let everything be closed first.
            nonlocal interrupted
            again, interrupted = interrupted, True
            stage = stage_calling(frame)
            if stage is not None:
                self._loop.call_soon_threadsafe(make_sure, stage)
            elif not again:
                self._loop.call_soon_threadsafe(cancel)
                return None
            return lambda frame: again or (not has_returned and stage_calling(frame) is stage)

        running = run()
        try:
            with on_interrupt(interrupt):
                result = _here_or_aside(lambda: self._loop.run_until_complete(running))
                task = None  # it calls weakrefs as it goes, which are safe from Ctrl-C only here
        except asyncio.CancelledError:
            if interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            for coroutine in (running, main):
                if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                    coroutine.close()  # interrupted before it began
        if interrupted:  # maybe when it was about to return, too late to be cancelled
            raise KeyboardInterrupt
        return result

    def close(self) -> None:
        """End what a user's functions have left on the loop, and close it.

        Raises:
            KeyboardInterrupt: Ctrl-C came meanwhile; the second time it breaks in.
        """
        interrupted = False

        def interrupt(_: FrameType | None) -> Still | None:
            nonlocal interrupted
            again, interrupted = interrupted, True
            return (lambda _: True) if again else None

        clearing = _clear(self._loop)
        try:
            with on_interrupt(interrupt):
                _here_or_aside(lambda: self._loop.run_until_complete(clearing))
        finally:
            if inspect.getcoroutinestate(clearing) == inspect.CORO_CREATED:
                clearing.close()  # interrupted before it began
            self._loop.close()
        if interrupted:
            raise KeyboardInterrupt


async def _clear(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that are left, and wait for them, generators and the default executor."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    for task, result in zip(left, await asyncio.gather(*left, return_exceptions=True), strict=True):
        if isinstance(result, Exception):
            context = {"message": "a task that was left failed", "exception": result, "task": task}
            loop.call_exception_handler(context)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


class _LoopInThread:
    def __init__(self) -> None:
        self._loop = new_event_loop()
        self._closing = False
        self._is_stuck = False
        self._interrupts = Interrupts()
        self._thread = threading.Thread(target=self._serve, name="flowlike-loop", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            while not self._closing:
                try:
                    runner.get_loop().run_forever()
                except (KeyboardInterrupt, SystemExit):
                    # The task that raised it has it too, and brings it to who waits in `run`.
                    continue

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """See :class:`Loop`.

        Raises:
            BaseException: what ``main`` has raised.
            KeyboardInterrupt: after Ctrl-C.
        """
        done: Future[Result] = Future()
        # Waited for by a bare lock: Ctrl-C inside concurrent.futures.wait may leave the future
        # locked, and the loop could not set its result any more.
        over = threading.Lock()
        over.acquire()
        done.add_done_callback(lambda _: over.release())
        running: asyncio.Task[None] | None = None
        task: asyncio.Task[Any] | None = None

        async def run() -> None:
            nonlocal task
            if done.done():
                return
            task = asyncio.current_task()
            try:
                result = await main
            except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
                done.set_exception(error)
            else:
                done.set_result(result)

        def start() -> None:
            # Made here, no coroutine is left unawaited when Ctrl-C comes before this is called.
            nonlocal running
            running = self._loop.create_task(run())  # a reference, for the loop keeps none

        def stop() -> None:
            if task is not None:
                task.cancel()
            else:
                main.close()
                done.set_exception(asyncio.CancelledError())

        try:
            with self._interrupts.reach_this_thread():
                self._loop.call_soon_threadsafe(start)
                while not over.acquire(timeout=_LOOK):
                    pass
                return done.result()
        except KeyboardInterrupt:
            if not done.done():
                self._loop.call_soon_threadsafe(stop)
                # A plain function that does not return cannot be ended; its thread is left.
                self._is_stuck = True
                self._is_stuck = not over.acquire(timeout=GRACE)
            raise

    def close(self) -> None:
        """End the loop and its thread."""
        self._closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        if not self._is_stuck:
            self._thread.join()


def _here_or_aside(function: Callable[[], Result]) -> Result:
    """Call ``function``, in a thread of its own if another loop is running here.

    An iterator may be dropped by the garbage collector in the middle of anything.
    """
    if asyncio._get_running_loop() is None:
        return function()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()
