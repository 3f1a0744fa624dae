"""Doing the calls that a program asks for: at once, in threads, in an executor, or awaited."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any

from flowlike.flow.native_pool import Job
from flowlike.flow.pools import Pools
from flowlike.operators import Calls
from flowlike.options import is_coroutine_function
from flowlike.pieces import shared_out

if TYPE_CHECKING:
    from flowlike.nodes.messages import Done

__all__ = ["Caller"]

AT_ONCE = 20e-6
"""Seconds: a native call that takes less is made at once."""


class Caller:
    """Does the calls of one replica.

    Args:
        pools: the threads of the run.
        native: what an event costs a kernel, in seconds, by the label of the calls; the replicas
            of a layer learn it together.

    Attributes:
        seconds: what the functions called so far have cost; waiting for a thread is not part
            of it, so that it says how large a batch should be.
    """

    __slots__ = ("_native", "_pools", "seconds")

    def __init__(self, pools: Pools, native: dict[str, float]) -> None:
        self._pools = pools
        self._native = native
        self.seconds = 0.0

    @staticmethod
    def is_native(calls: Calls) -> bool:
        """True for calls of a kernel that are done once, for which `submit` is."""
        return calls.executor == "native" and calls.again is None

    def do_now(self, calls: Calls) -> list[Any] | None:
        """The results, if the calls are native and very short."""
        if not self.is_native(calls) or self._expected(calls) > AT_ONCE:
            return None
        started = thread_time()
        results = [calls.function(argument) for argument in calls.arguments]
        self._learn(calls, thread_time() - started)
        return results

    def submit(self, calls: Calls, reply: Callable[[Job], None]) -> Job:
        """Have native calls done, by a thread if it pays; ``reply(job)`` comes later."""

        def learn(job: Job) -> None:
            if job.error is None:
                self._learn(calls, job.seconds)
            reply(job)

        job = Job(calls, self._expected, learn)
        self._pools.native.submit(job)
        return job

    async def do(self, calls: Calls) -> list[Any]:
        """Do all calls, at most ``calls.limit`` at once; results in the order of the arguments.

        When one fails, the others of the same request are cancelled or awaited first.
        """
        if calls.again is not None:
            return await self._do_again(calls)
        if calls.waits:
            return await _at_most(calls.limit, calls.function, calls.arguments)
        if calls.executor == "native":
            return await self._do_native(calls)
        if calls.executor == "processes":
            return await self._do_in_processes(calls)
        if is_coroutine_function(calls.function):
            started = perf_counter()
            try:
                return await _at_most(calls.limit, calls.function, calls.arguments)
            finally:
                self.seconds += perf_counter() - started
        executor = calls.executor
        if not isinstance(executor, Executor):
            executor = self._pools.threads
            function = self._measured(calls.function)
        else:
            function = calls.function  # it may cross into another process, so nothing is added
        loop = asyncio.get_running_loop()
        started, before = perf_counter(), self.seconds
        results = await _at_most(
            calls.limit,
            lambda argument: loop.run_in_executor(executor, function, argument),
            calls.arguments,
        )
        if self.seconds == before or calls.limit > 1:  # calls at once take their time together
            self.seconds = before + perf_counter() - started
        return results

    async def _do_again(self, calls: Calls) -> list[Any]:
        """Calls of which each may be followed by others in its place, after a delay."""
        work = _WorkTime(self)
        loop = asyncio.get_running_loop()
        executor = calls.executor
        if executor == "native":
            executor = self._pools.kernels
        elif executor == "processes":
            executor = None
        elif isinstance(executor, str):
            executor = self._pools.threads

        async def call_once(argument: Any) -> Any:
            with work:
                if is_coroutine_function(calls.function):
                    return await calls.function(argument)
                if calls.executor == "processes":
                    done = await self._pools.workers.call(calls.function, [argument], calls.label)
                    return done.results[0]
                if executor is None:
                    return calls.function(argument)
                return await loop.run_in_executor(executor, calls.function, argument)

        async def call(argument: Any) -> Any:
            while True:
                if argument.delay:
                    await asyncio.sleep(argument.delay)
                result = await call_once(argument)
                following = None if calls.again is None else calls.again(argument, result)
                if following is None:
                    return result
                argument = following

        return await _at_most(calls.limit, call, calls.arguments)

    async def _do_in_processes(self, calls: Calls) -> list[Any]:
        """Calls in runs, so that all workers have work and few messages are needed.

        A batch that may be cut is cut for the workers that are idle: with as many replicas as
        workers that is one, and a single replica keeps all of them busy. What counts is how
        long the longest took in its worker, so that batches grow until the way pays.
        """
        workers = self._pools.workers
        arguments, at_once = calls.arguments, min(calls.limit, workers.count)
        if calls.divisible:
            arguments = _cut(arguments[0], workers.idle)
            at_once = len(arguments)
        # More runs than workers, so that those with quick calls take more of them.
        runs = _cut(arguments, 4 * at_once if at_once > 1 else 1)

        async def call(run: list[Any]) -> Done:
            return await workers.call(calls.function, run, calls.label)

        done = await _at_most(at_once, call, runs)
        self.seconds += sum(each.seconds for each in done) / at_once
        return [result for each in done for result in each.results]

    async def _do_native(self, calls: Calls) -> list[Any]:
        """Native calls between others that are awaited."""
        replied: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        job = self.submit(calls, replied.set_result)
        try:
            await replied
        finally:
            job.is_given_up = True  # a reply to who was cancelled would find the future done
        self.seconds += job.seconds
        if job.error is not None:
            raise job.error
        return job.results

    def _expected(self, calls: Calls) -> float:
        """Seconds; a kernel that nobody knows may take as long as it likes, so it gets a thread."""
        return self._native.get(calls.label, math.inf) * max(calls.events, 1)

    def _learn(self, calls: Calls, seconds: float) -> None:
        if calls.events:
            per_event = seconds / calls.events
            # The least that was seen, which grows again: a small call says more of the call.
            known = self._native.get(calls.label, per_event)
            self._native[calls.label] = min(1.05 * known, per_event)

    def _measured(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def measured(argument: Any) -> Any:
            started = perf_counter()
            try:
                return function(argument)
            finally:
                self.seconds += perf_counter() - started

        return measured


class _WorkTime:
    """Adds to a caller's seconds the time in which at least one call runs."""

    __slots__ = ("_began", "_caller", "_running")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._running = 0
        self._began = 0.0

    def __enter__(self) -> None:
        if not self._running:
            self._began = perf_counter()
        self._running += 1

    def __exit__(self, *error: object) -> None:
        self._running -= 1
        if not self._running:
            self._caller.seconds += perf_counter() - self._began


def _cut(batch: Any, most: int) -> list[Any]:
    """The batch in at most so many pieces, of nearly one size; there is at least one."""
    pieces = max(1, min(most, len(batch)))
    if pieces == 1:
        return [batch]
    return [batch[share.start : share.stop] for share in shared_out(len(batch), pieces)]


async def _at_most(
    limit: int, call: Callable[[Any], Awaitable[Any]], arguments: list[Any]
) -> list[Any]:
    """Call for every argument, ``limit`` at once; the first failure cancels the others."""
    if limit == 1 or len(arguments) == 1:
        return [await call(argument) for argument in arguments]
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
