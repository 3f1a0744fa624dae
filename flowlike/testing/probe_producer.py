"""A producer that a test plays by hand."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from flowlike.batches import Batch
from flowlike.options import check_count, check_seconds
from flowlike.stages import Producer
from flowlike.testing.watch import Watch, settled_if_virtual

__all__ = ["ProbeProducer"]

Out = TypeVar("Out")


class _Crash(NamedTuple):
    error: BaseException


class ProbeProducer(Producer[Out]):
    """Emits what the test tells it, and shows what it was asked for.

    Besides the methods here it has those of every producer: ``emit(events)`` and ``finish()``.
    Events beyond the demand wait in its buffer.

    Attributes:
        asked: the argument of each ``handle_demand``, in order.
        open: how many events were asked for and not emitted yet.
        reason: why it has ended; ``None`` while it runs.

    Example:
        >>> from flowlike import StageGroup, Subscribe
        >>> from flowlike.testing import ProbeConsumer, ProbeProducer, run
        >>> async def main():
        ...     source, sink = ProbeProducer(), ProbeConsumer()
        ...     async with StageGroup() as group:
        ...         producer = await group.start(source)
        ...         await group.start(sink, subscribe_to=[producer])
        ...         sink.ask(3)
        ...         await source.expect_demand(3)
        ...         source.emit(["a", "b", "c", "d"])
        ...         await sink.expect(["a", "b", "c"])
        ...         await sink.expect_nothing()
        ...         return await producer.buffered_count()
        >>> run(main())
        1
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.open = 0
        self.reason: str | BaseException | None = None
        self._watch = Watch()

    async def expect_demand(self, count: int, *, within: float = 1.0) -> None:
        """Wait until ``count`` events are asked for and not emitted.

        On a ``VirtualLoop`` everything that can run does so first: the demand must stay so.

        Args:
            count: the open demand; 0 for none.
            within: seconds to wait for it, of the loop's clock.

        Raises:
            AssertionError: it is another.
            TypeError: an argument is no number.
            ValueError: an argument is negative.
        """
        check_count("count", count, least=0)
        check_seconds("within", within, positive=False)
        await settled_if_virtual()
        if not await self._watch.until(lambda: self.open == count, within):
            raise AssertionError(
                f"expected an open demand of {count}, but it is {self.open} "
                f"(asked for so far: {self.asked})"
            )

    def crash(self, error: BaseException) -> None:
        """Let a callback of this stage raise ``error``.

        Raises:
            StageStopped: the stage is not running.
        """
        self._started().ref.send(_Crash(error))

    def emit(self, events: Batch) -> None:
        """See :meth:`flowlike.Producer.emit`.

        Raises:
            StageStopped: the stage is not running.
            TypeError: ``events`` is no batch.
        """
        super().emit(events)
        self.open = max(0, self.open - len(events))
        self._watch.changed()

    def handle_demand(self, demand: int) -> tuple[()]:
        """Note the demand; the test emits the events."""
        self.asked.append(demand)
        self.open += demand
        self._watch.changed()
        return ()

    def handle_info(self, message: Any) -> None:
        """Crash if the test said so."""
        if isinstance(message, _Crash):
            raise message.error

    def on_stop(self, reason: str | BaseException) -> None:
        """Note the end."""
        self.reason = reason
