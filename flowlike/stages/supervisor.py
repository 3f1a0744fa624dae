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
    its place. One restart too many ends the supervisor with the exception of the task, and a
    worker that returns nothing to await with a ``TypeError``.

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
        # Two underscores: the names of a subclass never meet these.
        self.__worker = check_callable("worker", worker, coroutine=True)
        self.__most = check_count("max_concurrency", max_concurrency)
        self.__restart = check_choice("restart", restart, RESTARTS)
        self.__limit = RestartLimit(max_restarts, within)
        self.__tasks: dict[asyncio.Task[Any], None] = {}  # in the order of their start
        self.__waiting: deque[tuple[In, Subscription]] = deque()
        self.__producers = 0
        self.__given_up = 0
        self.__idle: asyncio.Future[None] | None = None  # somebody waits for the last task

    @property
    def running(self) -> int:
        """How many tasks run now."""
        return len(self.__tasks)

    @property
    def given_up(self) -> int:
        """How many events have had a task that did not end well and was not started again.

        Events whose tasks were cancelled because the supervisor itself has ended, and those that
        waited for a place then, are in ``lost`` of :meth:`StageRef.counts`.
        """
        return self.__given_up

    def on_start(self) -> None:
        """Begin without tasks, after a restart too."""
        self.__limit = RestartLimit(self.__limit.max_restarts, self.__limit.within)
        self.__tasks, self.__waiting, self.__producers, self.__idle = {}, deque(), 0, None

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Ask by hand: for as many events as may run."""
        self.__producers += 1
        most = options.max_demand
        peer.ask(min(most, self.__most) if isinstance(most, int) else self.__most)
        return "manual"

    def handle_events(self, events: Batch, producer: Subscription) -> None:
        """Start a task for each event; what finds no place waits."""
        self.__waiting.extend((event, producer) for event in events_of(events))
        self.__fill()

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> Any:
        """After the last producer's planned end: wait for the tasks."""
        self.__producers -= 1
        if self.__producers or isinstance(reason, BaseException):
            return None
        return self.__until_idle()

    async def on_stop(self, reason: str | BaseException) -> None:
        """Cancel the tasks that still run, and wait for their end."""
        inlet = self._started().inlet
        assert inlet is not None
        inlet.lost += len(self.__waiting)
        self.__waiting.clear()
        tasks, self.__tasks = self.__tasks, {}
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            inlet.lost += sum(not _ended_well(task) for task in tasks)

    async def __until_idle(self) -> None:
        while self.__tasks:
            self.__idle = asyncio.get_running_loop().create_future()
            await self.__idle

    def __fill(self) -> None:
        while self.__waiting and len(self.__tasks) < self.__most:
            self.__run(*self.__waiting.popleft())

    def __run(self, event: In, producer: Subscription) -> None:
        name = f"{self._started().ref.name}: worker"
        task = asyncio.get_running_loop().create_task(self.__work(event), name=name)
        self.__tasks[task] = None

        def done(task: asyncio.Task[Any]) -> None:
            if task in self.__tasks:  # else the supervisor is ending
                del self.__tasks[task]
                self.__done(task, event, producer)
            elif not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a worker has failed while it was stopped", exc_info=error)

        task.add_done_callback(done)

    async def __work(self, event: In) -> TypeError | None:
        """Run the worker; returns what is wrong with it if it can never work."""
        awaitable = self.__worker(event)
        if not hasattr(type(awaitable), "__await__"):
            return TypeError(
                f"worker must be a coroutine function or return an awaitable, but {self.__worker!r}"
                f" returned {awaitable!r:.80}; make it an `async def`"
            )
        await awaitable
        return None

    def __done(
        self, task: asyncio.Task[TypeError | None], event: In, producer: Subscription
    ) -> None:
        error = None if task.cancelled() else task.exception()
        unfit = task.result() if _ended_well(task) else None
        if unfit is not None:
            self.__given_up += 1
            unfit.add_note(f"in stage {self._started().ref.name!r}, {describe_event(event)}")
            self._started().end(unfit)
            return
        self.__given_up += not _ended_well(task)  # unless it is started again
        if error is not None:
            error.add_note(
                f"in the worker of stage {self._started().ref.name!r}, {describe_event(event)}"
            )
            if not isinstance(error, Exception):
                self._started().end(error)
                return
            _log.error("a worker has crashed, %s", describe_event(event), exc_info=error)
        if is_restarted(self.__restart, error is not None):
            if not self.__limit.allows(asyncio.get_running_loop().time()):
                self.__given_up += _ended_well(task)
                self.__give_up(error)
                return
            self.__given_up -= not _ended_well(task)
            self.__run(event, producer)
        else:
            producer.ask(1)
            self.__fill()
        if not self.__tasks and self.__idle is not None and not self.__idle.done():
            self.__idle.set_result(None)

    def __give_up(self, error: BaseException | None) -> None:
        if error is None:
            error = RuntimeError("a permanent worker has returned")
        error.add_note(self.__limit.note("workers"))
        self._started().end(error)


def _ended_well(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
