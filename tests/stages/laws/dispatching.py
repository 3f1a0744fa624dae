"""The dispatchers of the laws, each inside one that keeps the books."""

from __future__ import annotations

from typing import Any

from laws.recorded import Boom

from flowlike import BroadcastDispatcher, DemandDispatcher, PartitionDispatcher

NAMES = ("low", "high", ("a", 1))


class Noted:
    """A dispatcher of one's own: passes everything on to another and notes what it does.

    Args:
        inner: the other.
        takers: for each event that was dispatched, the subscriptions that ought to get it;
            ``None`` if that is for the other to decide. All lives of a stage write into it.
    """

    def __init__(self, inner: Any, takers: dict[int, set[int] | None]) -> None:
        self.inner = inner
        self.takers = takers
        self.selectors: dict[int, Any] = {}
        self.may_fail = False

    @property
    def broadcasts(self) -> bool:
        return isinstance(self.inner, BroadcastDispatcher)

    @property
    def parts(self) -> tuple[Any, ...] | None:
        """The names of its partitions."""
        return getattr(self.inner, "_names", None)

    def fresh(self) -> Noted:
        return Noted(self.inner.fresh(), self.takers)

    def subscribe(self, subscription: int, options: Any, consumer: Any = None) -> None:
        self.inner.subscribe(subscription, options, consumer)
        self.selectors[subscription] = options.selector

    def cancel(self, subscription: int) -> None:
        self.inner.cancel(subscription)
        self.selectors.pop(subscription, None)

    def ask(self, subscription: int, count: int) -> Any:
        return self.inner.ask(subscription, count)

    def dispatch(self, batch: Any) -> Any:
        deliveries = self.inner.dispatch(batch)
        for event in batch:
            self.takers[event] = self._takers(event)
        return deliveries

    def wanted(self) -> int:
        return self.inner.wanted()

    def kept(self) -> int:
        return self.inner.kept()

    def _takers(self, event: int) -> set[int] | None:
        if self.broadcasts:
            return {n for n, selector in self.selectors.items() if not selector or selector(event)}
        return set() if self.parts == NAMES and named(event) is None else None


def named(event: int) -> Any:
    """A partition for most events, ``None`` for some."""
    return (*NAMES, None)[event % 4] if event % 8 != 5 else None


def careful(event: int) -> int:
    """A hash that fails now and then."""
    if event % 41 == 40:
        raise Boom
    return event % 2


DISPATCHERS = {
    "broadcast": BroadcastDispatcher,
    "careful": lambda: PartitionDispatcher(2, hash=careful),
    "demand": DemandDispatcher,
    "named": lambda: PartitionDispatcher(NAMES, hash=named),
    "partition": lambda: PartitionDispatcher(2, hash=lambda event: event % 2),
    "shuffled": lambda: DemandDispatcher(shuffle=True, seed=7),
    "small": lambda: DemandDispatcher(shuffle=True, max_demand=3, seed=8),
}


def dispatcher(name: str) -> Noted:
    """One of ``DISPATCHERS``."""
    noted = Noted(DISPATCHERS[name](), {})
    noted.may_fail = name == "careful"
    return noted


def partition(to: Any, number: int) -> Any:
    """One of the partitions of a stage, if it has any."""
    parts = to.dispatcher.parts
    return None if parts is None else parts[number % len(parts)]
