"""A consumer that starts a task for every event."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from flowlike.batches import Batch, events_of
from flowlike.operators.notes import describe_event
from flowlike.options import check_callable, check_choice, check_count
from flowlike.stages.restart_limit import RESTARTS, RestartLimit, is_restarted
from flowlike.stages.stage import Consumer
from flowlike.stages.subscription import Subscribe, Subscription

__all__ = ["ConsumerSupervisor"]

_log = logging.getLogger("flowlike")

In = TypeVar("In")


class ConsumerSupervisor(Consumer[In]):
    """Runs ``worker(event)`` in a task of its own for every event, so many at a time.

    It asks each producer for ``max_concurrency`` events (or the smaller ``max_demand`` of the
    ``Subscribe``) and for one more whenever one is done. With one producer
    no event waits here; with several, those that come while all places are taken wait for the
    next free one. When all producers have finished it ends after the last task; when it is
    ended otherwise it cancels the tasks that still run.

    A task that crashes is logged and, by ``restart``, started again with the same event, in
    its place. One restart too many ends the supervisor with the exception of the task.

    Args:
        worker: a coroutine function, or anything that returns an awaitable.
        max_concurrency: the most tasks at a time.
        restart: "temporary": a task is never started again; "transient": after a crash;
            "permanent": always, so that an event is never done.
        max_restarts: so many restarts of all tasks together are allowed ...
        within: ... in so many seconds.

    Raises:
        TypeError: ``worker`` cannot be called, or a number is none.
        ValueError: a number or ``restart`` is out of range.

    Example:
        >>> import asyncio
        >>> from flowlike import ConsumerSupervisor, Producer, StageGroup
        >>> class Pages(Producer[str]):
        ...     def handle_demand(self, demand):
        ...         self.finish()
        ...         return ["index", "about"]
        >>> async def fetch(page):
        ...     print("fetching", page)
        >>> async def main():
        ...     async with StageGroup() as group:
        ...         pages = await group.start(Pages())
        ...         await group.start(ConsumerSupervisor(fetch, 8), subscribe_to=[pages])
        ...         await group.wait()
        >>> asyncio.run(main())
        fetching index
        fetching about
    """

    def __init__(
        self,
        worker: Callable[[In], Awaitable[Any]],
        max_concurrency: int,
        *,
        restart: str = "temporary",
        max_restarts: int = 3,
        within: float = 5.0,
    ) -> None:
        self._worker = check_callable("worker", worker, coroutine=True)
        self._most = check_count("max_concurrency", max_concurrency)
        self._restart = check_choice("restart", restart, RESTARTS)
        self._limit = RestartLimit(max_restarts, within)
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order of their start
        self._waiting: deque[tuple[In, Subscription]] = deque()
        self._producers = 0
        self._given_up = 0
        self._idle: asyncio.Future[None] | None = None  # somebody waits for the last task

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return len(self._tasks)

    @property
    def given_up(self) -> int:
        """How many events have had a task that did not end well and was not started again.

        Events whose tasks were cancelled because the supervisor itself has ended, and those that
        waited for a place then, are in ``lost`` of :meth:`StageRef.counts`.
        """
        return self._given_up

    def on_start(self) -> None:
        """Begin without tasks, after a restart too."""
        self._limit = RestartLimit(self._limit.max_restarts, self._limit.within)
        self._tasks, self._waiting, self._producers, self._idle = {}, deque(), 0, None

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Ask by hand: for as many events as may run."""
        self._producers += 1
        most = options.max_demand
        peer.ask(min(most, self._most) if isinstance(most, int) else self._most)
        return "manual"

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Start a task for each event; what finds no place waits."""
        self._waiting.extend((event, producer) for event in events_of(events))
        self._fill()

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> Any:
        """After the last producer's planned end: wait for the tasks."""
        self._producers -= 1
        if self._producers or isinstance(reason, BaseException):
            return None
        return self._until_idle()

    async def on_stop(self, reason: str | BaseException) -> None:
        """Cancel the tasks that still run, and wait for their end."""
        inlet = self._started().inlet
        assert inlet is not None
        inlet.lost += len(self._waiting)
        self._waiting.clear()
        tasks, self._tasks = self._tasks, {}
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            inlet.lost += sum(not _ended_well(task) for task in tasks)

    async def _until_idle(self) -> None:
        while self._tasks:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    def _fill(self) -> None:
        while self._waiting and len(self._tasks) < self._most:
            self._run(*self._waiting.popleft())

    def _run(self, event: In, producer: Subscription) -> None:
        name = f"{self._started().ref.name}: worker"
        task = asyncio.get_running_loop().create_task(self._work(event), name=name)
        self._tasks[task] = None

        def done(task: asyncio.Task[Any]) -> None:
            if task in self._tasks:  # else the supervisor is ending
                del self._tasks[task]
                self._done(task, event, producer)
            elif not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a worker has failed while it was stopped", exc_info=error)

        task.add_done_callback(done)

    async def _work(self, event: In) -> None:
        awaitable = self._worker(event)
        if not hasattr(type(awaitable), "__await__"):
            raise TypeError(
                f"worker must be a coroutine function or return an awaitable, not {awaitable!r:.80}"
            )
        await awaitable

    def _done(self, task: asyncio.Task[Any], event: In, producer: Subscription) -> None:
        error = None if task.cancelled() else task.exception()
        self._given_up += not _ended_well(task)  # unless it is started again
        if error is not None:
            error.add_note(
                f"in the worker of stage {self._started().ref.name!r}, {describe_event(event)}"
            )
            if not isinstance(error, Exception):
                self._started().end(error)
                return
            _log.error("a worker has crashed, %s", describe_event(event), exc_info=error)
        if is_restarted(self._restart, error is not None):
            if not self._limit.allows(asyncio.get_running_loop().time()):
                self._given_up += _ended_well(task)
                self._give_up(error)
                return
            self._given_up -= not _ended_well(task)
            self._run(event, producer)
        else:
            producer.ask(1)
            self._fill()
        if not self._tasks and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _give_up(self, error: BaseException | None) -> None:
        if error is None:
            error = RuntimeError("a permanent worker has returned")
        error.add_note(self._limit.note("workers"))
        self._started().end(error)


def _ended_well(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
