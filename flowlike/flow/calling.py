"""Doing the calls that a program asks for: in threads, in an executor, or awaiting them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from time import perf_counter
from typing import Any

from flowlike.operators import Calls
from flowlike.options import is_coroutine_function

__all__ = ["Caller", "Pool"]

WORTH_A_HOP = 0.0002
"""Seconds: a native call that takes less is made at once; a hop to a thread costs that much."""

_FIRST_GUESS = 10e-9  # seconds per event of a kernel that was not measured yet


class Pool:
    """The threads that the replicas of one run share; none until the first is needed.

    Args:
        size: the most threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The pool, started now if it was not."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._size, thread_name_prefix="flowlike")
        return self._executor

    async def close(self, grace: float = 0.5) -> None:
        """End the threads: what waits is dropped, what runs has ``grace`` seconds to return.

        A thread inside a function that does not return cannot be ended; it goes on alone.
        """
        executor = self._executor
        if executor is None:
            return
        self._executor = None
        executor.shutdown(wait=False, cancel_futures=True)
        until = perf_counter() + grace
        for thread in list(executor._threads):
            while thread.is_alive() and perf_counter() < until:
                await asyncio.sleep(0)
                thread.join(0.0005)


class Caller:
    """Does the calls of one replica.

    Args:
        pool: where "threads" are.
    """

    __slots__ = ("_pool", "_seconds_per_event")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seconds_per_event: dict[str, float] = {}

    def do_now(self, calls: Calls) -> list[Any] | None:
        """The results, if the calls are native and too short to be worth a thread."""
        if not getattr(calls, "native", False):
            return None
        results = []
        for argument in calls.arguments:
            if self._expected(calls, argument) > WORTH_A_HOP:
                return None
        for argument in calls.arguments:
            results.append(self._timed(calls, argument))
        return results

    async def do(self, calls: Calls) -> list[Any]:
        """Do all calls, at most ``calls.limit`` at once; results in the order of the arguments.

        When one fails the others of the same request are cancelled or awaited first.
        """
        if getattr(calls, "native", False):
            call: Callable[[Any], Any] = self._in_executor(
                lambda argument: self._timed(calls, argument), calls
            )
        elif is_coroutine_function(calls.function):
            call = calls.function
        else:
            call = self._in_executor(calls.function, calls)
        if calls.limit == 1 or len(calls.arguments) == 1:
            return [await call(argument) for argument in calls.arguments]
        return await _at_most(calls.limit, call, calls.arguments)

    def _in_executor(
        self, function: Callable[[Any], Any], calls: Calls
    ) -> Callable[[Any], Any]:
        executor = calls.executor
        if not isinstance(executor, Executor):
            executor = self._pool.executor
        loop = asyncio.get_running_loop()
        return lambda argument: loop.run_in_executor(executor, function, argument)

    def _expected(self, calls: Calls, argument: Any) -> float:
        per_event = self._seconds_per_event.get(calls.label, _FIRST_GUESS)
        return per_event * len(argument)

    def _timed(self, calls: Calls, argument: Any) -> Any:
        started = perf_counter()
        result = calls.function(argument)
        if len(argument):
            per_event = (perf_counter() - started) / len(argument)
            known = self._seconds_per_event.get(calls.label)
            # The least of what was seen: a thread that had to wait for a core is no measure.
            if known is None or per_event < known:
                self._seconds_per_event[calls.label] = per_event
            else:
                self._seconds_per_event[calls.label] = known * 0.9 + per_event * 0.1
        return result


async def _at_most(limit: int, call: Callable[[Any], Any], arguments: list[Any]) -> list[Any]:
    """Call for every argument, ``limit`` at once; the first failure cancels the others."""
    results: list[Any] = [None] * len(arguments)
    pending = iter(enumerate(arguments))

    async def worker() -> None:
        for index, argument in pending:
            results[index] = await call(argument)

    workers = [asyncio.ensure_future(worker()) for _ in range(min(limit, len(arguments)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return results
