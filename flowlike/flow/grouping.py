"""Batches grouped before they are split, so that keys are split and not events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowlike.batches import Batch
from flowlike.counted import Counted
from flowlike.flow.splitting import Splitter
from flowlike.grouped import Grouped
from flowlike.operators import CountBy, GroupBy, GroupByKey, key_function
from flowlike.operators.partial import LEAST, PAUSE
from flowlike.stages.dispatchers.buckets import deal

__all__ = ["GroupSplitter"]

_WORTH: dict[type[Any], int] = {Counted: 4, Grouped: 16}
"""Events that a key has to stand for, on average: a list for each costs more than a number."""

Groups = Callable[[Sequence[Any]], Mapping[Any, Any]]
"""What there is of each key, in the order in which they came first."""


class GroupSplitter:
    """Splits batches of events whose partition is that of the key which they are grouped by.

    Each batch is grouped for itself. Arrays, and batches with a key that has no partition or an
    event that cannot be grouped, are split as they are; who cannot do with them says so as ever.

    Args:
        splitter: splits by the same key.
        operator: of the layer behind.
        partitions: how many.
    """

    __slots__ = ("_groups", "_kind", "_partitions", "_passing", "_splitter")

    def __init__(
        self, splitter: Splitter, operator: GroupBy | GroupByKey | CountBy, partitions: int
    ) -> None:
        self._splitter = splitter
        self._partitions = partitions
        self._passing = 0
        self._kind: type[Counted | Grouped] = Grouped
        if isinstance(operator, GroupByKey):
            self._groups: Groups = _pairs
        elif isinstance(operator, CountBy):
            self._kind = Counted
            self._groups = _counts(operator)
        else:
            self._groups = _events(operator)

    def __call__(self, batch: Batch) -> list[Batch]:
        """One batch for each partition, maybe empty, the values of a key in their order.

        Raises:
            TypeError: a key has no stable hash.
            RuntimeError: the key function raised ``StopIteration``.
        """
        count = len(batch)
        if self._passing > 0 or count < LEAST or not isinstance(batch, (list, range)):
            self._passing -= count
            return self._splitter(batch)
        try:
            groups = self._groups(batch)
            keys = list(groups)
            ids = self._splitter.ids_of_keys(keys)
        except Exception:  # noqa: BLE001 - it is raised again, with its event, or is nothing here
            return self._splitter(batch)
        if len(keys) * _WORTH[self._kind] > count:
            self._passing = PAUSE * count
        different = deal(keys, ids, self._partitions)
        values = deal(list(groups.values()), ids, self._partitions)
        return list(map(self._kind, different, values))


def _pairs(events: Sequence[Any]) -> dict[Any, list[Any]]:
    """The values of pairs by their keys.

    Raises:
        TypeError: they are no tuples, of which alone the first is what stands at index 0.
    """
    if list(map(type, events)).count(tuple) < len(events):
        raise TypeError("no tuples")
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, value in events:
        groups[key].append(value)
    return groups


def _events(operator: GroupBy) -> Groups:
    key_of = key_function(operator.key)
    value_of = None if operator.value is None else key_function(operator.value)

    def grouped(events: Sequence[Any]) -> dict[Any, list[Any]]:
        groups: defaultdict[Any, list[Any]] = defaultdict(list)
        values = events if value_of is None else map(value_of, events)
        for key, value in zip(map(key_of, events), values, strict=True):
            groups[key].append(value)
        return groups

    return grouped


def _counts(operator: CountBy) -> Groups:
    assert operator.key is not None
    key_of = key_function(operator.key)

    def counted(events: Sequence[Any]) -> Counter[Any]:
        counts = Counter(map(key_of, events))
        if counts.total() < len(events):
            raise ValueError("the key function has ended the map")
        return counts

    return counted
