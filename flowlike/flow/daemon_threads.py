"""A thread pool that does not keep the interpreter from ending."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import Any, NamedTuple, ParamSpec, TypeVar

__all__ = ["DaemonThreads"]

P = ParamSpec("P")
Result = TypeVar("Result")


class _Work(NamedTuple):
    future: Future[Any]
    function: Callable[[], Any]


class DaemonThreads(Executor):
    """As ``ThreadPoolExecutor``, whose threads the interpreter waits for before it ends.

    A function of a user may never return, and Ctrl-C or a timeout must end the program even so.

    Args:
        most: the most threads; they are started when they are needed.
        name: the beginning of their names.

    Attributes:
        threads: those that were started.
    """

    def __init__(self, most: int, name: str) -> None:
        self.threads: list[Thread] = []
        self._most = most
        self._name = name
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle = Semaphore(0)
        self._is_shut_down = False

    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        """See ``concurrent.futures.Executor``; called on one thread only.

        Raises:
            RuntimeError: the pool was shut down.
        """
        if self._is_shut_down:
            raise RuntimeError("cannot submit to a pool after its shutdown")
        future: Future[Result] = Future()
        self._work.put(_Work(future, lambda: fn(*args, **kwargs)))
        if not self._idle.acquire(blocking=False) and len(self.threads) < self._most:
            name = f"{self._name}_{len(self.threads)}"
            thread = Thread(target=self._serve, name=name, daemon=True)
            self.threads.append(thread)
            thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See ``concurrent.futures.Executor``."""
        self._is_shut_down = True
        while cancel_futures:
            try:
                work = self._work.get_nowait()
            except Empty:
                break
            if work is not None:
                work.future.cancel()
        for _ in self.threads:
            self._work.put(None)
        if wait:
            for thread in self.threads:
                thread.join()

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            future, function = work
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:  # noqa: BLE001 - the future's, as in every executor
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            # Nothing may be kept alive while the thread waits.
            del work, future, function

    def _next(self) -> _Work | None:
        try:
            return self._work.get_nowait()
        except Empty:
            self._idle.release()
            return self._work.get()
