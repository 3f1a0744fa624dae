"""A replica of a layer: the stage that carries a program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from time import perf_counter
from typing import Any, NamedTuple

from flowlike.batches import Batch, join
from flowlike.connectors import Drain
from flowlike.flow.calling import Caller
from flowlike.flow.failure_feed import Feed
from flowlike.flow.native_reply import NativeReply, Steps
from flowlike.numbered import Numbered
from flowlike.operators import Calls, Counts, Program, Together
from flowlike.stages import Batches, Dispatcher, ProducerConsumer, Subscribe, Subscription
from flowlike.stages.later import Later

__all__ = ["OrderedReplica", "Replica", "ReplicaCounts", "Upstream"]


class Upstream(NamedTuple):
    """The tag of a replica's subscription.

    Attributes:
        number: of the producer, from 0, in the order of the plan.
        foreign: whether it is a stage that is not the flow's.
    """

    number: int
    foreign: bool = False


class ReplicaCounts(NamedTuple):
    """What the program of a replica has counted so far.

    Attributes:
        tally: what became of the events in its steps.
        late: events that came after their window had closed; ``None``: it has no state, from
            which all would come that leaves it.
    """

    tally: Counts
    late: int | None


class Tick(NamedTuple):
    """Tells a replica that the time has come which its program has asked for."""

    due: float


class Replica(ProducerConsumer[Any, Any]):
    """Feeds its program with batches and does the calls that the program asks for.

    A program that waits for a time has one timer, which ends with the stage.

    Args:
        program: what the layer does; this replica's alone. Or those of several replicas.
        producers: how many producers it will be subscribed to.
        caller: does the calls.
        dispatcher: chooses the replica of the next layer.
        on_init: called without arguments when the stage starts.
        feeds: where it sends failures.

    Attributes:
        program: the same.
    """

    def __init__(
        self,
        program: Program | Together,
        *,
        producers: int,
        caller: Caller,
        dispatcher: Dispatcher,
        on_init: Callable[[], Any] | None,
        feeds: Sequence[Feed] = (),
    ) -> None:
        self.dispatcher = dispatcher
        self.program = program
        self._open_producers = producers
        self._caller = caller
        self._on_init = on_init
        self._feeds = feeds
        self._foreign: list[Subscription] = []
        self._timed = program.timed
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None  # when the timer rings
        self._time: Callable[[], float] = float

    def on_start(self) -> None:
        """Call the user's ``on_init``; its result is ignored."""
        if self._timed:
            self._time = asyncio.get_running_loop().time
            self.program.begin(self._time())
            self._arm()
        if self._on_init is not None:
            try:
                self._on_init()
            except BaseException as error:
                error.add_note("in on_init")
                raise

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Remember what has to be cancelled in order to drain."""
        if role == "producer" and options.tag.foreign:
            self._foreign.append(peer)
        return "automatic"

    def on_stop(self, reason: str | BaseException) -> None:
        """End the timer; no more failures are sent."""
        if self._timer is not None:
            self._timer.cancel()
        for feed in self._feeds:
            feed.release()

    def handle_cast(self, message: Drain | Tick) -> Any:
        """Do what is due, or, to drain, take no more of stages that are not the flow's."""
        if isinstance(message, Tick):
            if self._open_producers == 0:
                return None  # it was on its way when the end came
            # A loop may call a little early.
            now = max(message.due, self._time())
            return self._drive(self._armed(self.program.tick(now)), perf_counter())
        return self._leave()

    async def _leave(self) -> None:
        """Those stages live on."""
        foreign, self._foreign = self._foreign, []
        for subscription in foreign:
            await subscription.cancel()

    def handle_events(
        self, events: Batch, producer: Subscription
    ) -> Batches | Later[Batches] | Coroutine[Any, Any, Batches]:
        """Push a batch through the program."""
        number = producer.options.tag.number
        if self._timed:
            steps = self._armed(self.program.push(events, number, self._time()))
        else:
            steps = self.program.push(events, number)
        return self._drive(steps, perf_counter())

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> Any:
        """After a producer's last event tell the program; after the last one's, let it finish."""
        if peer.role == "consumer" or isinstance(reason, BaseException):
            return None
        self._open_producers -= 1
        if self._open_producers:
            steps = self.program.upstream_ended(peer.options.tag.number, self._time())
            return self._drive(self._armed(steps), perf_counter())
        self.finish()  # a subscription that was cancelled, to drain, does not do so by itself
        return self._drive(self._armed(self.program.finish(self._time())), perf_counter())

    def counts(self) -> ReplicaCounts:
        """What its program has counted so far."""
        program = self.program
        return ReplicaCounts(program.counts(), program.late if program.has_state else None)

    def format_discarded(self, count: int) -> str:
        """Says which layer it was."""
        return f"{self._started().ref.name} has discarded {count} events from its full buffer"

    def _armed(self, steps: Steps) -> Steps:
        """The same; when it is done the timer is set to what the program then waits for."""
        batches = yield from steps
        self._arm()
        return batches

    def _arm(self) -> None:
        due = self.program.deadline
        if due != self._due:
            self._due = due
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if due is not None:
                self._timer = asyncio.get_running_loop().call_at(due, self._ring, due)

    def _ring(self, due: float) -> None:
        self._timer = self._due = None
        self._started().ref.cast(Tick(due))

    def _drive(
        self, steps: Steps, started: float
    ) -> Batches | Later[Batches] | Coroutine[Any, Any, Batches]:
        """Run the program as far as it goes by itself; a coroutine does the rest."""
        try:
            calls = next(steps)
            while (results := self._caller.do_now(calls)) is not None:
                calls = steps.send(results)
        except StopIteration as done:
            return Batches(done.value)
        if Caller.is_native(calls):
            return NativeReply(steps, calls, self._caller, started, self._continue)
        return self._continue(steps, calls, started)

    async def _continue(self, steps: Steps, calls: Calls, started: float) -> Batches:
        """Await the calls; what they cost counts, not the time until a thread was free."""
        self._caller.seconds = 0.0
        waited = 0.0
        try:
            while True:
                asked = perf_counter()
                try:
                    results = await self._caller.do(calls)
                except BaseException as error:  # noqa: BLE001 - the program's to note and to raise again
                    calls = steps.throw(error)
                else:
                    waited += perf_counter() - asked
                    calls = steps.send(results)
        except StopIteration as done:
            seconds = perf_counter() - started - waited + self._caller.seconds
            return Batches(done.value, seconds=seconds)


class OrderedReplica(Replica):
    """Keeps with the events the numbers that they came with, for a layer without a state.

    What becomes of a batch leaves as one piece, even if that is nothing, for somebody waits for it.
    """

    def handle_events(
        self, events: Numbered, producer: Subscription
    ) -> Batches | Later[Batches] | Coroutine[Any, Any, Batches]:
        """Push a batch through the program."""
        return self._drive(self._numbered(events), perf_counter())

    def _numbered(self, numbered: Numbered) -> Steps:
        batches = yield from self.program.push(numbered.events)
        return [Numbered(numbered.first, numbered.behind, join(batches))]
