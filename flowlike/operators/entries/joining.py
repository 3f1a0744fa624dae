"""The running form of `Join`: a symmetric hash join with a state per window."""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any

from flowlike.batches import Batch, events_of
from flowlike.operators.calls import Calls
from flowlike.operators.entries.key_reader import KeyReader
from flowlike.operators.entries.table import Table
from flowlike.operators.notes import Place, describe_event

if TYPE_CHECKING:
    from flowlike.operators.entering import Join

__all__ = ["JoinState", "Joining"]

_LEFT, _RIGHT = 0, 1


class JoinState:
    """What a window remembers of both sides.

    Attributes:
        tables: the events of the left and of the right side.
        matched: of each side, keys that had a match which the other table no longer shows.
        settled: of each side, whether its table has only what can still be of use after the
            end of the other side.
    """

    __slots__ = ("matched", "settled", "tables")

    def __init__(self) -> None:
        self.tables = (Table(), Table())
        self.matched: tuple[set[Any], set[Any]] = (set(), set())
        self.settled = [False, False]


class Joining:
    """Matches leave at once, in the order of the events that complete them.

    It keeps the events of both sides until their window ends. When one side has ended, of the
    other only what has no match is kept, and that only where it will be wanted.

    Args:
        join: the description.
        place: the replica.
        sides: of each producer: 0 for left, 1 for right.
        merges: whether windows may grow together, so that everything must be kept.
    """

    def __init__(self, join: Join, place: Place, sides: Sequence[int], merges: bool) -> None:
        self._function = join.function
        self._label = join.label
        self._place = place
        self._readers = (
            KeyReader(join.left_key, f"the left_key of {join.label}", place),
            KeyReader(join.right_key, f"the right_key of {join.label}", place),
        )
        self._wanted = (join.how in ("left", "outer"), join.how in ("right", "outer"))
        self._sides = tuple(sides)
        self._live = [self._sides.count(_LEFT), self._sides.count(_RIGHT)]
        self._merges = merges

    def start(self) -> JoinState:
        """No events."""
        return JoinState()

    def push(
        self, state: JoinState, batch: Batch, upstream: int
    ) -> Generator[Calls, list[Any], list[Any]]:
        """The joined events that a batch completes."""
        side = self._sides[upstream]
        events: Any = events_of(batch)
        reader = self._readers[side]
        keys = reader.keys(batch, events)
        try:
            pairs = state.tables[1 - side].pairs(keys, events, side == _RIGHT)
            if self._merges or self._live[1 - side]:
                state.tables[side].add(keys, events)
            else:
                self._keep(state, side, keys, events)
        except Exception as error:  # noqa: BLE001 - it is raised again, with a note
            reader.refuse(error, keys, events)
        yield from ()
        return self._joined(pairs)

    def upstream_ended(self, upstream: int) -> None:
        """Nothing more comes from there: no window has to remember anything for it."""
        self._live[self._sides[upstream]] -= 1

    def finish(self, state: JoinState) -> Generator[Calls, list[Any], list[Any]]:
        """What has found no match, where that is wanted: the left ones first."""
        pairs: list[tuple[Any, Any]] = []
        left, right = state.tables
        if self._wanted[_LEFT]:
            unmatched = left.without(right.rows, state.matched[_LEFT])
            pairs += [(event, None) for _, event in unmatched]
        if self._wanted[_RIGHT]:
            unmatched = right.without(left.rows, state.matched[_RIGHT])
            pairs += [(None, event) for _, event in unmatched]
        yield from ()
        return self._joined(pairs)

    def merge(self, one: JoinState, other: JoinState) -> tuple[JoinState, list[Any]]:
        """Two windows as one, and the matches between them."""
        pairs: list[tuple[Any, Any]] = []
        added = [list(zip(*other.tables[side].without(), strict=True)) for side in (0, 1)]
        for side in (_LEFT, _RIGHT):
            if added[side]:
                keys, events = added[side]
                pairs += one.tables[1 - side].pairs(keys, events, side == _RIGHT)
        for side in (_LEFT, _RIGHT):
            if added[side]:
                one.tables[side].add(*added[side])
        return one, self._joined(pairs)

    def _keep(
        self, state: JoinState, side: int, keys: Sequence[Any], events: Sequence[Any]
    ) -> None:
        """Remember what can be of use although the other side has ended."""
        other = state.tables[1 - side].rows
        matters = any(self._wanted)  # whether what has no match does
        if not state.settled[side]:
            state.settled[side] = True
            before, state.tables = state.tables[side], _replaced(state.tables, side)
            if matters:
                self._keep_some(state, side, other, list(before.without()))
        if matters:
            self._keep_some(state, side, other, list(zip(keys, events, strict=True)))

    def _keep_some(
        self, state: JoinState, side: int, other: Collection[Any], found: list[tuple[Any, Any]]
    ) -> None:
        if self._wanted[1 - side]:
            state.matched[1 - side].update(key for key, _ in found if key in other)
        if self._wanted[side]:
            alone = [(key, event) for key, event in found if key not in other]
            state.tables[side].add([key for key, _ in alone], [event for _, event in alone])

    def _joined(self, pairs: list[tuple[Any, Any]]) -> list[Any]:
        """What the user's function makes of the pairs.

        Raises:
            RuntimeError: it raised ``StopIteration``.
        """
        function = self._function
        if function is None or not pairs:
            return pairs
        source = iter(pairs)
        try:
            joined = list(starmap(function, source))
        except Exception as error:
            # The iterator has moved past the pair that is being worked on.
            left = source.__length_hint__()  # type: ignore[attr-defined]
            pair = pairs[len(pairs) - left - 1]
            self._place.note(error, self._label, describe_event(pair))
            raise
        if len(joined) < len(pairs):  # starmap takes StopIteration for the end of the pairs
            stopped = RuntimeError(f"{self._label} raised StopIteration, which ends nothing here")
            self._place.note(stopped, self._label, describe_event(pairs[len(joined)]))
            raise stopped
        return joined


def _replaced(tables: tuple[Table, Table], side: int) -> tuple[Table, Table]:
    """The tables with an empty one on one side."""
    return (Table(), tables[1]) if side == _LEFT else (tables[0], Table())
