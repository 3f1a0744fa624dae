"""What may stand between the events of a window and its reduce, with a state for each window."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, ClassVar, Protocol

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.notes import Place
from flowlike.operators.operator import Operator

__all__ = ["Entering", "Entry"]


class Entry(Protocol):
    """The running form: makes states and takes events into them; it keeps none itself.

    What it hands on goes through the other operators before the reduce, then into the
    window's reduce; without a reduce it leaves at once. The batches may be empty.
    """

    def start(self) -> Any:
        """A state for a new window."""
        ...

    def push(self, state: Any, batch: Batch, upstream: int) -> Generator[Calls, list[Any], Batch]:
        """Take a batch of a producer into the state, in place; returns what goes on."""
        ...

    def upstream_ended(self, upstream: int) -> None:
        """A producer has no more events, for whatever window."""
        ...

    def finish(self, state: Any) -> Generator[Calls, list[Any], Batch]:
        """What the end of the window adds; the state is given up."""
        ...

    def merge(self, one: Any, other: Any) -> tuple[Any, Batch]:
        """The state of two sessions that join, and the events that their joining adds."""
        ...


class Entering(Operator):
    """The description of an operator that is an `Entry`; a layer has at most one.

    Attributes:
        drops: whether each event that does not go on counts as filtered.
    """

    __slots__ = ()
    name: ClassVar[str]
    drops: ClassVar[bool] = False

    def entry(self, place: Place, sides: Sequence[int], merges: bool) -> Entry:
        """The running form for one replica.

        Args:
            place: the replica.
            sides: for each producer which of the flows that the layer brings together it
                belongs to, from 0.
            merges: whether windows may join, as sessions do.
        """
        raise NotImplementedError
