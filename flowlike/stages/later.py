"""A result that comes later without a task that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Later"]

T = TypeVar("T")


class Later(Generic[T]):
    """What a callback of a stage returns when something else will bring its result.

    It is as a future that only its stage waits for, and that tells it at once: two passes
    through the loop are saved. Everything happens on the loop's thread. It is not done yet when
    it is returned.

    Args:
        loop: where it is cancelled.
    """

    __slots__ = ("_callbacks", "_cancelled", "_done", "_error", "_loop", "_name", "_result")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callbacks: list[Callable[[Any], None]] = []
        self._done = False
        self._cancelled = False
        self._error: BaseException | None = None
        self._result: T | None = None
        self._name = ""

    def get_name(self) -> str:
        """What is waited for, for messages."""
        return self._name

    def set_name(self, name: str) -> None:
        """Say what is waited for."""
        self._name = name

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback(self)`` when it is done."""
        self._callbacks.append(callback)

    def done(self) -> bool:
        """True once it has a result or an error, or was cancelled."""
        return self._done

    def cancelled(self) -> bool:
        """True if it was cancelled."""
        return self._cancelled

    def exception(self) -> BaseException | None:
        """The error, if it has one."""
        return self._error

    def result(self) -> Any:
        """The result.

        Raises:
            CancelledError: it was cancelled.
            BaseException: the error that it was given instead.
        """
        if self._cancelled:
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error
        return self._result

    def set_result(self, result: T) -> None:
        """Make it done with a result."""
        self._result = result
        self._tell()

    def set_exception(self, error: BaseException) -> None:
        """Make it done with an error."""
        self._error = error
        self._tell()

    def cancel(self) -> None:
        """Make it done without a result; who waits is told in the next pass of the loop."""
        if not self._done:
            self._done = self._cancelled = True
            for callback in self._callbacks:
                self._loop.call_soon(callback, self)

    def _tell(self) -> None:
        self._done = True
        for callback in self._callbacks:
            callback(self)
