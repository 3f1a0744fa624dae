"""A stage that runs: its mailbox, its turns, its callbacks, its end.

What its turns are good for is its work: that of a producer is in
:mod:`~flowlike.stages.supplying`, that of the others in :mod:`~flowlike.stages.consuming`.

A running stage has no task of its own. A message puts it into the run queue; in its turn
it handles its messages with plain calls. Only while a callback is really awaiting does an
``asyncio`` task exist, and until it has returned the stage takes no other message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from types import CoroutineType, FrameType
from typing import Any

from flowlike.batches import Batch, as_batch
from flowlike.errors import StageStopped
from flowlike.options import is_coroutine_function
from flowlike.stages.consuming import Consumption
from flowlike.stages.inlet import Inlet
from flowlike.stages.later import Later
from flowlike.stages.messages import Ask, Cancelled, Discarded, Events, Stop
from flowlike.stages.outlet import Outlet, outlet_of
from flowlike.stages.owner import Owner, Reason
from flowlike.stages.protocol import HANDLERS, log_discarded, refuse
from flowlike.stages.ref import StageRef
from flowlike.stages.results import AT_HAND, LISTS, is_awaitable
from flowlike.stages.run_queue import RunQueue
from flowlike.stages.stage import Batches, Emitter, Producer, Stage
from flowlike.stages.subscription import Subscription
from flowlike.stages.supplying import Supply
from flowlike.stages.work import Work

__all__ = ["GRACE", "RunningStage", "stage_calling"]

GRACE = 5.0
"""Seconds that a callback may still take when its stage is asked to stop."""


class RunningStage:
    """Runs one stage. Made by a ``StageGroup``; others talk to its :attr:`ref`.

    Attributes:
        stage: the object with the callbacks.
        ref: the address of the stage.
        inlet: its producers and what they sent; ``None`` for a producer.
        outlet: its consumers; ``None`` for a consumer.
        opening: subscriptions that were asked for and not answered, with who waits for each.
        ended: resolved with the reason once the stage has ended.
        begun: whether ``on_stop`` is to be called: ``on_start`` was, or the stage holds something.
        events_in: how many events its callbacks were given.
        batch: how many of them one call was to be given at last.
        finishing: whether it ends normally as soon as all its events have left.
        busy: seconds spent in its callbacks (``on_start``, ``on_stop``, ``handle_subscribe`` and
            ``handle_call`` apart), in sending what they return, and in reading.
        owner: is told of its end.
        leaving: it was asked to stop, or finishes: it asks for nothing that it could not handle.
        unanswered: a ``Start`` or ``Call`` whose callback awaits.
        open_answers: the calls that are answered later, and what they wait for.
        clock: counts seconds, for ``busy`` and for demand that follows the work.
    """

    __slots__ = (
        "_loop",
        "_mailbox",
        "_queue",
        "_reason",
        "_scheduled",
        "_stop_has_begun",
        "_stopping",
        "_task",
        "_turning",
        "_work",
        "batch",
        "begun",
        "busy",
        "clock",
        "ended",
        "events_in",
        "finishing",
        "inlet",
        "leaving",
        "open_answers",
        "opening",
        "outlet",
        "owner",
        "ref",
        "stage",
        "unanswered",
    )

    def __init__(
        self,
        stage: Stage,
        name: str,
        *,
        owner: Owner,
        queue: RunQueue,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.stage = stage
        self.owner = owner
        self._queue = queue
        self._loop = loop
        self._mailbox: deque[Any] = deque()
        self._scheduled = False
        self._task: asyncio.Task[Any] | Later[Any] | None = None
        self.finishing = False
        self._stopping = False
        self._stop_has_begun = False
        self._turning = False
        self._reason: Reason = "normal"
        self.begun = stage._is_open
        self.leaving = False
        self.open_answers: dict[asyncio.Future[Any], asyncio.Future[Any]] = {}
        self.opening: dict[int, asyncio.Future[Any] | None] = {}
        self.unanswered: Any = None
        self.ended: asyncio.Future[Reason] = loop.create_future()
        self.events_in = 0
        self.batch = 0
        self.busy = 0.0
        self.clock = queue.clock
        self.inlet: Inlet | None = None
        self.outlet: Outlet | None = None
        self._work: Work
        if isinstance(stage, Emitter):
            self.outlet = outlet_of(stage)
            self.outlet.when_settled(self._settled)
        if isinstance(stage, Producer):
            assert self.outlet is not None
            self._work = Supply(self, stage, self.outlet)
        else:
            self.inlet = Inlet()
            self._work = Consumption(self, self.inlet, self.outlet)
        self.ref = StageRef(self, name)
        stage._running = self

    # What others may do with it: all of these on the loop's thread.

    def deliver(self, message: Any) -> None:
        """Put a message into the mailbox; the stage gets a turn."""
        self._mailbox.append(message)
        if self._scheduled:
            return
        if not self._stopping:
            self._scheduled = True
            self._queue.add(self, first=type(message) is Events)
        elif self.ended.done():
            refuse(self, self._mailbox.pop())

    def emit(self, events: Any) -> None:
        """Send events, from a callback or from anywhere on the loop.

        Raises:
            StageStopped: the stage has ended.
            TypeError: ``events`` is no batch.
            BaseException: what the dispatcher has raised, with which the stage ends.
        """
        if self._stopping:
            raise StageStopped(f"stage {self.ref.name!r} has ended and cannot emit")
        batch = as_batch(events, "the argument of emit", must="be")
        try:
            self._send(batch)
        except BaseException as error:
            self.crash(error, self.emit)
            raise
        if self._work.is_possible():  # a dispatcher may have dropped some
            self._wake()

    def supply(self, events: Batch) -> None:
        """Send events of a source that emits by itself; a failure is its owner's alone."""
        if not self._stopping:
            try:
                self.emit(events)
            except BaseException as error:  # noqa: BLE001 - a dispatcher's; it is the owner's
                self.crash(error, self.supply)

    def _settled(self, error: BaseException | None, seconds: float) -> None:
        """What was partitioned elsewhere has left."""
        self.busy += seconds
        if error is not None:
            self.crash(error, self.turn)
        elif self._work.is_possible():
            self._wake()

    def put_first(self, messages: Iterable[Any]) -> None:
        """Put messages before those that wait."""
        self._mailbox.extendleft(reversed(tuple(messages)))
        self._wake()

    def finish(self) -> None:
        """End normally once all events so far have left."""
        self.finishing = self.leaving = True
        self._wake()

    def end(self, reason: Reason, *, finished: bool = False) -> None:
        """Tell the neighbours, cancel a callback that awaits, run ``on_stop``, be gone."""
        if self._stopping:
            return
        self._stopping = True
        self._reason = reason
        if self.outlet is not None:
            self.outlet.end(reason, finished)
        if self.inlet is not None:
            for number, subscription in self.inlet.subscriptions.items():
                subscription._peer.deliver(Cancelled(number, reason))
        if self._task is not None:
            self._task.cancel()  # _resume goes on with _stop
        elif not self._turning:  # else its turn goes on with _stop, when the callback has returned
            self._stop()

    def end_soon(self, reason: Reason, grace: float = GRACE) -> None:
        """End after the messages that wait, at the latest after ``grace`` seconds."""
        self.leaving = True
        self.deliver(Stop(reason))
        if not self._stopping:
            timer = self._loop.call_later(grace, self.end, reason)
            self.ended.add_done_callback(lambda _: timer.cancel())

    @property
    def is_ending(self) -> bool:
        """True once its end has begun, and after it."""
        return self._stopping

    def is_free(self) -> bool:
        """True if it could call a callback now: none awaits, and its end has not begun."""
        return self._task is None and not self._stopping

    @property
    def has_finished(self) -> bool:
        """True once it has ended by its own finish, all its events having left."""
        return self.finishing and self._stopping and self._reason == "normal"

    @property
    def failure(self) -> BaseException | None:
        """What it has crashed with, if it has."""
        return self._reason if isinstance(self._reason, BaseException) else None

    @property
    def is_calling(self) -> bool:
        """True for code that runs in a callback of this stage which awaits."""
        return self._task is not None and self._task is asyncio.current_task()

    @property
    def waits_for(self) -> str | None:
        """The callback that is being awaited."""
        return None if self._task is None else self._task.get_name()

    # Turns.

    def turn(self) -> None:
        """Handle the messages that are there, then do one piece of work."""
        mailbox = self._mailbox
        self._turning = True
        try:
            if not self._stopping:
                for _ in range(len(mailbox)):
                    message = mailbox.popleft()
                    kind = type(message)
                    if kind is Events:  # these two, which most are, call nothing of the user's
                        self.inlet.arrive(message[0], message[1])  # type: ignore[union-attr]
                        continue
                    if kind is Ask:
                        self.outlet.ask(message[0], message[1])  # type: ignore[union-attr]
                        continue
                    HANDLERS[kind](self, message)
                    if self._task is not None or self._stopping:
                        break
                else:
                    self._work.do_piece()
        except BaseException as error:  # noqa: BLE001 - a dispatcher's hash, say; the owner's
            self.crash(error, self.turn)
        self._turning = False
        if self._task is not None:
            return  # _resume puts the stage back into the queue
        self._scheduled = False
        if self._stopping:
            if self.ended.done():
                self._refuse_all()
            elif not self._stop_has_begun:
                self._stop()
        elif self._work.is_possible():
            self._wake(first=self._work.goes_first())
        elif mailbox:
            self._wake()

    def work_off(self) -> bool:
        """Do one piece of what came before the message that is handled; false if nothing is left.

        Events for whose results no consumer has asked are none that can be handled.
        """
        if self.inlet is None or not self.inlet.arrivals or not self._work.is_possible():
            return False
        self._work.do_piece()
        return True

    def ask_when_sent(self, subscription: Subscription, count: int) -> None:
        """In a callback: ask by hand for more, once what it returns has left."""
        assert isinstance(self._work, Consumption)
        self._work.ask_when_sent(subscription, count)

    def hold_demand(self, mode: str) -> None:
        """Pass the demand for a producer on ("forward") or hold it ("accumulate")."""
        if isinstance(self._work, Supply):
            self._work.mode = mode

    def _wake(self, *, first: bool = False) -> None:
        if not self._scheduled and not self._stopping:
            self._scheduled = True
            self._queue.add(self, first=first)

    # Callbacks.

    def call(
        self,
        callback: Callable[..., Any],
        arguments: tuple[Any, ...],
        then: Callable[..., Any],
        *context: Any,
    ) -> None:
        """Call the user's stage, then go on with ``then(result, *context)``.

        Whatever it raises, KeyboardInterrupt included, ends the stage and so reaches its owner.
        """
        try:
            result = callback(*arguments)
            if type(result) in AT_HAND or not is_awaitable(result):
                then(result, *context)
            else:
                self.wait_for(callback, result, then, context)
        except BaseException as error:  # noqa: BLE001 - it is the owner's
            self.crash(error, callback)

    def crash(self, error: BaseException, callback: Callable[..., Any]) -> None:
        """End because a callback has raised ``error``."""
        if self._stopping and error is self._reason:
            return  # an emit of that callback has said so already
        where = f"{callback.__name__} of " if callback != self.turn else ""
        error.add_note(f"in {where}stage {self.ref.name!r}")
        self.end(error)

    def send_result(self, result: Any, callback: str) -> None:
        """Send what a callback returned.

        Raises:
            TypeError: it is no batch, or a consumer returned it.
        """
        if self.outlet is None:
            raise TypeError(
                f"{type(self.stage).__name__}.{callback} returned {result!r:.80}, but a Consumer "
                f"emits nothing; return None, or derive from ProducerConsumer"
            )
        kind = type(result)
        if kind is Batches:
            for batch in result:
                self._send(as_batch(batch, f"{type(self.stage).__name__}.{callback}"))
        elif kind in LISTS:
            self._send(result)
        else:
            self._send(as_batch(result, f"{type(self.stage).__name__}.{callback}"))

    def send_timed(self, result: Any, callback: str, started: float) -> float:
        """Send what a callback that began at ``started`` has returned; count the time of both.

        Returns:
            The seconds of the callback: those that it tells, or else until now.
        """
        ended = self.clock()
        seconds = ended - started
        if result is not None:
            if type(result) is Batches and result.seconds is not None:
                seconds = result.seconds
            self.send_result(result, callback)
            self.busy += self.clock() - ended  # a dispatcher may have hashed every event
        self.busy += seconds
        return seconds

    def _send(self, batch: Batch) -> None:
        assert self.outlet is not None
        dropped = self.outlet.send(batch)
        if dropped and isinstance(self.stage, Emitter):
            if is_coroutine_function(self.stage.format_discarded):
                self.put_first((Discarded(dropped),))  # it is awaited in a turn of its own
            else:
                log_discarded(self.stage.format_discarded(dropped))

    def wait_for(
        self,
        callback: Callable[..., Any],
        awaitable: Any,
        then: Callable[..., Any],
        context: tuple[Any, ...],
    ) -> None:
        """Await what a callback returned, then go on with ``then(result, *context)``."""
        name = f"{self.ref.name}.{callback.__name__}"
        if isinstance(awaitable, Later):
            self._task = awaitable
            awaitable.set_name(name)
        else:
            if type(awaitable) is not CoroutineType:
                awaitable = _as_coroutine(awaitable)
            self._task = self._loop.create_task(awaitable, name=name)
        self._scheduled = True  # so that messages wait in the mailbox until _resume

        def resume(task: asyncio.Task[Any] | Later[Any]) -> None:
            self._task = None
            error = None if task.cancelled() else task.exception()
            if self._stopping:
                if error is not None:
                    self._also_failed(error, callback.__name__)
                elif not task.cancelled():  # it has returned a moment too late
                    if self.inlet is not None:
                        self.inlet.handling = 0
                    if self.outlet is not None:
                        self.outlet.lose_also(task.result())
                self._stop()
                return
            try:
                then(task.result(), *context)
            except BaseException as error:  # noqa: BLE001 - it is the owner's
                self.crash(error, callback)
            else:
                self._scheduled = False
                self._wake()

        self._task.add_done_callback(resume)

    # The end.

    def _stop(self) -> None:
        """Run ``on_stop``, then be gone; its own failure counts unless there was one before."""
        self._stop_has_begun = True
        if self.inlet is not None:
            self.inlet.lose()
        if self.outlet is not None:
            self.outlet.lose()
        if not self.begun:
            self._gone(None)
            return
        try:
            result = self.stage.on_stop(self._reason)
        except BaseException as error:  # noqa: BLE001 - it is the owner's
            self._gone(error)
            return
        if not is_awaitable(result):
            self._gone(None)
            return
        task = self._loop.create_task(_as_coroutine(result), name=f"{self.ref.name}.on_stop")
        timer = self._loop.call_later(GRACE, task.cancel)

        def stopped(task: asyncio.Task[Any]) -> None:
            timer.cancel()
            self._gone(None if task.cancelled() else task.exception())

        task.add_done_callback(stopped)

    def _also_failed(self, error: BaseException, callback: str) -> None:
        """A callback has failed after the end had begun: a note, or the reason if all was well."""
        if error is self._reason:
            return  # it has ended with just that
        error.add_note(f"in {callback} of stage {self.ref.name!r}")
        if isinstance(self._reason, BaseException):
            self._reason.add_note(f"{callback} of stage {self.ref.name!r} then raised {error!r}")
        else:
            self._reason = error

    def _gone(self, error: BaseException | None) -> None:
        if error is not None:
            self._also_failed(error, "on_stop")
        self.stage._running = None
        self.ended.set_result(self._reason)
        self._scheduled = False  # so that messages are refused from now on
        if self.unanswered is not None:
            refuse(self, self.unanswered)
        self._refuse_all()
        for reply in self.opening.values():
            if reply is None:
                self.owner.subscription_settled()
            elif not reply.done():
                reply.set_exception(StageStopped(f"stage {self.ref.name!r} has ended"))
        self.opening.clear()
        answers, self.open_answers = self.open_answers, {}
        for reply, answer in answers.items():
            if answer.done():
                continue  # given a moment ago, and on its way
            if not reply.done():
                reply.set_exception(StageStopped(f"stage {self.ref.name!r} has ended"))
            answer.cancel()
        self.owner.stage_ended(self, self._reason)

    def _refuse_all(self) -> None:
        mailbox, self._mailbox = self._mailbox, deque()
        for message in mailbox:
            refuse(self, message)


async def _as_coroutine(awaitable: Any) -> Any:
    return await awaitable


_CALLING = frozenset(
    function.__code__
    for function in (RunningStage.call, Consumption._handle_events, Supply._handle_demand)
)
"""The code that calls a user's stage: whatever is raised there ends the stage."""


def stage_calling(frame: FrameType | None) -> RunningStage | None:
    """The stage that is calling a callback on this thread, if one is.

    Args:
        frame: where the thread is.
    """
    while frame is not None:
        if frame.f_code in _CALLING:
            caller: RunningStage | Consumption | Supply = frame.f_locals["self"]
            return caller if isinstance(caller, RunningStage) else caller._running
        frame = frame.f_back
    return None
