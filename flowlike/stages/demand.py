"""How much a consumer asks for: a fixed number, or one that follows the work.

Both policies count the events that were asked for and are not handled yet; that
number never exceeds their maximum. They are plain values: the time that a batch took
arrives as an argument.
"""

from __future__ import annotations

from typing import Protocol

from flowlike.options import check_count

__all__ = ["AutoDemand", "Demand", "FixedDemand", "demand_policy"]


class Demand(Protocol):
    """The demand of one subscription.

    Attributes:
        batch: how many events one call of ``handle_events`` should be given.
        cuts: whether a larger batch is cut to that size.
        joins: whether smaller batches that wait are joined up to it.
    """

    batch: int
    cuts: bool
    joins: bool

    def first(self) -> int:
        """How many events to ask for at the start."""

    def handled(self, events: int, seconds: float) -> int:
        """How many more to ask for (0: none yet), now that ``events`` were handled."""


class FixedDemand:
    """``max_demand`` events at first, then ``max_demand - min_demand`` when so many are done."""

    cuts = joins = True
    __slots__ = ("_maximum", "_unasked", "batch")

    def __init__(self, max_demand: int, min_demand: int) -> None:
        self.batch = max_demand - min_demand
        self._maximum = max_demand
        self._unasked = 0

    def first(self) -> int:
        """See :class:`Demand`."""
        return self._maximum

    def handled(self, events: int, seconds: float) -> int:
        """See :class:`Demand`."""
        unasked = self._unasked + events
        if unasked < self.batch:
            self._unasked = unasked
            return 0
        self._unasked = 0
        return unasked


class AutoDemand:
    """One event at the start, then as many as keep the stage busy for a target, about 2 ms.

    A batch that was handled in less lets the next be up to 16 times as large; one that
    took more than twice as long shrinks it in proportion. As soon as batches hold more than one
    event, a second batch is on its way while the first is handled; a slow event never
    waits behind another one while some other replica is idle.

    A stage that handles several events at once starts with so many.

    Args:
        limit: the most events that may be asked for and unhandled at any time.
        batch: the size of the first batch.
        least: the size below which batches do not shrink: so many calls the stage has at once.
        joins: false for a stage that takes batches as they come, and would copy them again.
        target: seconds that a batch should take.
        growth: how many times as large the next batch may be at most.
        patience: seconds that a batch of few events may take instead, where the way of a batch
            costs much and what a few events are in memory does not.

    Attributes:
        limit: the same.
        least: the same.
        batch: how many events one call should be given, now.
        joins: whether smaller batches are joined up to it.
        target: the same.
        growth: how many times as large the next batch may be.
        patience: seconds that a batch of few events may take.
    """

    FEW = 1 << 12
    TARGET = 0.002
    GROWTH = 16
    LIMIT = 1 << 20
    cuts = False  # what comes was asked for in pieces of the right size

    __slots__ = ("_open", "batch", "growth", "joins", "least", "limit", "patience", "target")

    def __init__(
        self,
        limit: int = LIMIT,
        batch: int = 1,
        least: int = 1,
        joins: bool = True,
        target: float = TARGET,
        growth: int = GROWTH,
        patience: float = 0.0,
    ) -> None:
        self.target = target
        self.patience = max(patience, target)
        self.joins = joins
        self.growth = growth
        self.least = min(least, limit)
        self.batch = max(self.least, min(batch, limit // 2))
        self.limit = limit
        self._open = 0

    def first(self) -> int:
        """See :class:`Demand`."""
        self._open = self._maximum()
        return self._open

    def handled(self, events: int, seconds: float) -> int:
        """See :class:`Demand`."""
        self._open -= events
        batch = self.batch
        per_second = events / max(seconds, 1e-9)
        fitting = max(per_second * self.target, min(per_second * self.patience, self.FEW))
        if 2 * fitting < events:
            self.batch = max(self.least, min(batch, int(fitting)))
        elif fitting > 2 * events >= batch:
            most = min(batch * self.growth, int(fitting), self.limit // 2)
            self.batch = max(self.least, most)
        more = self._maximum() - self._open
        if more < self.batch and self._open:
            return 0
        if more <= 0:
            return 0
        self._open += more
        return more

    def _maximum(self) -> int:
        # While events take long, none may wait here behind those that are being handled.
        return self.batch if self.batch == self.least else 2 * self.batch


def demand_policy(max_demand: int | AutoDemand | str, min_demand: int | None) -> Demand:
    """The policy for ``max_demand`` and ``min_demand``, as every layer and subscription takes them.

    Args:
        max_demand: a number, ``"auto"``, or an ``AutoDemand`` that is copied.
        min_demand: a number below ``max_demand``; ``None`` means half of it.

    Raises:
        TypeError: one of them is no integer.
        ValueError: ``max_demand < 1``, ``min_demand`` outside ``0 <= min < max``, or a
            ``min_demand`` beside "auto".
    """
    if isinstance(max_demand, AutoDemand) or max_demand == "auto":
        if min_demand is not None:
            raise ValueError(
                f'min_demand={min_demand!r} cannot be combined with max_demand="auto"; '
                "give max_demand as a number too, or leave min_demand out"
            )
        if isinstance(max_demand, AutoDemand):
            return AutoDemand(
                max_demand.limit,
                max_demand.batch,
                max_demand.least,
                max_demand.joins,
                max_demand.target,
                max_demand.growth,
                max_demand.patience,
            )
        return AutoDemand()
    if isinstance(max_demand, str):
        raise ValueError(f'max_demand must be a number or "auto", not {max_demand!r}')
    maximum = check_count("max_demand", max_demand)
    minimum = maximum // 2 if min_demand is None else check_count("min_demand", min_demand, least=0)
    if minimum >= maximum:
        raise ValueError(f"min_demand must be smaller than max_demand ({maximum}), not {minimum}")
    return FixedDemand(maximum, minimum)
