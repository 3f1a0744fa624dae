"""A dispatcher of the user's own, held to the rules of the protocol."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from flowlike.stages.dispatchers.broadcast import BroadcastDispatcher
from flowlike.stages.dispatchers.demand import DemandDispatcher
from flowlike.stages.dispatchers.dispatcher import (
    Deliveries,
    Dispatcher,
    Settled,
    SplitsElsewhere,
    splits_elsewhere,
)
from flowlike.stages.dispatchers.numbering import NumberingDispatcher
from flowlike.stages.dispatchers.partition import PartitionDispatcher

if TYPE_CHECKING:
    from flowlike.batches import Batch
    from flowlike.stages.subscription import Subscribe

__all__ = ["CheckedDispatcher", "fresh_dispatcher"]

# Exactly these: a class that is derived from one may break the rules.
_OWN = {DemandDispatcher, BroadcastDispatcher, NumberingDispatcher, PartitionDispatcher}
_METHODS = ("fresh", "subscribe", "cancel", "ask", "dispatch", "wanted", "kept")


def fresh_dispatcher(dispatcher: Any, stage: str) -> Dispatcher:
    """A fresh copy for one stage; it checks itself unless it is one of flowlike's.

    Args:
        dispatcher: of the stage.
        stage: the name of its class.

    Raises:
        TypeError: ``dispatcher`` or its fresh copy is none.
    """
    if type(dispatcher) in _OWN:
        return dispatcher.fresh()  # type: ignore[no-any-return]
    _check_methods(dispatcher, f"the dispatcher of {stage}")
    fresh = dispatcher.fresh()
    if type(fresh) in _OWN:
        return fresh  # type: ignore[no-any-return]
    _check_methods(fresh, f"what {type(dispatcher).__name__}.fresh() of {stage} returns")
    return _CheckedSplitting(fresh) if splits_elsewhere(fresh) else CheckedDispatcher(fresh)


def _check_methods(dispatcher: Any, what: str) -> None:
    missing = [name for name in _METHODS if not callable(getattr(dispatcher, name, None))]
    if isinstance(dispatcher, type) or len(missing) == len(_METHODS):
        raise TypeError(
            f"{what} must be an instance of one, such as DemandDispatcher(), not {dispatcher!r:.80}"
        )
    if missing:
        raise TypeError(
            f"{what}, {dispatcher!r:.80}, has no {', '.join(missing)}; a dispatcher has all the "
            "methods of flowlike.Dispatcher"
        )


class CheckedDispatcher:
    """Passes everything on, and sees what would break a law of stages before it happens.

    Args:
        dispatcher: the user's.
    """

    __slots__ = ("_dispatcher", "_open")

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._open: dict[int, int] = {}  # what each consumer has asked for and not got

    def fresh(self) -> CheckedDispatcher:
        """See :meth:`Dispatcher.fresh`."""
        return CheckedDispatcher(self._dispatcher.fresh())

    def subscribe(self, subscription: int, options: Subscribe, consumer: Hashable = None) -> None:
        """See :meth:`Dispatcher.subscribe`."""
        self._dispatcher.subscribe(subscription, options, consumer)
        self._open[subscription] = 0

    def cancel(self, subscription: int) -> None:
        """See :meth:`Dispatcher.cancel`."""
        del self._open[subscription]
        self._dispatcher.cancel(subscription)

    def ask(self, subscription: int, count: int) -> Deliveries:
        """See :meth:`Dispatcher.ask`.

        Raises:
            TypeError: it returns no deliveries.
            ValueError: it delivers to nobody, nothing, or more than was asked for.
        """
        self._open[subscription] += count
        return self._checked("ask", self._dispatcher.ask(subscription, count))

    def dispatch(self, batch: Batch) -> Deliveries:
        """See :meth:`Dispatcher.dispatch`.

        Raises:
            TypeError: it returns no deliveries.
            ValueError: it delivers to nobody, nothing, or more than was asked for.
        """
        return self._checked("dispatch", self._dispatcher.dispatch(batch))

    def wanted(self) -> int:
        """See :meth:`Dispatcher.wanted`.

        Raises:
            TypeError: it returns no integer.
        """
        return self._number("wanted", self._dispatcher.wanted())

    def kept(self) -> int:
        """See :meth:`Dispatcher.kept`.

        Raises:
            TypeError: it returns no integer.
        """
        return self._number("kept", self._dispatcher.kept())

    def _number(self, method: str, count: Any) -> int:
        if not hasattr(type(count), "__index__"):
            raise TypeError(f"{self._says(method)} must return an integer, not {count!r:.80}")
        return int(count.__index__())

    def _checked(self, method: str, deliveries: Any) -> Deliveries:
        """The same, once all of them are known to be right.

        Raises:
            TypeError: they are no pairs of a number and a batch.
            ValueError: one goes to nobody, is empty, or more than was asked for.
        """
        try:
            pairs = [(number, batch, len(batch)) for number, batch in deliveries]
        except (TypeError, ValueError):
            raise TypeError(
                f"{self._says(method)} must return pairs of a subscription's number and a batch, "
                f"not {deliveries!r:.80}"
            ) from None
        for number, batch, count in pairs:
            if number not in self._open:
                raise ValueError(
                    f"{self._says(method)} delivers to {number!r:.80}, which is no subscription; "
                    f"there are {list(self._open)}"
                )
            if not count:
                raise ValueError(
                    f"{self._says(method)} delivers an empty batch, {batch!r:.80}, to subscription "
                    f"{number}; leave it out"
                )
            if count > self._open[number]:
                raise ValueError(
                    f"{self._says(method)} delivers {count} events to subscription {number}, which "
                    f"has asked for {self._open[number]}; keep the others, or say less in wanted()"
                )
            self._open[number] -= count
        return [(number, batch) for number, batch, _ in pairs]

    def _says(self, method: str) -> str:
        return f"{type(self._dispatcher).__name__}.{method}"


class _CheckedSplitting(CheckedDispatcher):
    """The same for one that `SplitsElsewhere`: what it delivers later is checked too."""

    __slots__ = ("_splits",)

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(dispatcher)
        assert splits_elsewhere(dispatcher)
        self._splits: SplitsElsewhere = dispatcher

    @property
    def is_splitting(self) -> bool:
        return self._splits.is_splitting

    def when_settled(self, settled: Settled | None) -> None:
        if settled is None:
            self._splits.when_settled(None)
            return

        def checked(deliveries: Deliveries, error: BaseException | None, seconds: float) -> None:
            try:
                deliveries = self._checked("when_settled", deliveries)
            except (TypeError, ValueError) as failed:
                deliveries, error = (), error or failed
            settled(deliveries, error, seconds)

        self._splits.when_settled(checked)
