"""Descriptions of the triggers that fire before a window is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from flowlike.operators.operator import function_name

__all__ = ["Action", "CountTrigger", "PeriodicTrigger", "Punctuation"]

Action: TypeAlias = Literal["keep", "reset"]
"""Whether a window that fired goes on with its state or with a new one."""


class CountTrigger(NamedTuple):
    """Fires after every ``size`` events that enter the reduce.

    Attributes:
        size: how many events.
        action: "keep" the state or "reset" it.
    """

    size: int
    action: Action

    @property
    def name(self) -> tuple[str, int]:
        """The trigger as `TriggerContext.trigger` names it."""
        return ("every", self.size)

    @property
    def shown(self) -> str:
        """The method call that made it."""
        return f"trigger_every({self.size}, {self.action!r})"

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


class PeriodicTrigger(NamedTuple):
    """Fires every ``seconds`` of processing time, where the window has changed since.

    Attributes:
        seconds: the period.
        action: "keep" the state or "reset" it.
    """

    seconds: float
    action: Action

    @property
    def name(self) -> tuple[str, float]:
        """The trigger as `TriggerContext.trigger` names it."""
        return ("periodically", self.seconds)

    @property
    def shown(self) -> str:
        """The method call that made it."""
        return f"trigger_periodically({self.seconds:g}, {self.action!r})"


class Punctuation(NamedTuple):
    """The description: ``function(batch, acc)`` with an ``acc`` for each window.

    Attributes:
        init: makes the first ``acc`` of a window.
        function: returns ``Continue`` or ``Fire``.
    """

    init: Callable[[], Any]
    function: Callable[[Any, Any], Any]

    @property
    def shown(self) -> str:
        """The method call that made it."""
        return f"trigger({function_name(self.init)}, {function_name(self.function)})"
