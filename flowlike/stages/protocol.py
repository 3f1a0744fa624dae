"""What a stage does with each message: one function a message, and the table of them.

Events and demand, which most messages are, go to the inlet and the outlet without passing here:
see :meth:`RunningStage.turn`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from flowlike.errors import StageStopped
from flowlike.options import check_choice
from flowlike.stages.messages import (
    Accepted,
    Ask,
    Call,
    Cancelled,
    Cast,
    Discarded,
    Ended,
    Events,
    Info,
    Refused,
    SetDemand,
    Start,
    Stop,
    Subscribed,
    SubscribeTo,
)
from flowlike.stages.numbers import numbers
from flowlike.stages.subscription import Subscription

if TYPE_CHECKING:
    from flowlike.stages.owner import Reason
    from flowlike.stages.running import RunningStage

__all__ = ["HANDLERS", "log_discarded", "origin_of", "refuse"]

_log = logging.getLogger("flowlike")


def _start(running: RunningStage, message: Start) -> None:
    def started(_: Any) -> None:
        running.unanswered = None
        # One after the other, each callback to its end, before anything that came meanwhile.
        running.put_first(message.subscribe_to)
        if message.reply is not None and not message.reply.done():
            message.reply.set_result(None)

    running.unanswered = message
    running.begun = True
    running.call(running.stage.on_start, (), started)


def _subscribe_to(running: RunningStage, message: SubscribeTo) -> None:
    """As a consumer: ask a producer to take us in; its first demand follows at once."""
    options, reply = message
    number = next(numbers)
    subscription = Subscription(number, running.ref, options.to, options, "producer")
    assert running.inlet is not None
    running.opening[number] = reply
    running.inlet.subscriptions[number] = subscription
    options.to.deliver(Subscribed(number, running.ref, options))

    def subscribed(mode: Any) -> None:
        chosen = check_choice("handle_subscribe", mode or "automatic", ("automatic", "manual"))
        if chosen == "automatic":
            demand = subscription._demand = options.policy()
            if not running.leaving:
                options.to.deliver(Ask(number, demand.first()))

    callback = running.stage.handle_subscribe
    running.call(callback, ("producer", options, subscription), subscribed)


def _subscribed(running: RunningStage, message: Subscribed) -> None:
    """As a producer: take a consumer in, or say why not."""
    number, consumer, options = message
    subscription = Subscription(number, running.ref, consumer, options, "consumer")
    assert running.outlet is not None
    try:
        running.outlet.add(subscription)
    except Exception as error:  # noqa: BLE001 - whatever the dispatcher has against it
        consumer.deliver(Refused(number, error))
        return
    consumer.deliver(Accepted(number))
    callback = running.stage.handle_subscribe
    running.call(callback, ("consumer", options, subscription), lambda _: None)


def _accepted(running: RunningStage, message: Accepted) -> None:
    if message.subscription not in running.opening:
        return  # asked for before a restart, which has cancelled it
    reply = running.opening.pop(message.subscription)
    assert running.inlet is not None
    if reply is None:
        running.owner.subscription_settled()
    elif not reply.done():
        reply.set_result(running.inlet.subscriptions[message.subscription])


def _refused(running: RunningStage, message: Refused) -> None:
    """Who asked for the subscription is told; if nobody waits, the stage itself fails."""
    if message.subscription not in running.opening:
        return  # asked for before a restart
    reply = running.opening.pop(message.subscription)
    assert running.inlet is not None
    running.inlet.subscriptions.pop(message.subscription)
    if reply is None:
        running.owner.subscription_settled()
        running.end(origin_of(message.error))
    elif not reply.done():
        reply.set_exception(message.error)


def _cancelled(running: RunningStage, message: Cancelled) -> None:
    """The producer's end decides which event was the last; the consumer hears it in order."""
    number, reason = message
    # The producer's end first: a stage may be subscribed to itself.
    subscription = None if running.outlet is None else running.outlet.remove(number, reason)
    if subscription is not None:

        def cancelled(result: Any) -> None:
            if result is not None:
                running.send_result(result, "handle_cancel")

        running.call(running.stage.handle_cancel, (reason, subscription), cancelled)
    elif running.inlet is not None:
        running.inlet.arrive_end(message)


def _ended(running: RunningStage, message: Ended) -> None:
    assert running.inlet is not None
    running.inlet.arrive_end(message)


def _stop(running: RunningStage, message: Stop) -> None:
    """End, after the events that came before this message."""
    if running.work_off():
        running.put_first((message,))
    else:
        running.end(message.reason)


def _discarded(running: RunningStage, message: Discarded) -> None:
    stage: Any = running.stage
    running.call(stage.format_discarded, (message.events,), log_discarded)


def log_discarded(text: str | None) -> None:
    """Log what ``format_discarded`` has returned."""
    if text is not None:
        _log.warning("%s", text)


def _set_demand(running: RunningStage, message: SetDemand) -> None:
    running.hold_demand(message.mode)


def _call(running: RunningStage, message: Call) -> None:
    """A failure of ``handle_call`` belongs to the caller; the stage lives on."""
    request, reply = message

    async def handle_call(answer: Any) -> None:
        try:
            value = await answer
        except asyncio.CancelledError:
            if running.is_ending:
                raise
            _fail_cancelled(running, reply)
        except Exception as error:  # noqa: BLE001 - handed to the caller whatever it is
            if not reply.done():
                reply.set_exception(error)
        else:
            if not reply.done():
                reply.set_result(value)

    def answered(_: Any = None) -> None:
        running.unanswered = None

    running.unanswered = message
    try:
        answer = running.stage.handle_call(request)
    except Exception as error:  # noqa: BLE001 - handed to the caller whatever it is
        if not reply.done():
            reply.set_exception(error)
    except BaseException as error:  # noqa: BLE001 - Ctrl-C, say; it is the owner's
        running.crash(error, running.stage.handle_call)
        return
    else:
        if isinstance(answer, asyncio.Future):
            _reply_later(running, answer, reply)
        elif type(answer) is CoroutineType or hasattr(type(answer), "__await__"):
            running.call(handle_call, (answer,), answered)
            if type(answer) is CoroutineType and running._task is not None:
                # One that was cancelled before its first step was never awaited.
                running._task.add_done_callback(lambda _: answer.close())
            return
        elif not reply.done():
            reply.set_result(answer)
    answered()


def _reply_later(
    running: RunningStage, answer: asyncio.Future[Any], reply: asyncio.Future[Any]
) -> None:
    """The stage goes on; whichever comes first ends the other: answer, caller, or stage.

    The stage sees to its own end.
    """

    def answered(answer: asyncio.Future[Any]) -> None:
        running.open_answers.pop(reply, None)
        if reply.done():
            return
        if answer.cancelled():
            _fail_cancelled(running, reply)
        elif (error := answer.exception()) is not None:
            reply.set_exception(error)
        else:
            reply.set_result(answer.result())

    def given_up(reply: asyncio.Future[Any]) -> None:
        if reply.cancelled():
            answer.cancel()

    running.open_answers[reply] = answer
    reply.add_done_callback(given_up)
    answer.add_done_callback(answered)


def _fail_cancelled(running: RunningStage, reply: asyncio.Future[Any]) -> None:
    """What the answer waits for was cancelled; the caller itself is not."""
    if not reply.done():
        text = f"stage {running.ref.name!r} has cancelled the answer to this call"
        reply.set_exception(RuntimeError(text))


def _cast(running: RunningStage, message: Cast) -> None:
    _tell(running, running.stage.handle_cast, message.message)


def _info(running: RunningStage, message: Info) -> None:
    _tell(running, running.stage.handle_info, message.message)


def _tell(running: RunningStage, callback: Callable[[Any], Any], message: Any) -> None:
    context = (callback.__name__, running.clock())
    running.call(callback, (message,), running.send_timed, *context)


HANDLERS: dict[type, Callable[[RunningStage, Any], None]] = {
    Accepted: _accepted,
    Call: _call,
    Cancelled: _cancelled,
    Cast: _cast,
    Discarded: _discarded,
    Ended: _ended,
    Info: _info,
    Refused: _refused,
    SetDemand: _set_demand,
    Start: _start,
    Stop: _stop,
    Subscribed: _subscribed,
    SubscribeTo: _subscribe_to,
}


def origin_of(reason: Reason) -> Reason:
    """The crash that a reason tells of, where it only says that another stage has ended."""
    while isinstance(reason, StageStopped) and reason.__cause__ is not None:
        reason = reason.__cause__
    return reason


def refuse(running: RunningStage, message: Any) -> None:
    """A message for a stage that has ended: events are lost, who waits for an answer gets one."""
    error = StageStopped(f"stage {running.ref.name!r} has ended")
    error.__cause__ = running.failure
    if isinstance(message, Subscribed):
        message.consumer.deliver(Refused(message.subscription, error))
        return
    if isinstance(message, Events):
        assert running.inlet is not None
        running.inlet.lost += len(message.batch)
        return
    if isinstance(message, Start):
        for subscribe_to in message.subscribe_to:
            refuse(running, subscribe_to)
    reply = getattr(message, "reply", None)
    if reply is not None and not reply.done():
        reply.set_exception(error)
    elif reply is None and isinstance(message, SubscribeTo):
        running.owner.subscription_settled()
