"""The three kinds of stages that a user writes: producer, producer-consumer, consumer.

A stage is an ordinary object with callbacks. It runs once it is started in a
:class:`~flowlike.StageGroup`; from then on its callbacks are called one at a time, in the
order of the messages, on the event loop of the group. A callback may be a coroutine
function: the stage then takes its next message when that has returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flowlike.batches import Batch
from flowlike.errors import StageStopped
from flowlike.stages.dispatchers import DemandDispatcher, Dispatcher

if TYPE_CHECKING:
    from flowlike.stages.running import RunningStage
    from flowlike.stages.subscription import Subscribe, Subscription

__all__ = ["Batches", "Consumer", "Emitter", "Producer", "ProducerConsumer", "Stage"]

In = TypeVar("In")
Out = TypeVar("Out")


class Batches(list[Batch]):
    """Several batches returned from one callback; each leaves as it is, in order.

    A callback that returns a list, range or array returns *one* batch of events. One that has
    cut its events already (a window for a window, arrays of several dtypes) returns
    ``Batches([first, second])``.

    Args:
        batches: in order.
        seconds: what handling has cost, where that is not the time that the callback took
            (it waited for a thread, say); it decides how many events "auto" asks for.
    """

    __slots__ = ("seconds",)

    def __init__(self, batches: Iterable[Batch] = (), *, seconds: float | None = None) -> None:
        super().__init__(batches)
        self.seconds = seconds


class Stage:
    """What all stages have in common. Derive from one of its three subclasses.

    No ``super().__init__()`` is needed.
    """

    _running: RunningStage | None = None
    _is_open = False  # true for one that is closed by `on_stop` even if it never came to `on_start`

    def on_start(self) -> Any:
        """Called first, before the stage subscribes to anything."""

    def on_stop(self, reason: str | BaseException) -> Any:
        """Called last, whatever ended the stage; not if it ended before ``on_start``.

        Args:
            reason: "normal" or "shutdown" for a planned end, else the exception.
        """

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> Any:
        """Called on either end of a new subscription.

        Args:
            role: what the peer is, "producer" or "consumer".
            options: the ``Subscribe`` it was asked with.
            peer: the subscription; a consumer keeps it for ``peer.ask(n)``.

        Returns:
            On the consumer's end "automatic" (``None`` means that) to ask by itself, or
            "manual" to ask with ``peer.ask(n)`` only.
        """
        return "automatic"

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> Any:
        """Called when a subscription is over; may return events.

        A consumer hears of it whether the subscription was cancelled or its producer has ended,
        after all events of that; a producer when it was cancelled or its consumer has ended. For
        the end of the stage itself there is :meth:`on_stop`.
        """

    def handle_call(self, request: Any) -> Any:
        """Called for :meth:`StageRef.call`; what it returns is the reply.

        To reply later return an ``asyncio.Future`` (or task) and resolve it when it is time; the
        stage takes other messages meanwhile. The future is cancelled when the caller has given up
        or the stage has ended. A coroutine is awaited before the next message.
        """
        raise NotImplementedError(f"{type(self).__name__} has no handle_call")

    def handle_cast(self, message: Any) -> Any:
        """Called for :meth:`StageRef.cast`; may return events."""
        raise NotImplementedError(f"{type(self).__name__} has no handle_cast")

    def handle_info(self, message: Any) -> Any:
        """Called for :meth:`StageRef.send`; may return events. The default ignores it."""

    def finish(self) -> None:
        """End this stage normally once its events so far have left.

        What the running callback returns is included. May be called at any time.

        Raises:
            StageStopped: the stage is not running.
            RuntimeError: called in another thread.
        """
        running = self._started()
        running.ref._check_thread("finish", "loop.call_soon_threadsafe(stage.finish)")
        running.finish()

    def _started(self) -> RunningStage:
        if self._running is None:
            raise StageStopped(
                f"{type(self).__name__} is not running; start it in a StageGroup first"
            )
        return self._running


class Emitter(Stage, Generic[Out]):
    """A stage that has consumers: a :class:`Producer` or :class:`ProducerConsumer`.

    Attributes:
        dispatcher: who gets the events; each running stage takes a fresh copy.
        buffer_size: how many events nobody asked for are kept.
        buffer_keep: "last" drops the oldest when the buffer is full, "first" the newest.
    """

    dispatcher: Dispatcher = DemandDispatcher()
    buffer_size: float = 10_000
    buffer_keep: str = "last"

    def emit(self, events: Batch) -> None:
        """Send events at once, as far as they were asked for; the rest waits in the buffer.

        Do not change the batch afterwards: consumers may be given this very object.

        Call it on the loop of the stage, inside a callback or outside; from another thread with
        ``loop.call_soon_threadsafe(stage.emit, events)``.

        A dispatcher that raises (a ``hash`` of yours, say) ends the stage, as in a callback, and
        its group is told, whether the exception, which is raised here too, is caught or not.

        Raises:
            StageStopped: the stage is not running.
            TypeError: ``events`` is no batch; the stage lives on.
            RuntimeError: called in another thread.
            BaseException: what the dispatcher has raised.
        """
        running = self._started()
        running.ref._check_thread("emit", "loop.call_soon_threadsafe(stage.emit, events)")
        running.emit(events)

    def format_discarded(self, count: int) -> str | None:
        """What to log when a full buffer dropped ``count`` events; ``None``: nothing."""
        return f"{type(self).__name__} has discarded {count} events from its buffer"


class Producer(Emitter[Out]):
    """A source of events. Write :meth:`handle_demand`.

    Attributes:
        demand: "forward", or "accumulate" to hold demand until
            :meth:`StageRef.demand` says "forward".
    """

    demand: str = "forward"

    def handle_demand(self, demand: int) -> Any:
        """Called with the number of events that were asked for since the last call.

        Returns:
            As many events as there are now, at most ``demand``; the others may follow by
            ``emit`` at any time, and are not asked for again.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a handle_demand(demand)")


class ProducerConsumer(Emitter[Out], Generic[In, Out]):
    """Turns events into events. Write :meth:`handle_events`.

    It is given events only while its own consumers have open demand, and finishes by itself
    when all its producers have finished.
    """

    buffer_size: float = float("inf")

    def handle_events(self, events: Any, producer: Subscription) -> Any:
        """Called with a batch of one producer; returns the events to send on."""
        raise NotImplementedError(f"{type(self).__name__} needs a handle_events(events, producer)")


class Consumer(Stage, Generic[In]):
    """The end of a pipeline. Write :meth:`handle_events`, which returns nothing."""

    def handle_events(self, events: Any, producer: Subscription) -> Any:
        """Called with a batch of one producer."""
        raise NotImplementedError(f"{type(self).__name__} needs a handle_events(events, producer)")
