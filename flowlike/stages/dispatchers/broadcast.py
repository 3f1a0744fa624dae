"""Every consumer gets every event, or those that its selector takes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Self

from flowlike.batches import Batch, chosen, events_of
from flowlike.operators.notes import describe_event
from flowlike.stages.dispatchers.dispatcher import Deliveries

if TYPE_CHECKING:
    from flowlike.stages.subscription import Subscribe

__all__ = ["BroadcastDispatcher"]

Selector = Callable[[Any], Any]


class BroadcastDispatcher:
    """Sends each event to all consumers, at the pace of the slowest.

    As many events leave as the consumer with the least open demand has asked for. A consumer with
    a ``selector`` gets only the events for which it is true; those it refuses use none of
    its demand. A consumer that subscribes later gets the events from then on.

    All consumers are given the same batch, not copies: treat it as read-only. A consumer can
    subscribe once; a second subscription is a ``ValueError``, for it would get events twice.

    Example:
        >>> import asyncio
        >>> from flowlike import Consumer, Producer, StageGroup, Subscribe
        >>> class Letters(Producer[str]):
        ...     dispatcher = BroadcastDispatcher()
        ...     demand = "accumulate"                     # until all have subscribed
        ...     def handle_demand(self, demand):
        ...         self.finish()
        ...         return list("abc")
        >>> class Print(Consumer[str]):
        ...     def handle_events(self, events, producer):
        ...         print(producer.tag, events)
        >>> async def main():
        ...     async with StageGroup() as group:
        ...         letters = await group.start(Letters())
        ...         await group.start(Print(), subscribe_to=[Subscribe(letters, tag="all")])
        ...         vowels = Subscribe(letters, tag="vowels", selector=lambda x: x in "aeiou")
        ...         await group.start(Print(), subscribe_to=[vowels])
        ...         await letters.demand("forward")
        ...         await group.wait()
        >>> asyncio.run(main())
        all ['a', 'b', 'c']
        vowels ['a']
    """

    __slots__ = ("_consumers", "_demand", "_least", "_selectors")

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._demand: dict[int, int] = {}
        self._selectors: dict[int, Selector | None] = {}
        self._consumers: dict[int, Hashable] = {}
        self._least = 0  # the smallest open demand; 0 without consumers

    def fresh(self) -> Self:
        """See :meth:`Dispatcher.fresh`."""
        dispatcher = copy.copy(self)  # of a class of one's own too
        dispatcher._clear()
        return dispatcher

    def subscribe(self, subscription: int, options: Subscribe, consumer: Hashable = None) -> None:
        """See :meth:`Dispatcher.subscribe`.

        Raises:
            ValueError: the consumer is subscribed already, or asks for a ``partition``.
        """
        if options.partition is not None:
            raise ValueError(
                f"partition={options.partition!r} was given to a producer that broadcasts; "
                "give the producer a PartitionDispatcher, or choose events with a selector"
            )
        if consumer is not None and consumer in self._consumers.values():
            raise ValueError(
                f"{consumer!r} is subscribed to this broadcast already and would get its events "
                "twice; cancel the first subscription, or join the two selectors in one"
            )
        self._demand[subscription] = self._least = 0
        self._selectors[subscription] = options.selector
        self._consumers[subscription] = consumer

    def cancel(self, subscription: int) -> None:
        """See :meth:`Dispatcher.cancel`."""
        if self._demand.pop(subscription, None) is not None:
            del self._selectors[subscription], self._consumers[subscription]
            self._least = min(self._demand.values(), default=0)

    def ask(self, subscription: int, count: int) -> Deliveries:
        """See :meth:`Dispatcher.ask`."""
        before = self._demand[subscription]
        self._demand[subscription] = before + count
        if before == self._least:
            self._least = min(self._demand.values())
        return ()

    def dispatch(self, batch: Batch) -> Deliveries:
        """See :meth:`Dispatcher.dispatch`."""
        deliveries: list[tuple[int, Batch]] = []
        demand = self._demand
        for subscription, selector in self._selectors.items():
            taken = batch if selector is None else _select(selector, batch)
            if len(taken):
                demand[subscription] -= len(taken)
                deliveries.append((subscription, taken))
        self._least = min(demand.values(), default=0)
        return deliveries

    def wanted(self) -> int:
        """See :meth:`Dispatcher.wanted`."""
        return self._least

    def kept(self) -> int:
        """See :meth:`Dispatcher.kept`."""
        return 0


def _select(selector: Selector, batch: Batch) -> Batch:
    """The events that a selector takes; of an array an array."""
    event: Any = None
    taken: list[bool] = []
    events = events_of(batch)
    try:
        for event in events:
            taken.append(bool(selector(event)))
    except Exception as error:
        error.add_note(f"in the selector of a subscription, {describe_event(event)}")
        raise
    if all(taken):
        return batch
    return chosen(batch, events, taken)
