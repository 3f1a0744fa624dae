"""An event loop whose clock is moved by the loop itself: it jumps when nothing can run."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import Context
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from flowlike.stages.run_queue import RunQueue
from flowlike.testing.interleaving import SeededRunQueue, Shuffle

__all__ = ["VirtualLoop", "places_of", "settled"]

Result = TypeVar("Result")
Ts = TypeVarTuple("Ts")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs asyncio programs in no time: where they would wait for the clock, the clock jumps.

    It is an ordinary event loop but for its time, which begins at 0 and stands still while
    anything can run. When everything waits, it jumps to the next timer, so that ``asyncio.sleep``,
    ``asyncio.timeout`` and ``call_later`` cost nothing and always come in the same order. It
    never jumps while a call of ``run_in_executor`` is out; hold it with :meth:`outside` for
    other threads and processes.

    Args:
        seed: with a seed, tasks that are ready go on in any order, and so do the stages of
            every ``StageGroup``; the same seed repeats the same order, as long as no thread
            and no socket takes part. ``None``: everything in the order of an ordinary loop.
        patience: real seconds to wait for a socket or a foreign thread when everything waits
            and no timer is set; then running the loop raises ``RuntimeError``.

    Attributes:
        seed: the same.

    Example:
        >>> import asyncio
        >>> from flowlike.testing import VirtualLoop
        >>> async def main():
        ...     await asyncio.sleep(3600)
        ...     return asyncio.get_running_loop().time()
        >>> with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        ...     runner.run(main())
        3600.0
    """

    def __init__(self, *, seed: int | None = None, patience: float = 5.0) -> None:
        self.seed = seed
        self._now = 0.0
        self._patience = patience
        self._out = 0
        self._settling: deque[asyncio.Future[None]] = deque()
        self._random = None if seed is None else Random(seed)
        self._shuffle = None if self._random is None else Shuffle(self._random)
        super().__init__(_IdleSelector(self._idle))
        # asyncio fires timers up to this early. With its nanosecond a timer far from zero, where
        # floats are coarser than that, would never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """The virtual time, in seconds since the loop was made."""
        return self._now

    async def settled(self) -> None:
        """Wait until nothing else can run before the clock moves.

        Of several tasks that wait so, one goes on at a time, the first first.
        """
        waiter: asyncio.Future[None] = self.create_future()
        self._settling.append(waiter)
        await waiter

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Hold the clock within the block: something that the loop does not see is at work."""
        self._out += 1
        try:
            yield
        finally:
            self._out -= 1

    def new_run_queue(self) -> RunQueue:
        """The run queue that a ``StageGroup`` uses on this loop."""
        return RunQueue(self) if self._random is None else SeededRunQueue(self, self._random)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """See ``asyncio.AbstractEventLoop``; with a seed, tasks may overtake each other."""
        shuffle = self._shuffle
        if shuffle is None or not shuffle.takes(callback):
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        shuffle.put(handle)
        super().call_soon(shuffle.run_one)
        return handle

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], Result], *args: *Ts
    ) -> asyncio.Future[Result]:
        """See ``asyncio.AbstractEventLoop``; the clock stands until the call has returned."""
        future = super().run_in_executor(executor, func, *args)
        self._out += 1
        future.add_done_callback(self._returned)
        return future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """See ``asyncio.AbstractEventLoop``; it waits for real threads."""
        with self.outside():
            await super().shutdown_default_executor(*args, **options)

    def _returned(self, _: asyncio.Future[Any]) -> None:
        self._out -= 1

    def _idle(self, timeout: float | None, select: _Select) -> _Ready:
        """Nothing can run for ``timeout`` seconds, or at all; returns what came from outside.

        Raises:
            RuntimeError: nothing will ever run.
        """
        ready = select(0)
        if ready:
            return ready
        if self._out:
            return select(None)
        while self._settling:
            waiter = self._settling.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return []
        if timeout is not None:
            self._now += timeout
            return []
        ready = select(self._patience)
        if not ready:
            raise RuntimeError(
                f"everything waits, no timer is set, and nothing came from outside for "
                f"{self._patience} s: {places_of(asyncio.all_tasks(self)) or 'there is no task'}"
            )
        return ready


def places_of(tasks: Iterable[asyncio.Task[Any]]) -> str:
    """The names of tasks, and in which line each of them waits."""
    places = []
    for task in tasks:
        frames = task.get_stack(limit=1)
        where = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
        places.append(f"{task.get_name()}{where}")
    return ", ".join(sorted(places))


async def settled() -> None:
    """Wait until nothing else can run before the clock moves; see :meth:`VirtualLoop.settled`.

    Raises:
        RuntimeError: this is no ``VirtualLoop``; on another nobody knows.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise RuntimeError(
            f"settled() needs a VirtualLoop, not {type(loop).__name__}; run the test with "
            "flowlike.testing.run or one of its fixtures"
        )
    await loop.settled()


_Ready = list[tuple[selectors.SelectorKey, int]]
_Select = Callable[[float | None], _Ready]


class _IdleSelector(selectors.DefaultSelector):
    """Asks ``idle`` what to do wherever a loop would wait; a loop calls nothing else to wait."""

    def __init__(self, idle: Callable[[float | None, _Select], _Ready]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> _Ready:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        return self._idle(timeout, super().select)
