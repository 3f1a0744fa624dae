"""What the windows of one replica have in common, whatever their kind."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.context import TriggerContext
from flowlike.operators.mapping import Step
from flowlike.operators.notes import Place
from flowlike.operators.reducers.collecting import Collecting
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.tail import Tail
from flowlike.operators.windows.entry import Entry
from flowlike.operators.windows.triggers import CountTrigger, PeriodicTrigger, Punctuation

if TYPE_CHECKING:
    from flowlike.operators.windows.punctuation import Punctuating

__all__ = ["Frame"]


class Frame:
    """Where the events of a window go, and what becomes of its state when it fires.

    Args:
        kind: the name of the kind of window.
        place: the replica.
        reducer: makes and changes the states; None where there is no reduce.
        tail: takes the states that fire; None where there is no reduce.
        entry: stands before the reduce, with a state for each window.
        steps: what happens between the two.
        trigger: cuts the events.
        periodically: the trigger by the clock.

    Attributes:
        plain: whether a batch goes straight into ``step``.
        step: the reducer's, which takes a part of a batch into a state.
        together: whether windows of which only the events matter can fire in one go.
        every: the count trigger.
        keeps: whether panes keep their events, because nothing merges their states.
        punctuating: the running punctuation trigger.
    """

    __slots__ = (
        "entry",
        "every",
        "keeps",
        "kind",
        "periodically",
        "place",
        "plain",
        "punctuating",
        "reducer",
        "step",
        "steps",
        "tail",
        "together",
    )

    def __init__(
        self,
        *,
        kind: str,
        place: Place,
        reducer: Reducer | None,
        tail: Tail | None,
        entry: Entry | None = None,
        steps: Sequence[Step] = (),
        trigger: CountTrigger | Punctuation | None = None,
        periodically: PeriodicTrigger | None = None,
    ) -> None:
        self.kind = kind
        self.keeps = False
        self.place = place
        self.reducer = reducer
        self.tail = tail
        self.entry = entry
        self.steps = tuple(steps)
        self.every = trigger if isinstance(trigger, CountTrigger) else None
        self.punctuating: Punctuating | None = None
        if isinstance(trigger, Punctuation):
            from flowlike.operators.windows.punctuation import Punctuating  # noqa: PLC0415 - few flows need it

            self.punctuating = Punctuating(trigger, place)
        self.periodically = periodically
        self.step = Reducer().step if reducer is None else reducer.step
        self.plain = (
            entry is None
            and not self.steps
            and trigger is None
            and reducer is not None
            and reducer.inline
        )
        self.together = tail is not None and tail.coalesces and isinstance(reducer, Collecting)

    @property
    def leaves_at_once(self) -> bool:
        """True if events leave while they are taken, so that their order shows."""
        return (
            self.entry is not None
            or self.every is not None
            or self.punctuating is not None
            or self.reducer is None
            or self.reducer.emits
        )

    def context(self, window_id: Any, key: Any, trigger: Any) -> TriggerContext:
        """What the functions after the reduce are told."""
        return TriggerContext(*self.place, self.kind, window_id, key, trigger)

    def through(self, batch: Batch) -> Generator[Calls, list[Any], Batch]:
        """What the steps between the entry and the reduce make of a batch, maybe empty."""
        for inline, run in self.steps:
            if len(batch) == 0:
                break
            batch = run(batch) if inline else (yield from run(batch))
        return batch
