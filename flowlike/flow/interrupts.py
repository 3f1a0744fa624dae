"""Ctrl-C for a thread that blocks until a flow has ended."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _thread
import asyncio
import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from queue import SimpleQueue
from time import sleep
from types import FrameType
from typing import Any, TypeAlias

__all__ = ["Interrupts", "Still", "on_interrupt"]

Still: TypeAlias = Callable[[FrameType | None], bool]
"""Whether a ``KeyboardInterrupt`` is still to be raised where the thread is."""

# Those of `signal` try to make enums of handlers, which costs a run more than to enter its loop.
_handler_of: Callable[[int], Any] = _signal.getsignal
_handle_by: Callable[[int, Any], Any] = _signal.signal

_MOMENT = 0.001
"""Seconds after which Ctrl-C comes again; Python has left the destructor that it was lost in."""


def on_interrupt(
    answer: Callable[[FrameType | None], Still | None],
) -> AbstractContextManager[None]:
    """Answer Ctrl-C meanwhile, if this is the main thread and nobody else does.

    Args:
        answer: is told where the thread is. ``None`` for an answer means that Ctrl-C is noted;
            otherwise ``KeyboardInterrupt`` is raised there, and, where Python drops it, again as
            long as the answer holds.
    """
    if not _is_main_thread() or _handler_of(signal.SIGINT) is not signal.default_int_handler:
        return nullcontext()
    return _Insistence(answer)


class Interrupts:
    """Ctrl-C for a thread that waits while ``asyncio.run`` is below it on the stack.

    ``asyncio.run`` answers Ctrl-C by cancelling its main task, which goes unheard: its loop
    does not run meanwhile.
    """

    def __init__(self) -> None:
        self._known = _cancellations(_handler_of(signal.SIGINT))

    @contextmanager
    def reach_this_thread(self) -> Iterator[None]:
        """Let Ctrl-C interrupt this thread; also one that came since the last time.

        Raises:
            KeyboardInterrupt: such a one.
        """
        handler = _handler_of(signal.SIGINT)
        if not _is_of_asyncio(handler) or not _is_main_thread():
            yield
            return
        with _Insistence(lambda _: _always):
            known, self._known = self._known, _cancellations(handler)
            if self._known > known:
                raise KeyboardInterrupt
            yield


class _Insistence:
    """The handler of Ctrl-C meanwhile, which raises again what Python drops.

    What is raised in a destructor, or in a callback of a weakref or of the garbage collector,
    goes to ``sys.unraisablehook`` and no further. So a hook of ours learns that an interrupt was
    lost, and a thread sends the signal again. The hook itself cannot: it would be interrupted.
    """

    def __init__(self, answer: Callable[[FrameType | None], Still | None]) -> None:
        self._answer = answer
        self._still: Still = _always
        self._raised: KeyboardInterrupt | None = None
        self._thread = threading.get_ident()
        self._sender: threading.Lock | None = None  # held as long as its thread lives
        self._comes_again = False
        self._is_over = False
        self._came_last = False
        # Made when something is raised, for this is entered for every few batches.
        self._asked: SimpleQueue[bool]  # whether to go on
        self._hook: Callable[[Any], Any] | None = None  # one object, to be known again
        self._hook_before = sys.unraisablehook

    def __enter__(self) -> None:
        self._handler_before = _handle_by(signal.SIGINT, self._handle)

    def __exit__(self, *error: object) -> None:
        # From here on Ctrl-C is only noted, so that nothing of this is left out.
        self._is_over = True
        if self._sender is not None:
            self._asked.put(False)
            self._sender.acquire()
        if self._hook is not None and sys.unraisablehook is self._hook:
            sys.unraisablehook = self._hook_before
        _handle_by(signal.SIGINT, self._handler_before)
        self._hook = self._raised = None  # they know this object, and it them
        if self._came_last:
            raise KeyboardInterrupt

    def _handle(self, _: int, frame: FrameType | None) -> None:
        comes_again, self._comes_again = self._comes_again, False
        if self._is_over:
            self._came_last |= not comes_again
        elif frame is not None and frame.f_code is _Insistence._hear.__code__:
            self._asked.put(True)
        elif not comes_again:
            still = self._answer(frame)
            if still is not None:
                self._still = still
                self._raise()
        elif self._still(frame):
            self._raise()

    def _raise(self) -> None:
        if self._hook is None:
            self._asked, self._hook = SimpleQueue(), self._hear
        if sys.unraisablehook is not self._hook:
            self._hook_before, sys.unraisablehook = sys.unraisablehook, self._hook
        self._raised = KeyboardInterrupt()
        raise self._raised

    def _hear(self, lost: Any) -> None:
        # Calls nothing of ours: this is where the handler looks for it.
        if self._raised is None or lost.exc_value is not self._raised:
            self._hook_before(lost)
            return
        self._asked.put(True)
        if self._sender is None:
            # Without the locks of `threading`, which may be taken wherever this comes.
            sender = _thread.allocate_lock()
            sender.acquire()
            _thread.start_new_thread(self._send, (sender,))
            self._sender = sender

    def _send(self, lock: threading.Lock) -> None:
        while self._asked.get():
            sleep(_MOMENT)
            goes_on = True
            while not self._asked.empty():
                goes_on &= self._asked.get()
            if not goes_on:
                break
            self._comes_again = True
            signal.pthread_kill(self._thread, signal.SIGINT)
        lock.release()


def _always(_: FrameType | None) -> bool:
    return True


def _is_of_asyncio(handler: Any) -> bool:
    return isinstance(handler, functools.partial) and isinstance(
        getattr(handler.func, "__self__", None), asyncio.Runner
    )


def _cancellations(handler: Any) -> int:
    """How often the task was cancelled that ``asyncio.run`` cancels after Ctrl-C."""
    return handler.keywords["main_task"].cancelling() if _is_of_asyncio(handler) else 0


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
