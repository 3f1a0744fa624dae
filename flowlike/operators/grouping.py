"""Grouping before the exchange: what a layer does for the one behind it, which groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from flowlike.batches import Batch
from flowlike.grouped import Grouped
from flowlike.native import stable_hash
from flowlike.operators.keys import key_function
from flowlike.operators.notes import Place, describe_event
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducing import GroupBy, GroupByKey
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane
from flowlike.operators.windows.run import Emission, WindowRun

__all__ = ["GroupingRun"]

_MOST = 1 << 16
"""Events that are kept before what there is is sent on."""

_WORTH = 16
"""Events that a key has to stand for, on average: a list for each costs more than a number."""

_NOT_WORTH_FOR = 1 << 22
"""Events that go on as they are after it did not pay."""

Groups = defaultdict[Any, list[Any]]


class GroupingRun(WindowRun):
    """Takes the place of windows in a layer whose events are grouped by the next one.

    It keeps at most some ten thousand of them, and sends them on as a `Grouped`. Where a key has
    few events, and in place of arrays, it lets them pass as they are; so it does with an event that
    cannot be grouped, which the next layer will say.

    Args:
        place: the replica.
        label: of the routing behind the layer, for notes.
        operator: of the next layer; its key is that of the routing.
    """

    def __init__(self, place: Place, label: str, operator: GroupBy | GroupByKey) -> None:
        super().__init__(Frame(kind="global", place=place, reducer=None, tail=None))
        self._label = label
        self._operator = operator
        self._group: Callable[[Iterator[Any], Groups], None] = (
            _pairs if isinstance(operator, GroupByKey) else _events(operator)
        )
        self._groups: Groups = defaultdict(list)
        self._count = 0
        self._checked = 0
        self._passing = 0

    def _take(self, batch: Batch, upstream: int, now: float, outputs: Outputs) -> Emission:
        yield from ()
        if self._passing > 0 or not self._fits(batch):
            self._passing -= len(batch)
            self._send(outputs)
            outputs.add(batch)
            return
        pending = iter(batch)
        try:
            self._group(pending, self._groups)
        except Exception:  # noqa: BLE001 - it is raised again where the rest arrives
            # The iterator has moved past the event that is being worked on.
            done = len(batch) - pending.__length_hint__() - 1
            self._send(outputs)
            outputs.add(batch[done:])
            return
        self._count += len(batch)
        self._check()
        if self._count >= _MOST:
            if self._count < _WORTH * len(self._groups):
                self._passing = _NOT_WORTH_FOR
            self._send(outputs)

    def _finish(self, outputs: Outputs) -> Emission:
        self._send(outputs)
        yield from ()

    def _open(self) -> Iterable[Pane]:
        return ()

    def _fits(self, batch: Batch) -> bool:
        """Whether the first of a pair is what stands at its index 0, for all events."""
        if not isinstance(batch, (list, range)):
            return False
        if isinstance(self._operator, GroupBy):
            return True
        return list(map(type, batch)).count(tuple) == len(batch)

    def _check(self) -> None:
        """An event that no partition can be found for is to be told now, not at the end."""
        groups = self._groups
        new = len(groups) - self._checked
        for key in reversed(list(islice(reversed(groups), new))):
            try:
                stable_hash(key)
            except Exception as error:
                event = groups[key][0]
                if isinstance(self._operator, GroupByKey):
                    event = (key, event)
                error.add_note(f"in {self._label}, {describe_event(event)}")
                raise
        self._checked += new

    def _send(self, outputs: Outputs) -> None:
        groups = self._groups
        outputs.add(Grouped(list(groups), list(groups.values())))
        groups.clear()
        self._count = self._checked = 0


def _pairs(events: Iterator[Any], groups: Groups) -> None:
    for key, value in events:
        groups[key].append(value)


def _events(operator: GroupBy) -> Callable[[Iterator[Any], Groups], None]:
    key_of = key_function(operator.key)
    value_of = None if operator.value is None else key_function(operator.value)

    def group(events: Iterator[Any], groups: Groups) -> None:
        if value_of is None:
            for event in events:
                groups[key_of(event)].append(event)
            return
        for event in events:
            key, value = key_of(event), value_of(event)
            groups[key].append(value)

    return group
