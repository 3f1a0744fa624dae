"""The owner of stages: whoever starts a stage ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from flowlike.options import check_choice
from flowlike.stages.messages import Ended, Start, SubscribeTo
from flowlike.stages.owner import Member, Reason, check_reason
from flowlike.stages.ref import StageRef, as_subscribe, check_outside
from flowlike.stages.restart_limit import RESTARTS, RestartLimit
from flowlike.stages.restarts import Child, Restarts
from flowlike.stages.run_queue import RunQueue, run_queue_on
from flowlike.stages.running import RunningStage
from flowlike.stages.stage import Consumer, Producer, ProducerConsumer, Stage
from flowlike.stages.subscription import Subscribe

__all__ = ["StageGroup"]

_log = logging.getLogger("flowlike")


class StageGroup:
    """Starts stages and ends them: an ``async with`` block that no stage outlives.

    Leaving the block stops what still runs, callbacks that await included. When a stage
    crashes, the others are stopped at once, the block is cancelled and raises the stage's
    original exception (of several the first, with notes of the others).

    With a strategy, stages that have ended are started again, by the ``restart`` of
    :meth:`start`: an instance is used again, a callable makes another one; ``on_start`` is called
    again, the ``StageRef`` stays valid, and subscriptions are made again, those of its
    consumers that live on included. Lost are the events that the stage held, and counted in
    ``StageRef.counts().lost``. A crash that takes consumers along, by their cancel mode, counts
    as one restart.

    Args:
        strategy: ``None``: a crash ends the group. When a stage has ended, "one_for_one" starts
            it alone again; "one_for_all" stops all others and starts all; "rest_for_one" does so
            with those that were started after it.
        max_restarts: so many restarts are allowed ...
        within: ... in so many seconds; one more ends the group with the original exception.
        backoff: seconds to wait before each restart.

    Raises:
        TypeError: a number is none.
        ValueError: another strategy, or a number out of its range.

    Example:
        >>> import asyncio
        >>> from flowlike import Consumer, Producer, StageGroup
        >>> class Numbers(Producer[int]):
        ...     def __init__(self):
        ...         self.next = 0
        ...     def handle_demand(self, demand):
        ...         events = range(self.next, min(self.next + demand, 10))
        ...         self.next += len(events)
        ...         if self.next == 10:
        ...             self.finish()
        ...         return events
        >>> class Sum(Consumer[int]):
        ...     total = 0
        ...     def handle_events(self, events, producer):
        ...         self.total += sum(events)
        >>> async def main():
        ...     summed = Sum()
        ...     async with StageGroup() as group:
        ...         numbers = await group.start(Numbers())
        ...         await group.start(summed, subscribe_to=[numbers])
        ...         await group.wait()
        ...     return summed.total
        >>> asyncio.run(main())
        45
    """

    def __init__(
        self,
        strategy: str | None = None,
        *,
        max_restarts: int = 3,
        within: float = 5.0,
        backoff: float = 0.0,
    ) -> None:
        restarts = Restarts(
            "one_for_one" if strategy is None else strategy,
            RestartLimit(max_restarts, within),
            backoff,
            revive=self._revive,
            fail=self.fail,
            changed=self._notify,
        )
        self._restarts = None if strategy is None else restarts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: RunQueue | None = None
        self._running: dict[Member, None] = {}
        self._unsettled = 0
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._parent: asyncio.Task[Any] | None = None
        self._cancelling = 0  # how often the task had been cancelled before the block
        self._body_runs = False
        self._cancelled_body = False
        self._cancel_pending = False  # our cancellation of the block has not been raised yet
        self._leaving = False
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError("a StageGroup can be entered once; make a new one")
        self._loop = asyncio.get_running_loop()
        self._queue = run_queue_on(self._loop)
        self._parent = asyncio.current_task()
        self._cancelling = 0 if self._parent is None else self._parent.cancelling()
        self._body_runs = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._body_runs = False
        self._leaving = True
        if self._restarts is not None:
            self._restarts.close()
            self._notify()
        if isinstance(error, asyncio.CancelledError):
            self._cancel_pending = False
        body_failed_first = error is not None and self._error is None
        self.end("normal" if error is None and self._error is None else "shutdown")
        cancelled = await self._until_all_ended()
        if error is not None and body_failed_first:
            self._not_raised(error)
            return  # what the block raised goes on
        cancelled_outside = False
        if self._cancelled_body and self._parent is not None:
            cancelled_outside = self._parent.uncancel() > self._cancelling
        if cancelled_outside and isinstance(error, asyncio.CancelledError):
            self._not_raised(error)
            return
        if self._error is not None:
            if error is not None and not isinstance(error, asyncio.CancelledError):
                self._error.add_note(f"the block then raised {error!r:.200}")
            # Raise it as the stage did: this block adds no context of its own.
            context = self._error.__context__
            try:
                raise self._error
            finally:
                self._error.__context__ = context
        if cancelled is not None:
            raise cancelled

    async def start(
        self,
        stage: Stage | Callable[[], Stage],
        *,
        subscribe_to: Iterable[Subscribe | StageRef] = (),
        restart: str = "permanent",
        name: str | None = None,
    ) -> StageRef:
        """Start a stage; returns when ``on_start`` has run and its producers have accepted.

        A producer that is being started again is waited for. A stage that calls ``finish()`` in
        ``on_start`` has ended when this returns, whether it was to subscribe to any or not.

        Args:
            stage: an instance, or a callable that makes one.
            subscribe_to: its first subscriptions.
            restart: in a group with a strategy: "permanent": it is started again whatever has
                ended it, "transient": after a crash only, "temporary": never.
            name: for messages and reports; default is the name of its class.

        Raises:
            TypeError: no stage, a stage that runs already, a producer that subscribes, or a
                ``name`` that is no text.
            ValueError: a producer refuses the subscription, or another ``restart``.
            RuntimeError: the group is not entered, or has ended; or a callback of a producer in
                ``subscribe_to`` would wait here for its own end.
            CancelledError: the caller was cancelled; the stage is ended.
        """
        if isinstance(subscribe_to, (StageRef, Subscribe)):
            raise TypeError(f"subscribe_to takes several: give subscribe_to=[{subscribe_to!r:.80}]")
        options = [as_subscribe(to) for to in subscribe_to]
        check_outside(*(each.to for each in options))
        check_choice("restart", restart, RESTARTS)
        if self._restarts is not None:
            down = self._restarts.is_down
            await self._until(lambda: not any(down(each.to) for each in options))
        running = self._admit(stage, name, options, restart, "starting")
        loop = asyncio.get_running_loop()
        asked = tuple(SubscribeTo(each, loop.create_future()) for each in options)
        started: asyncio.Future[Any] = loop.create_future()
        running.deliver(Start(asked, started))
        replies = [started, *(each.reply for each in asked if each.reply is not None)]
        if self._restarts is not None:
            self._restarts.opening(running, replies)
        try:
            answers = await asyncio.gather(*replies, return_exceptions=True)
        except asyncio.CancelledError:
            self._discard(running)
            raise
        for answer in answers:
            if isinstance(answer, BaseException) and not running.has_finished:
                self._discard(running)
                raise self._why(running) or answer
        return running.ref

    def spawn(
        self, stage: Stage, *, subscribe_to: Iterable[Subscribe] = (), name: str | None = None
    ) -> StageRef:
        """Start a stage without waiting for anything; :meth:`settled` waits for many.

        A subscription that is refused then ends the stage with the error.
        """
        options = list(subscribe_to)
        running = self._admit(stage, name, options, "permanent", "running")
        asked = tuple(SubscribeTo(each, None) for each in options)
        self._unsettled += len(asked)
        running.deliver(Start(asked, None))
        return running.ref

    def adopt(self, stage: Member) -> None:
        """Count a stage that runs elsewhere as one of the group: `stage_ended` tells of its end."""
        self._running[stage] = None

    def expect_subscription(self) -> None:
        """Let :meth:`settled` wait for one `subscription_settled` more."""
        self._unsettled += 1

    async def settled(self) -> None:
        """Wait until the subscriptions of all spawned stages are accepted or refused."""
        await self._until(lambda: not self._unsettled or self._error is not None)

    async def wait(self) -> None:
        """Wait until every stage has ended by itself, and none is to be started again.

        Raises:
            RuntimeError: called by a callback of one of these stages.
        """
        stages = (each.ref for each in self._running)
        check_outside(
            *stages, waits_for="the end of its group", instead="wait in a task of its own"
        )
        await self._until(self._all_ended)

    def end(self, reason: Reason = "shutdown") -> None:
        """End every stage now, callbacks that await included; :meth:`wait` for the end.

        Raises:
            ValueError: ``reason`` is neither "normal", "shutdown" nor an exception.
        """
        check_reason(reason)
        if self._restarts is not None:
            self._restarts.close()
        for stage in list(self._running):
            stage.end(reason)

    @property
    def has_ended(self) -> bool:
        """True if no stage runs, and none is to be started again."""
        return self._all_ended()

    def fail(self, error: BaseException) -> None:
        """End the group as if a stage had crashed with ``error``; of several, the first counts."""
        if self._error is None:
            self._error = error
            self.end()
            if self._body_runs and self._parent is not None:
                self._cancelled_body = self._cancel_pending = self._parent.cancel()
            self._notify()
        elif self._error is not error:
            self._error.add_note(f"after it: {error!r:.200}")

    def gone(self, stage: RunningStage) -> asyncio.Future[Any]:
        """See :class:`~flowlike.stages.owner.Owner`."""
        ref, restarts = stage.ref, self._restarts
        gone: asyncio.Future[None] = stage.ended.get_loop().create_future()

        def has_gone() -> bool:
            return ref.has_ended and (restarts is None or not restarts.is_down(ref))

        self._waiters.append((has_gone, gone))
        self._notify()
        return gone

    def subscription_settled(self) -> None:
        """See :class:`~flowlike.stages.owner.Owner`."""
        self._unsettled -= 1
        self._notify()

    def stage_ended(self, stage: Member, reason: Reason) -> None:
        """See :class:`~flowlike.stages.owner.Owner`."""
        self._running.pop(stage, None)
        handled = (
            self._restarts is not None
            and isinstance(stage, RunningStage)
            and self._restarts.ended(stage, reason)
        )
        if isinstance(reason, BaseException) and not handled:
            self.fail(reason)
        self._notify()

    def subscription_lost(self, stage: RunningStage, options: Subscribe, over: Ended) -> bool:
        """See :class:`~flowlike.stages.owner.Owner`."""
        return self._restarts is not None and self._restarts.lost(stage, options, over)

    def _admit(
        self,
        stage: Stage | Callable[[], Stage],
        name: str | None,
        options: Sequence[Subscribe],
        restart: str,
        state: str,
    ) -> RunningStage:
        if self._queue is None or self._loop is None or self._leaving:
            raise RuntimeError("start stages inside the `async with StageGroup()` block")
        if self._error is not None:
            raise RuntimeError("this StageGroup has failed and starts no stage") from self._error
        running = self._run(stage, name, options)
        if self._restarts is not None:
            self._restarts.admit(Child(stage, running, options, restart, state))
        return running

    def _revive(self, child: Child) -> RunningStage:
        running = self._run(child.made_by, child.ref.name, child.options)
        child.ref.renew(running)
        return running

    def _why(self, running: RunningStage) -> BaseException | None:
        """What a stage has crashed with in its start, where that does not end the group."""
        if self._restarts is None or not running.ended.done():
            return None
        reason = running.ended.result()
        return reason if isinstance(reason, BaseException) else None

    def _discard(self, running: RunningStage) -> None:
        """End a stage that could not be started; it is not started again."""
        if self._restarts is not None:
            self._restarts.forget(running)
        running.end("shutdown")

    def _run(
        self,
        stage: Stage | Callable[[], Stage],
        name: str | None,
        options: Sequence[Subscribe],
    ) -> RunningStage:
        assert self._queue is not None and self._loop is not None
        if not isinstance(name, str | None):
            raise TypeError(f"name must be a str, or None for that of the class, not {name!r:.80}")
        made: Any = stage if isinstance(stage, Stage) or not callable(stage) else stage()
        if not isinstance(made, (Producer, ProducerConsumer, Consumer)):
            raise TypeError(
                f"start takes a Producer, ProducerConsumer or Consumer, or a callable that makes "
                f"one, not {made!r:.80}"
            )
        if options and isinstance(made, Producer):
            raise TypeError(
                f"{type(made).__name__} is a Producer and cannot subscribe to anything; "
                "derive it from ProducerConsumer or Consumer"
            )
        if made._running is not None:
            raise TypeError(f"{made!r:.80} runs already; make another instance")
        running = RunningStage(
            made, name or type(made).__name__, owner=self, queue=self._queue, loop=self._loop
        )
        self._running[running] = None
        return running

    def _all_ended(self) -> bool:
        return not self._running and (self._restarts is None or not self._restarts.pending)

    async def _until(self, condition: Callable[[], bool]) -> None:
        if not condition():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((condition, waiter))
            await waiter

    async def _until_all_ended(self) -> asyncio.CancelledError | None:
        """Wait for the end of all stages; a cancellation meanwhile only hurries them."""
        cancelled: asyncio.CancelledError | None = None
        while self._running or self._cancel_pending:
            try:
                if self._running:
                    await self._until(lambda: not self._running)
                else:
                    await asyncio.sleep(0)  # it is raised here, unless the block has caught it
                    self._cancel_pending = False
            except asyncio.CancelledError as error:
                cancelled = error
                self._cancel_pending = False
                self.end()
        return cancelled

    def _not_raised(self, error: BaseException) -> None:
        """A stage has failed, if any has, but what the block raises is another error."""
        if self._error is None:
            return
        if isinstance(error, asyncio.CancelledError):  # it may become a timeout, or nothing
            _log.error("a stage has failed while its block was cancelled", exc_info=self._error)
        else:
            error.add_note(f"after it: {self._error!r:.200}")

    def _notify(self) -> None:
        remaining = []
        for condition, waiter in self._waiters:
            if waiter.done():
                continue
            if condition():
                waiter.set_result(None)
            else:
                remaining.append((condition, waiter))
        self._waiters = remaining
