"""A replica of a layer: the stage that carries a program."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from time import perf_counter
from typing import Any

from flowlike.batches import Batch
from flowlike.connectors import Drain
from flowlike.flow.calling import Caller
from flowlike.operators import Calls, Program
from flowlike.stages import Batches, Dispatcher, ProducerConsumer, Subscribe, Subscription

__all__ = ["FOREIGN", "Replica"]

FOREIGN = object()
"""The tag of a subscription to a stage that is not the flow's."""

Steps = Generator[Calls, list[Any], list[Batch]]


class Replica(ProducerConsumer[Any, Any]):
    """Feeds its program with batches and does the calls that the program asks for.

    Args:
        program: what the layer does; this replica's alone.
        producers: how many producers it will be subscribed to.
        caller: does the calls.
        dispatcher: chooses the replica of the next layer.
        on_init: called without arguments when the stage starts.
    """

    def __init__(
        self,
        program: Program,
        *,
        producers: int,
        caller: Caller,
        dispatcher: Dispatcher,
        on_init: Callable[[], Any] | None,
    ) -> None:
        self.dispatcher = dispatcher
        self._program = program
        self._open_producers = producers
        self._caller = caller
        self._on_init = on_init
        self._foreign: list[Subscription] = []

    def on_start(self) -> None:
        """Call the user's ``on_init``; its result is ignored."""
        if self._on_init is not None:
            try:
                self._on_init()
            except BaseException as error:
                error.add_note("in on_init")
                raise

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Remember what has to be cancelled in order to drain."""
        if role == "producer" and options.tag is FOREIGN:
            self._foreign.append(peer)
        return "automatic"

    async def handle_cast(self, message: Drain) -> None:
        """Take no more of stages that are not the flow's: they live on."""
        foreign, self._foreign = self._foreign, []
        for subscription in foreign:
            await subscription.cancel()

    def handle_events(
        self, events: Batch, producer: Subscription
    ) -> Batches | Coroutine[Any, Any, Batches]:
        """Push a batch through the program."""
        return self._drive(self._program.push(events), perf_counter())

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> Any:
        """After the last producer's last event: let the program finish."""
        if peer.role == "consumer" or isinstance(reason, BaseException):
            return None
        self._open_producers -= 1
        if self._open_producers:
            return None
        self.finish()  # a subscription that was cancelled, to drain, does not do so by itself
        return self._drive(self._program.finish(), perf_counter())

    def format_discarded(self, count: int) -> str:
        """Says which layer it was."""
        return f"{self._started().ref.name} has discarded {count} events from its full buffer"

    def _drive(self, steps: Steps, started: float) -> Batches | Coroutine[Any, Any, Batches]:
        """Run the program as far as it goes by itself; a coroutine does the rest."""
        try:
            calls = next(steps)
            while (results := self._caller.do_now(calls)) is not None:
                calls = steps.send(results)
        except StopIteration as done:
            return Batches(done.value)
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
