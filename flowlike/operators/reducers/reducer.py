"""What every running reducer does for its window."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.outputs import Outputs
from flowlike.reduced import Reduced

__all__ = ["Reducer", "part"]


class Reducer:
    """Makes states and takes events into them; it keeps none itself.

    Attributes:
        inline: whether `step` can be called; otherwise `offload`.
        emits: whether `step` lets events leave at once.
        merges: whether `merge` can be called.
    """

    inline: bool = True
    emits: bool = False
    merges: bool = True

    def init(self) -> Any:
        """A state for a new window."""
        raise NotImplementedError

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``; what leaves at once goes to ``outputs``."""
        raise NotImplementedError

    def offload(
        self, state: Any, batch: Batch, start: int, stop: int
    ) -> Generator[Calls, list[Any], Any]:
        """The same as `step` with the help of a driver."""
        raise NotImplementedError

    def show(self, state: Any, keep: bool) -> Any:
        """The state as the trigger's functions see it; independent of later events if ``keep``."""
        return state

    def merge(self, one: Any, other: Any) -> Any:
        """One state out of those of two sessions that join, the earlier one first."""
        raise NotImplementedError

    def absorb(self, state: Any, reduced: Reduced) -> Any:
        """The state after events that were reduced elsewhere."""
        for each in reduced.states:
            state = self.merge(state, each)
        return state

    def adopt(self, state: Any, who: str) -> Any:
        """A state that ``on_trigger`` returned, as this reducer goes on with it.

        Raises:
            TypeError: this reducer cannot go on with it; the message names ``who``.
        """
        return state


def part(batch: Batch, start: int, stop: int) -> Batch:
    """``batch[start:stop]``, without a copy if that is all of it."""
    return batch if start == 0 and stop == len(batch) else batch[start:stop]
