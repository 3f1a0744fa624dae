"""Batches in an envelope: what they count for is not their length."""

from __future__ import annotations

from typing import Any

from flowlike.counted import Counted
from flowlike.grouped import Grouped
from flowlike.numbered import Numbered
from flowlike.reduced import Reduced

__all__ = ["ENVELOPES", "stands_for"]

ENVELOPES = frozenset((Counted, Grouped, Numbered, Reduced))
"""Types that only stages of a flow send to each other, around the batch of a user."""


def stands_for(batch: Any) -> int:
    """How many events a batch stands for, as reports count them.

    >>> stands_for(Counted(["to", "be"], [2, 3])), stands_for(Numbered(0, 9, [])), stands_for("ab")
    (5, 0, 2)
    """
    if type(batch) is Counted:
        return sum(batch.counts)
    return len(batch.events) if type(batch) is Numbered else len(batch)
