"""The address of a running stage."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from flowlike.options import check_choice, check_seconds
from flowlike.stages.loop_thread import check_thread
from flowlike.stages.messages import Call, Cast, Info, SetDemand, SubscribeTo
from flowlike.stages.owner import check_reason
from flowlike.stages.subscription import Subscribe, Subscription

if TYPE_CHECKING:
    from flowlike.stages.owner import Reason
    from flowlike.stages.peer import Peer
    from flowlike.stages.running import RunningStage

__all__ = ["StageCounts", "StageRef", "as_subscribe", "check_outside"]


class StageCounts(NamedTuple):
    """What a stage has done so far, in all its lives if it was started again.

    Attributes:
        events_in: events its callbacks were given (a producer: has made).
        events_out: events that have left.
        discarded: events that a full buffer dropped.
        peak_buffer: the most events that were in the buffer at one time.
        busy: seconds spent in its callbacks (awaiting included), in dispatching and in reading.
        made: events that it has handed to its dispatcher or its buffer.
        held: those of them that wait, or did when it ended.
        lost: events that were in the stage, or on their way to it, when it ended: those of a
            callback that had not returned, those that waited to be handled, those in its
            buffer and its dispatcher, those for which its dispatcher has raised, and those that
            came after its end. While a stage lives it loses none.
        batch: how many events one call was to be given at last; 0 for a producer.
    """

    events_in: int
    events_out: int
    discarded: int
    peak_buffer: int
    busy: float
    made: int = 0
    held: int = 0
    lost: int = 0
    batch: int = 0


_NOTHING = StageCounts(0, 0, 0, 0, 0.0)


class StageRef:
    """Names a running stage and carries messages to it. Made by :meth:`StageGroup.start`.

    Use it on the event loop of its group: a message from another thread is a ``RuntimeError``
    that says how to send it.

    Attributes:
        name: for people; need not be unique.
        deliver: puts a message of the stage protocol into its mailbox.
    """

    __slots__ = ("__weakref__", "_before", "_stage", "_thread", "deliver", "name")

    def __init__(self, stage: RunningStage, name: str) -> None:
        self._stage = stage
        self._thread = get_ident()
        self._before: StageCounts | None = None  # of the lives that it had before
        self.name = name
        self.deliver = stage.deliver

    def renew(self, stage: RunningStage) -> None:
        """From now on this is the address of ``stage``, which takes the place of an ended one."""
        self._before = self.counts()
        stage.ref = self
        self._stage = stage
        self.deliver = stage.deliver

    def __repr__(self) -> str:
        state = "ended" if self._stage.ended.done() else "running"
        return f"<StageRef {self.name!r} {state}>"

    @property
    def emits(self) -> bool:
        """True if one can subscribe to it: a producer or producer-consumer."""
        return self._stage.outlet is not None

    @property
    def consumes(self) -> bool:
        """True if it can subscribe: a consumer or producer-consumer."""
        return self._stage.inlet is not None

    @property
    def has_ended(self) -> bool:
        """True once it has ended; a group may start it again."""
        return self._stage.ended.done()

    @property
    def is_calling(self) -> bool:
        """True for code that runs in a callback of this stage which awaits."""
        return self._stage.is_calling

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that it runs on."""
        return self._stage.ended.get_loop()

    async def subscribe(self, to: Subscribe | Peer) -> Subscription:
        """Subscribe this stage to a producer; returns when the producer has accepted.

        Raises:
            TypeError: this stage is a producer, or ``to`` none.
            ValueError: the producer's dispatcher refuses the options.
            StageStopped: one of the two has ended.
            RuntimeError: a callback of one of the two would wait here for its own end.
        """
        options = as_subscribe(to)
        if self._stage.inlet is None:
            raise TypeError(
                f"stage {self.name!r} is a producer and cannot subscribe to anything; "
                "derive it from ProducerConsumer or Consumer"
            )
        check_outside(self, options.to)
        reply: asyncio.Future[Subscription] = asyncio.get_running_loop().create_future()
        self.deliver(SubscribeTo(options, reply))
        return await reply

    async def call(self, request: Any, timeout: float | timedelta | None = 5) -> Any:
        """Send a request to ``handle_call`` and return its reply.

        Args:
            request: anything.
            timeout: seconds to wait for the reply; ``None``: for ever.

        Raises:
            TypeError: ``timeout`` is no duration.
            ValueError: ``timeout`` is 0 or less.
            TimeoutError: no reply in time.
            StageStopped: the stage has ended.
            RuntimeError: called in another thread, or by a callback of the stage itself.
            Exception: what ``handle_call`` raised; the stage lives on.
        """
        self._check_thread("call", "asyncio.run_coroutine_threadsafe(ref.call(request), loop)")
        instead = "call in a task of its own, or a plain method"
        check_outside(self, waits_for="its own reply", instead=instead)
        seconds = None if timeout is None else check_seconds("timeout", timeout)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.deliver(Call(request, reply))
        try:
            done, _ = await asyncio.wait([reply], timeout=seconds)
        finally:
            reply.cancel()  # an answer that comes later is for nobody
        if not done:
            busy = self._stage.waits_for
            why = "" if busy is None else f": {busy} has not returned"
            raise TimeoutError(f"stage {self.name!r} did not reply within {seconds} s{why}")
        return reply.result()

    def cast(self, message: Any) -> None:
        """Send a message to ``handle_cast``; there is no reply.

        Raises:
            RuntimeError: called in another thread.
        """
        self._check_thread("cast", "loop.call_soon_threadsafe(ref.cast, message)")
        self.deliver(Cast(message))

    def send(self, message: Any) -> None:
        """Send a message to ``handle_info``; there is no reply.

        Raises:
            RuntimeError: called in another thread.
        """
        self._check_thread("send", "loop.call_soon_threadsafe(ref.send, message)")
        self.deliver(Info(message))

    async def stop(self, reason: Reason = "normal") -> None:
        """End the stage and wait until it has ended.

        It handles the messages before this one first, and the events that came before, as far as
        its consumers have asked for what becomes of them. What still awaits after 5 s is cancelled.

        Raises:
            ValueError: ``reason`` is neither "normal", "shutdown" nor an exception.
            RuntimeError: called by a callback of the stage itself, which has ``finish()``.
        """
        check_outside(self, waits_for="its own end", instead=_END_INSTEAD)
        self._stage.end_soon(check_reason(reason))
        await self.wait()

    async def wait(self) -> Reason:
        """Wait until the stage has ended; one that its group starts again, until it ends next.

        Returns:
            The reason: "normal" or "shutdown" for a planned end, else the exception.

        Raises:
            RuntimeError: called by a callback of the stage itself.
        """
        check_outside(self, waits_for="its own end", instead=_END_INSTEAD)
        return await asyncio.shield(self._stage.ended)

    async def demand(self, mode: str) -> None:
        """Tell a producer to hand demand to ``handle_demand`` or to hold it back.

        Args:
            mode: "forward" or "accumulate".

        Raises:
            TypeError: the stage is no producer.
            ValueError: another mode.
        """
        self.set_demand(mode)

    def set_demand(self, mode: str) -> None:
        """The same as :meth:`demand` for code that cannot await.

        Raises:
            TypeError: the stage is no producer.
            ValueError: another mode.
        """
        check_choice("mode", mode, ("forward", "accumulate"))
        if self._stage.inlet is not None:
            raise TypeError(f"stage {self.name!r} is no producer; only a producer holds demand")
        self.deliver(SetDemand(mode))

    def finish(self) -> None:
        """Let the stage end normally once its events so far have left, as its own ``finish``."""
        self._stage.finish()

    def end(self, reason: Reason = "normal") -> None:
        """End the stage now, a callback that awaits included; what it holds is lost and counted.

        Raises:
            ValueError: ``reason`` is neither "normal", "shutdown" nor an exception.
        """
        self._stage.end(check_reason(reason))

    def gone(self) -> asyncio.Future[Any]:
        """Resolved once the stage has ended and its group is not going to start it again.

        Cancel it when you wait no longer.
        """
        return self._stage.owner.gone(self._stage)

    def _check_thread(self, what: str, instead: str) -> None:
        check_thread(self._thread, self._stage._loop, what, instead)

    def counts(self) -> StageCounts:
        """What the stage has done so far; still there after its end, and after a restart."""
        stage, before = self._stage, self._before or _NOTHING
        inlet, outlet = stage.inlet, stage.outlet
        made = outlet.made if outlet else 0
        return StageCounts(
            events_in=before.events_in + (stage.events_in if inlet else made),
            events_out=before.events_out + (outlet.events_out if outlet else 0),
            discarded=before.discarded + (outlet.discarded if outlet else 0),
            peak_buffer=max(before.peak_buffer, outlet.buffer.peak if outlet else 0),
            busy=before.busy + stage.busy,
            made=before.made + made,
            held=before.held + (outlet.held() + outlet.lost if outlet else 0),
            lost=before.lost + (inlet.lost if inlet else 0) + (outlet.lost if outlet else 0),
            batch=stage.batch,
        )

    async def buffered_count(self) -> int:
        """How many events wait in the stage because nobody asked for them yet."""
        outlet = self._stage.outlet
        return 0 if outlet is None else outlet.held()


_END_INSTEAD = "end with self.finish(), or wait in a task of its own"


def check_outside(
    *stages: Peer,
    waits_for: str = "a subscription",
    instead: str = "subscribe in a task of its own",
) -> None:
    """Whoever waits for a turn of a stage must not be the callback that the stage waits for.

    Args:
        stages: that would have to take a turn.
        waits_for: the caller does, in words.
        instead: what it can do.

    Raises:
        RuntimeError: the current task is a callback of one of these stages.
    """
    for each in stages:
        if each.is_calling:
            raise RuntimeError(
                f"a callback of stage {each.name!r} waits for {waits_for} and so for itself; "
                f"{instead}"
            )


def as_subscribe(to: Subscribe | Peer) -> Subscribe:
    """A ``StageRef`` in the place of a ``Subscribe`` means the defaults.

    Raises:
        TypeError: it is neither, or the stage has no consumers' side.
    """
    options = to if isinstance(to, Subscribe) else Subscribe(to)
    if not options.to.emits:
        raise TypeError(
            f"stage {options.to.name!r} is a consumer and emits nothing; "
            "subscribe to a Producer or ProducerConsumer"
        )
    return options
