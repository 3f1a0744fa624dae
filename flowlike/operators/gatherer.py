"""The running form of departition and take_sort: the windows of all partitions, merged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from flowlike.batches import Batch
from flowlike.counted import Counted
from flowlike.operators.context import TriggerContext
from flowlike.operators.gathering import Departition, Fired, Gathering, Passed, TakeSort
from flowlike.operators.guarded import guarded, spread
from flowlike.operators.notes import Place, describe_state
from flowlike.operators.reducers.looping import make_state
from flowlike.operators.triggering import takes_context

__all__ = ["Gatherer", "make_gatherer"]

_NEVER: Any = object()


class Gatherer:
    """Merges what partitions hand on; a window leaves when all of them have finished it.

    Windows leave in order. A partition has finished a window when that, or a later one, was done
    there, when it has passed it, or has ended.

    Args:
        partitions: how many there are; partition i is upstream i.
        start: makes the accumulator of a window.
        merge: ``merge(acc, fired) -> acc``.
        done: ``done(acc, ctx)`` gives what leaves.
        kind: of the windows.
        place: the replica.
    """

    __slots__ = (
        "_accs",
        "_datetimes",
        "_done",
        "_finish",
        "_kind",
        "_live",
        "_merge",
        "_order",
        "_passed",
        "_place",
        "_start",
    )

    def __init__(
        self,
        partitions: int,
        start: Callable[[], Any],
        merge: Callable[[Any, Fired], Any],
        done: Callable[[Any, TriggerContext], Any],
        kind: str,
        place: Place,
    ) -> None:
        self._start = start
        self._merge = merge
        self._finish = done
        self._kind = kind
        self._place = place
        self._accs: dict[Any, Any] = {}
        self._datetimes: bool | None = None  # what the ids are, once there is one
        self._order: list[Any] = []  # a heap of the open windows
        self._live = set(range(partitions))
        self._done: list[Any] = [_NEVER] * partitions  # the last window that was done
        self._passed: list[Any] = [_NEVER] * partitions  # the first that was not passed

    def push(self, batch: Batch) -> list[Any]:
        """Take what a partition hands on; what leaves."""
        for each in batch.events if isinstance(batch, Counted) else batch:
            if isinstance(each.window_id, datetime) is not self._datetimes:
                self._check_kind(each.window_id)
            if isinstance(each, Passed):
                self._passed[each.partition] = each.window_id
                continue
            if each.window_id not in self._accs:
                self._accs[each.window_id] = self._start()
                heappush(self._order, each.window_id)
            self._accs[each.window_id] = self._merge(self._accs[each.window_id], each)
            if each.done:
                self._done[each.partition] = each.window_id
        return self._finished()

    def _check_kind(self, window_id: Any) -> None:
        """Windows by datetimes and windows by numbers have no order.

        Raises:
            ValueError: there are both.
        """
        if self._datetimes is not None:
            raise ValueError(
                "the event times of some partitions are datetimes and those of others are "
                "numbers; let the window's by give one of the two"
            )
        self._datetimes = isinstance(window_id, datetime)

    def upstream_ended(self, partition: int) -> list[Any]:
        """A partition has ended; what leaves."""
        self._live.discard(partition)
        return self._finished()

    def finish(self) -> list[Any]:
        """All have ended; what leaves."""
        self._live.clear()
        return self._finished()

    def _finished(self) -> list[Any]:
        found = []
        while self._order and self._is_finished(self._order[0]):
            window_id = heappop(self._order)
            context = TriggerContext(*self._place, self._kind, window_id, None, "done")
            found.append(self._finish(self._accs.pop(window_id), context))
        return found

    def _is_finished(self, window_id: Any) -> bool:
        for partition in self._live:
            done, passed = self._done[partition], self._passed[partition]
            if (done is _NEVER or done < window_id) and (passed is _NEVER or passed <= window_id):
                return False
        return True


def make_gatherer(gathering: Gathering, partitions: int, place: Place) -> Gatherer:
    """The running form of a description.

    Args:
        gathering: the description.
        partitions: how many replicas the layer before has.
        place: the replica.

    Raises:
        TypeError: no gathering operator of this library.
    """
    label = gathering.label
    if isinstance(gathering, Departition):
        merge = guarded(spread(gathering.function), label, place, _describe_merge)
        return Gatherer(
            partitions,
            lambda: make_state(gathering.init, label, place),
            lambda acc, fired: merge((acc, fired.state)),
            _done_with(gathering, place),
            gathering.window,
            place,
        )
    if isinstance(gathering, TakeSort):
        best = guarded(gathering.best, label, place, lambda _: "the states of all partitions")
        return Gatherer(
            partitions, dict, _kept, lambda acc, _: best(_in_order(acc)), gathering.window, place
        )
    raise TypeError(f"{gathering!r} is no operator that gathers states")


def _done_with(gathering: Departition, place: Place) -> Callable[[Any, TriggerContext], Any]:
    done = gathering.done
    if done is None:
        return lambda acc, _: acc
    if takes_context("departition's done", done):
        both = guarded(spread(done), gathering.label, place, lambda each: describe_state(each[0]))
        return lambda acc, context: both((acc, context))
    alone = guarded(done, gathering.label, place, describe_state)
    return lambda acc, _: alone(acc)


def _kept(acc: dict[int, list[Any]], fired: Fired) -> dict[int, list[Any]]:
    acc[fired.partition] = fired.state
    return acc


def _in_order(acc: dict[int, list[Any]]) -> chain[Any]:
    """The events of all partitions, by partition."""
    return chain.from_iterable(acc[partition] for partition in sorted(acc))


def _describe_merge(arguments: tuple[Any, Any]) -> str:
    return describe_state(arguments[1])
