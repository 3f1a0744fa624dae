"""Subscriptions: what is asked for (``Subscribe``) and what one gets (``Subscription``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowlike.options import check_callable, check_choice, check_count
from flowlike.stages.cancel_modes import MODES
from flowlike.stages.demand import AutoDemand, Demand, demand_policy
from flowlike.stages.messages import Ask, Cancelled
from flowlike.stages.owner import check_reason

if TYPE_CHECKING:
    from flowlike.stages.peer import Peer
    from flowlike.stages.ref import StageRef

__all__ = ["Subscribe", "Subscription"]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """How a consumer subscribes to a producer.

    Args:
        to: the producer.
        max_demand: the most events of this producer that the consumer asks for and has not
            handled; or "auto": as many as keep it busy for about 2 ms.
        min_demand: it asks again when this many are left; ``None``: half of ``max_demand``.
        cancel: what the end of the subscription does to the consumer. "permanent": it
            ends when it is cancelled or the producer ends before it has finished;
            "transient": it ends only if the producer crashed; "temporary": it lives on.
        partition: the partition of a producer with a ``PartitionDispatcher``.
        selector: which events to take of a producer that broadcasts.
        tag: anything of yours; found again on the ``Subscription``.

    Raises:
        TypeError: ``to`` is no ``StageRef``, or a number is none.
        ValueError: the demands or the cancel mode are out of range.
    """

    to: Peer
    max_demand: int | str | AutoDemand = 1000
    min_demand: int | None = None
    cancel: str = "permanent"
    partition: Hashable | None = None
    selector: Callable[[Any], bool] | None = None
    tag: Any = None

    def __post_init__(self) -> None:
        if not hasattr(self.to, "deliver"):
            cure = "; await it" if inspect.isawaitable(self.to) else ""
            raise TypeError(
                f"Subscribe(to=...) takes the StageRef of a started stage, not "
                f"{self.to!r:.80}{cure}"
            )
        check_choice("cancel", self.cancel, MODES)
        if self.selector is not None:
            check_callable("selector", self.selector)
        if self.min_demand is not None or not isinstance(self.max_demand, AutoDemand):
            self.policy()

    def policy(self) -> Demand:
        """A new demand policy for one subscription with these options."""
        return demand_policy(self.max_demand, self.min_demand)


class Subscription:
    """One end of a subscription, as the callbacks of a stage see it.

    Attributes:
        options: the ``Subscribe`` it was made with.
        role: what the *peer* is: "producer" or "consumer".
    """

    __slots__ = ("_demand", "_number", "_owner", "_peer", "options", "role")

    def __init__(
        self, number: int, owner: StageRef, peer: Peer, options: Subscribe, role: str
    ) -> None:
        self._number = number
        self._owner = owner
        self._peer = peer
        self.options = options
        self.role = role
        self._demand: Demand | None = None  # of a consumer's end with automatic demand

    def __repr__(self) -> str:
        direction = "to" if self.role == "producer" else "by"
        return f"<Subscription {self._number} {direction} {self._peer.name}>"

    @property
    def tag(self) -> Any:
        """The ``tag`` of its options."""
        return self.options.tag

    def ask(self, count: int) -> None:
        """Ask the producer for ``count`` events more (manual demand only).

        A stage that is being stopped, or finishes, asks for nothing: it would lose what came.

        Raises:
            TypeError: ``count`` is no integer.
            ValueError: ``count < 1``, the demand is automatic, or this is the
                producer's end.
        """
        check_count("count", count)
        if self.role != "producer":
            raise ValueError("ask belongs to the consumer's end of a subscription")
        if self._demand is not None:
            raise ValueError(
                "this subscription asks by itself; to ask by hand return 'manual' from "
                "handle_subscribe"
            )
        if not self._owner._stage.leaving:
            self._peer.deliver(Ask(self._number, count))

    async def cancel(self, reason: str | BaseException = "normal") -> None:
        """End the subscription; both ends get ``handle_cancel`` with this reason.

        Raises:
            ValueError: ``reason`` is neither "normal", "shutdown" nor an exception.
        """
        check_reason(reason)
        # The producer decides what was the last event, then tells the consumer: none is lost.
        producer = self._peer if self.role == "producer" else self._owner
        producer.deliver(Cancelled(self._number, reason))
