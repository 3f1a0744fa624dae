"""What every window description has: its kind and its triggers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.notes import Place
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.tail import Tail
from flowlike.options import check_choice, check_count

__all__ = ["CountTrigger", "Window", "WindowRun"]


class CountTrigger(NamedTuple):
    """Fires after every ``size`` events that enter the reduce.

    Attributes:
        size: how many events.
        action: "keep" the state or "reset" it.
    """

    size: int
    action: Literal["keep", "reset"]

    @property
    def name(self) -> tuple[str, int]:
        """The trigger as `TriggerContext.trigger` names it."""
        return ("every", self.size)

    def cut(self, held: int, length: int) -> Iterator[tuple[int, int, bool]]:
        """Cut ``length`` new events at the borders, ``held`` being counted since the last.

        Yields:
            ``(start, stop, fires)``, in order and without gaps.

        >>> list(CountTrigger(4, "keep").cut(3, 6))
        [(0, 1, True), (1, 5, True), (5, 6, False)]
        """
        start = 0
        while start < length:
            stop = start + self.size - held
            if stop > length:
                yield start, length, False
                return
            yield start, stop, True
            start, held = stop, 0


class WindowRun(Protocol):
    """The windows of one partition while they run; each kind of window has its own."""

    def push(self, batch: Batch) -> Generator[Calls, list[Any], list[Batch]]:
        """Take a batch; return what the triggers emit."""
        ...

    def finish(self) -> Generator[Calls, list[Any], list[Batch]]:
        """The end of the input: fire "done" for every open window."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """A kind of window with its triggers; every method returns a new description.

    Attributes:
        kind: the name that `TriggerContext.window` has.
        every: the count trigger, if there is one.

    Raises:
        TypeError: ``every`` is no `CountTrigger`.
    """

    kind: ClassVar[str]
    every: CountTrigger | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.every is not None and not isinstance(self.every, CountTrigger):
            raise TypeError(
                f"every must be a CountTrigger, not {self.every!r}; "
                f"use {type(self).__name__}().trigger_every(n)"
            )

    def start(self, reducer: Reducer, tail: Tail, place: Place) -> WindowRun:
        """The windows of this kind of one partition, ready to run.

        Args:
            reducer: makes and changes their states.
            tail: takes the states that fire.
            place: the replica.
        """
        raise NotImplementedError

    def trigger_every(self, n: int, action: Literal["keep", "reset"] = "keep") -> Self:
        """Fire after every ``n`` events that enter the reduce of a partition's window.

        Args:
            n: how many events.
            action: "keep" goes on with the state, "reset" starts again with ``init()``.

        Raises:
            TypeError: ``n`` is no integer.
            ValueError: ``n`` is below 1, ``action`` is unknown, or there is a count
                trigger already.

        >>> from flowlike.operators import GlobalWindow
        >>> GlobalWindow().trigger_every(0x400, "reset").every.name
        ('every', 1024)
        """
        trigger = CountTrigger(
            check_count("trigger_every's n", n),
            check_choice("trigger_every's action", action, ("keep", "reset")),
        )
        if self.every is not None:
            raise ValueError(
                f"this window has the trigger trigger_every({self.every.size}) already; "
                f"a window has one count or punctuation trigger, so leave one out"
            )
        return replace(self, every=trigger)
