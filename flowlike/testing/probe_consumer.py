"""A consumer that asks when a test says so, and tells what came."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from flowlike.batches import events_of
from flowlike.options import check_count, check_seconds
from flowlike.stages import Consumer, Subscribe, Subscription
from flowlike.testing.virtual_loop import settled
from flowlike.testing.watch import Watch

__all__ = ["ProbeConsumer"]

In = TypeVar("In")


class ProbeConsumer(Consumer[In]):
    """Asks for events by hand and compares those that arrive; see :class:`ProbeProducer`.

    Events that no ``expect`` has seen yet wait for the next one.

    Args:
        manual: ``False`` to let it ask by itself, as its subscriptions say.

    Attributes:
        events: every event so far, in order.
        cancelled: the reason of each subscription that is over, in order.
        reason: why it has ended; ``None`` while it runs.
    """

    def __init__(self, *, manual: bool = True) -> None:
        self.events: list[In] = []
        self.cancelled: list[str | BaseException] = []
        self.reason: str | BaseException | None = None
        self._manual = manual
        self._seen = 0
        self._producers: list[Subscription] = []
        self._watch = Watch()

    def ask(self, count: int, *, tag: Any = None) -> None:
        """Ask a producer for ``count`` events more.

        Args:
            count: how many.
            tag: that of the subscription; may be left out if there is only one.

        Raises:
            TypeError: ``count`` is no integer.
            ValueError: ``count < 1``, the demand is automatic, or no subscription or more than one
                is meant.
        """
        meant = [each for each in self._producers if tag is None or each.tag == tag]
        if len(meant) != 1:
            raise ValueError(
                f"ask(tag={tag!r}) means {len(meant)} of the {len(self._producers)} subscriptions "
                "of this probe; it must be one: give each Subscribe a tag of its own"
            )
        meant[0].ask(count)

    async def take(self, count: int, *, within: float = 1.0) -> list[In]:
        """Wait for the next ``count`` events and return them.

        Args:
            count: how many.
            within: seconds to wait for them, of the loop's clock.

        Raises:
            AssertionError: fewer came.
            TypeError: an argument is no number.
            ValueError: an argument is negative.
        """
        check_count("count", count, least=0)
        check_seconds("within", within, positive=False)
        start = self._seen
        enough = start + count
        if not await self._watch.until(lambda: len(self.events) >= enough, within):
            raise AssertionError(
                f"expected {count} events within {within} s, but {len(self.events) - start} came: "
                f"{self.events[start:]!r:.500}{self._ended()}"
            )
        self._seen = enough
        return self.events[start:enough]

    async def expect(self, events: Sequence[In], *, within: float = 1.0) -> None:
        """Wait for as many events as these; they must be these, in this order.

        Raises:
            AssertionError: they are others, or fewer.
            TypeError: ``within`` is no number.
            ValueError: ``within`` is negative.
        """
        expected = list(events_of(events))
        start = self._seen
        try:
            came = await self.take(len(expected), within=within)
        except AssertionError as error:
            error.add_note(f"expected were {expected!r:.500}")
            raise
        if not all(map(_equal, came, expected)):
            self._seen = start
            raise AssertionError(f"expected {expected!r:.500}, but {came!r:.500} came")

    async def expect_nothing(self, *, within: float = 0.0) -> None:
        """Let everything run that can: no event may come.

        Args:
            within: seconds to wait beyond that, of the loop's clock.

        Raises:
            AssertionError: an event came, or had come and was never expected.
            RuntimeError: this is no ``VirtualLoop``.
            TypeError: ``within`` is no number.
            ValueError: ``within`` is negative.
        """
        check_seconds("within", within, positive=False)
        await settled()
        if within:
            await asyncio.sleep(within)
            await settled()
        if len(self.events) > self._seen:
            raise AssertionError(f"expected no event, but {self.events[self._seen :]!r:.500} came")

    async def expect_end(self, *, within: float = 1.0) -> str | BaseException:
        """Wait until this stage has ended, and return why; see ``on_stop``.

        Raises:
            AssertionError: it runs on.
            TypeError: ``within`` is no number.
            ValueError: ``within`` is negative.
        """
        check_seconds("within", within, positive=False)
        await self._watch.until(lambda: self.reason is not None, within)
        if self.reason is None:
            raise AssertionError(f"expected the end of the stage within {within} s, but it runs on")
        return self.reason

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Keep the subscription, to ask with."""
        self._producers.append(peer)
        return "manual" if self._manual else "automatic"

    def handle_events(self, events: Any, producer: Subscription) -> None:
        """Keep the events."""
        self.events.extend(events_of(events))
        self._watch.changed()

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> None:
        """Note the end of a subscription."""
        self._producers.remove(peer)
        self.cancelled.append(reason)

    def on_stop(self, reason: str | BaseException) -> None:
        """Note the end."""
        self.reason = reason
        self._watch.changed()

    def _ended(self) -> str:
        return "" if self.reason is None else f"; the stage has ended: {self.reason!r}"


def _equal(one: Any, other: Any) -> bool:
    """Whether two events are equal; arrays have no single answer to ``==``."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)
