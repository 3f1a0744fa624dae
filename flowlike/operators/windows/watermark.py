"""How far event time has come, over several producers."""

from __future__ import annotations

from math import inf

__all__ = ["Watermark"]


class Watermark:
    """The least, over the producers that count, of the greatest position seen from each.

    A producer counts until it has ended or is idle; one that has not spoken holds everybody
    back. An idle one counts again when it speaks. While none counts, the greatest position of
    all is the watermark: there is nobody to wait for.

    Args:
        upstreams: how many producers.
        patience: seconds without an event after which a producer is idle; None: never.

    >>> watermark = Watermark(2, None)
    >>> watermark.spoke(0, 10, 0.0)
    >>> watermark.position
    -inf
    >>> watermark.spoke(1, 7, 0.0)
    >>> watermark.position, watermark.without(1)
    (7, 10)
    >>> watermark.ended(1)
    >>> watermark.position
    10
    """

    __slots__ = ("_counts", "_patience", "_positions", "_since")

    def __init__(self, upstreams: int, patience: float | None) -> None:
        self._positions: list[float] = [-inf] * upstreams
        self._counts = [True] * upstreams
        self._patience = patience
        self._since = [0.0] * upstreams  # when each spoke last

    def begin(self, now: float) -> None:
        """The patience with those that have not spoken begins now."""
        self._since = [now] * len(self._since)

    @property
    def position(self) -> float:
        """The watermark."""
        least = self._least(-1)
        return max(self._positions) if least == inf else least

    def of(self, upstream: int) -> float:
        """The greatest position seen from one producer."""
        return self._positions[upstream]

    def without(self, upstream: int) -> float:
        """What the others allow: the least of those that count, infinity if none does."""
        return self._least(upstream)

    def spoke(self, upstream: int, position: float, now: float) -> None:
        """A producer has sent events up to a position."""
        if position > self._positions[upstream]:
            self._positions[upstream] = position
        self._counts[upstream] = True
        self._since[upstream] = now

    def ended(self, upstream: int) -> None:
        """A producer will send nothing more."""
        self._counts[upstream] = False

    @property
    def deadline(self) -> float | None:
        """When the next producer will be idle, if it says nothing."""
        if self._patience is None:
            return None
        counting = [
            since for since, counts in zip(self._since, self._counts, strict=True) if counts
        ]
        return min(counting) + self._patience if counting else None

    def rest(self, now: float) -> bool:
        """Those that have said nothing for too long do not count any more.

        Returns:
            Whether there were any.
        """
        if self._patience is None:
            return False
        found = False
        for upstream, since in enumerate(self._since):
            if self._counts[upstream] and since + self._patience <= now:
                self._counts[upstream] = False
                found = True
        return found

    def _least(self, but: int) -> float:
        least = inf
        for upstream, counts in enumerate(self._counts):
            if counts and upstream != but and self._positions[upstream] < least:
                least = self._positions[upstream]
        return least
