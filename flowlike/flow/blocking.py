"""Event loops for callers that are not asynchronous: in their thread, or in one of its own."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol, TypeVar

from flowlike.stages.running import RunningStage

__all__ = ["Loop", "new_event_loop", "open_loop"]

Result = TypeVar("Result")


class Loop(Protocol):
    """Runs coroutines to their end, one after the other, on one event loop."""

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run ``main`` and return its result.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once ``main`` was cancelled and has closed everything.
        """


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - 15 ms that only who runs a flow pays
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextmanager
def open_loop() -> Iterator[Loop]:
    """A loop in this thread, or in another if one is running here already (a notebook)."""
    if asyncio._get_running_loop() is None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            yield _LoopHere(runner)
        return
    loop = _LoopInThread()
    try:
        yield loop
    finally:
        loop.close()


class _LoopHere:
    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """See :class:`Loop`.

        Raises:
            CancelledError: ``main`` was cancelled, by itself.
            KeyboardInterrupt: after Ctrl-C.
        """
        interrupted = False
        task: asyncio.Task[Any] | None = None

        async def run() -> Result:
            nonlocal task
            task = asyncio.current_task()
            return await main

        def interrupt(_: int, frame: FrameType | None) -> None:
            # Break into a user's function at once; otherwise let everything be closed first.
            nonlocal interrupted
            again, interrupted = interrupted, True
            if again or _in_callback(frame):
                raise KeyboardInterrupt
            if task is not None:
                self._runner.get_loop().call_soon_threadsafe(task.cancel)

        with _on_interrupt(interrupt):
            try:
                return self._runner.run(run())
            except asyncio.CancelledError:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise


class _LoopInThread:
    def __init__(self) -> None:
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="flowlike-loop", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """See :class:`Loop`.

        Raises:
            KeyboardInterrupt: after Ctrl-C.
        """
        future = asyncio.run_coroutine_threadsafe(main, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            if not future.done():
                future.cancel()
                self._wait_for_all()
            raise

    def _wait_for_all(self) -> None:
        """Wait until what was cancelled has closed everything."""

        async def others() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if tasks:
                await asyncio.wait(tasks)

        asyncio.run_coroutine_threadsafe(others(), self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextmanager
def _on_interrupt(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle Ctrl-C meanwhile, if this is the main thread and nobody else does."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _in_callback(frame: FrameType | None) -> bool:
    """True if a stage is calling a user's function on this thread."""
    while frame is not None:
        if frame.f_code is RunningStage.call.__code__:
            return True
        frame = frame.f_back
    return False
