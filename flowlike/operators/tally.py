"""What became of the events inside one replica."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Counts", "Tally"]


class Counts(NamedTuple):
    """The numbers of a `Tally` at one time.

    Attributes:
        filtered: events that a filter, a reject or a unique has dropped.
        skipped: events that a failure policy has dropped.
        retried: calls that were made again.
        consumed: events that a flat_map or map_batch has taken in.
        produced: events that these have given.
    """

    filtered: int = 0
    skipped: int = 0
    retried: int = 0
    consumed: int = 0
    produced: int = 0


class Tally:
    """Counts of one replica. They are added to once a batch, not once an event.

    What leaves the operators is what came, less ``filtered``, ``skipped`` and ``consumed``, with
    ``produced``. Operators that run fused count as one: what a flat_map hands to a flat_map
    in the same loop is neither produced nor consumed.

    >>> tally = Tally()
    >>> tally.filtered += 2
    >>> tally.take(), tally.take()
    (Counts(filtered=2, skipped=0, retried=0, consumed=0, produced=0), Counts(filtered=0, ...
    """

    __slots__ = Counts._fields

    filtered: int
    skipped: int
    retried: int
    consumed: int
    produced: int

    def __init__(self) -> None:
        self._set(Counts())

    def counts(self) -> Counts:
        """The numbers so far."""
        return Counts(*[getattr(self, name) for name in Counts._fields])

    def take(self) -> Counts:
        """The numbers so far, which begin at 0 again."""
        counts = self.counts()
        self._set(Counts())
        return counts

    def add(self, counts: Counts) -> None:
        """Add what was counted elsewhere."""
        self._set(Counts(*[a + b for a, b in zip(self.counts(), counts, strict=True)]))

    def exchange(self, taken: int, given: int) -> None:
        """Count ``taken`` events that became ``given`` others."""
        self.consumed += taken
        self.produced += given

    def _set(self, counts: Counts) -> None:
        self.filtered, self.skipped, self.retried, self.consumed, self.produced = counts
