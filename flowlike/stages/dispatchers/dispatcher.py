"""The protocol of a dispatcher: who among a producer's consumers gets which events."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeGuard

from flowlike.batches import Batch

if TYPE_CHECKING:
    from flowlike.stages.subscription import Subscribe

__all__ = ["Deliveries", "Dispatcher", "Settled", "SplitsElsewhere", "splits_elsewhere"]

Deliveries: TypeAlias = Sequence[tuple[int, Batch]]
"""Pairs of a subscription's number and a non-empty batch for it, in order."""

Settled: TypeAlias = "Callable[[Deliveries, BaseException | None, float], None]"
"""Takes what is delivered later, or the error, and the seconds of work."""


class Dispatcher(Protocol):
    """Counts the demand of consumers and splits batches among them.

    A dispatcher is a plain value that belongs to one stage: no loop, no clock. It may
    keep events of its own for a consumer that has asked for too little; it must never deliver
    more to one than it asked for, and must keep the order of what each one gets.

    One that has batches split in a thread, say, and delivers them later, has what
    `SplitsElsewhere` of its module has besides.
    """

    def fresh(self) -> Dispatcher:
        """A new dispatcher with the same settings and no consumers, for one stage."""

    def subscribe(self, subscription: int, options: Subscribe, consumer: Hashable = None) -> None:
        """Take a consumer in.

        Args:
            subscription: its number, by which the other methods name it.
            options: as the consumer has asked for it.
            consumer: who it is: two subscriptions of one stage have equal consumers.

        Raises:
            ValueError: its options do not fit (an unknown or taken partition, say).
        """

    def cancel(self, subscription: int) -> None:
        """Forget a consumer; what it had asked for counts no more."""

    def ask(self, subscription: int, count: int) -> Deliveries:
        """Note ``count`` more events for a consumer; deliver what was kept for it."""

    def dispatch(self, batch: Batch) -> Deliveries:
        """Split a batch of at most ``wanted()`` events; what cannot go out is kept."""

    def wanted(self) -> int:
        """How many more events it can take: the open demand less what it keeps."""

    def kept(self) -> int:
        """How many events it keeps for consumers."""


class SplitsElsewhere(Dispatcher, Protocol):
    """A dispatcher that can have batches split elsewhere: in a thread, say.

    `dispatch` delivers nothing of such a batch. Until all of it is delivered, by a call of what was
    given to `when_settled`, it counts as kept, and so does what is dispatched meanwhile.
    """

    @property
    def is_splitting(self) -> bool:
        """True while a batch is split elsewhere; no more is asked of the producer meanwhile."""

    def when_settled(self, settled: Settled | None) -> None:
        """Say who delivers what was split elsewhere; unless somebody does, nothing is.

        Args:
            settled: called on the thread of the stage, never from within `dispatch` or `ask`;
                ``None``: nobody any more, what is still split is for nobody.
        """


def splits_elsewhere(dispatcher: Dispatcher) -> TypeGuard[SplitsElsewhere]:
    """Whether a dispatcher can have batches split elsewhere.

    Its class is asked by name: `isinstance` of a protocol takes longer than all the rest that a
    stage does with its dispatcher when it starts.
    """
    kind = type(dispatcher)
    return hasattr(kind, "when_settled") and hasattr(kind, "is_splitting")
