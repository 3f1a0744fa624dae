"""What every window description has: its kind and its triggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, ClassVar, Self

from flowlike.operators.mapping import Step
from flowlike.operators.notes import Place
from flowlike.operators.operator import function_name
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.reducing import Reducing
from flowlike.operators.tail import Tail
from flowlike.operators.windows.entry import Entry
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.run import WindowRun
from flowlike.operators.windows.triggers import Action, CountTrigger, PeriodicTrigger, Punctuation
from flowlike.options import check_callable, check_choice, check_count, check_seconds

__all__ = ["Keys", "Window"]

Keys = Sequence[Callable[[Any], Any] | None]
"""The key function of the routing into the layer, for each upstream."""


@dataclass(frozen=True, slots=True, repr=False)
class Window:
    """A kind of window with its triggers; every method returns a new description.

    Attributes:
        kind: the name that `TriggerContext.window` has.
        looks_at_events: whether it must see the events that it cuts, or that it is there for;
            otherwise the operators before a reduce may run in its loop.
        cutting: the count or punctuation trigger, if there is one.
        periodic: the trigger by the clock, if there is one.

    Raises:
        TypeError: ``cutting`` or ``periodic`` is no trigger.
    """

    kind: ClassVar[str]
    looks_at_events: ClassVar[bool] = True
    cutting: CountTrigger | Punctuation | None = field(default=None, kw_only=True)
    periodic: PeriodicTrigger | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.cutting, (CountTrigger, Punctuation, type(None))):
            raise TypeError(
                f"cutting must be a CountTrigger or a Punctuation, not {self.cutting!r}; "
                f"use {type(self).__name__}(...).trigger_every(n)"
            )
        if not isinstance(self.periodic, (PeriodicTrigger, type(None))):
            raise TypeError(
                f"periodic must be a PeriodicTrigger, not {self.periodic!r}; "
                f"use {type(self).__name__}(...).trigger_periodically(seconds)"
            )

    def __repr__(self) -> str:
        return ".".join([self._shown(), *self._shown_methods()])

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> WindowRun:
        """The windows of this kind of one partition, ready to run.

        Args:
            frame: where their events go.
            upstreams: how many producers there are.
            keys: the key of the partition.
        """
        raise NotImplementedError

    def check(self, reducing: Reducing | None, replaced: bool) -> None:
        """Check what only the layer tells.

        Args:
            reducing: the reduce, if there is one.
            replaced: whether its state is replaced when a trigger fires.

        Raises:
            FlowBuildError: they do not fit together.
        """

    def frame(
        self,
        place: Place,
        reducer: Reducer | None,
        tail: Tail | None,
        entry: Entry | None = None,
        steps: Sequence[Step] = (),
    ) -> Frame:
        """What the windows of one replica have in common; the arguments are `Frame`'s."""
        return Frame(
            kind=self.kind,
            place=place,
            reducer=reducer,
            tail=tail,
            entry=entry,
            steps=steps,
            trigger=self.cutting,
            periodically=self.periodic,
        )

    def trigger_every(self, n: int, action: Action = "keep") -> Self:
        """Fire after every ``n`` events that enter the reduce of a partition's window.

        Args:
            n: how many events.
            action: "keep" goes on with the state, "reset" starts again with ``init()``.

        Raises:
            TypeError: ``n`` is no integer.
            ValueError: ``n`` is below 1, ``action`` is unknown, or there is a count or
                punctuation trigger already.

        >>> from flowlike.operators import GlobalWindow
        >>> GlobalWindow().trigger_every(0x400, "reset")
        GlobalWindow().trigger_every(1024, 'reset')
        """
        trigger = CountTrigger(
            check_count("trigger_every's n", n),
            check_choice("trigger_every's action", action, ("keep", "reset")),
        )
        return self._with_cutting(trigger)

    def trigger_periodically(self, duration: float | timedelta, action: Action = "keep") -> Self:
        """Fire every ``duration`` of processing time, each window that has changed since.

        The periods are counted from the start of the layer.

        Args:
            duration: seconds or a ``timedelta``.
            action: "keep" goes on with the state, "reset" starts again with ``init()``.

        Raises:
            TypeError: ``duration`` is no duration.
            ValueError: ``duration`` is not above 0, ``action`` is unknown, or there is a
                periodic trigger already.

        >>> from flowlike.operators import GlobalWindow
        >>> GlobalWindow().trigger_periodically(2.5).periodic.name
        ('periodically', 2.5)
        """
        trigger = PeriodicTrigger(
            check_seconds("trigger_periodically's duration", duration),
            check_choice("trigger_periodically's action", action, ("keep", "reset")),
        )
        if self.periodic is not None:
            raise ValueError(
                f"this window has the trigger {self.periodic.shown} already; leave one out"
            )
        return replace(self, periodic=trigger)

    def trigger(self, init: Callable[[], Any], fn: Callable[[Any, Any], Any]) -> Self:
        """Fire where a function of the events says so (punctuation).

        ``fn(batch, acc)`` is called with every batch of events on its way into the reduce of
        a window. It returns ``Continue(acc)`` or ``Continue(acc, events)`` to go on, or
        ``Fire(name, before, after, acc, action)`` to reduce ``before``, fire, and look at
        ``after`` next. How the events are cut into batches is the library's choice.

        Args:
            init: makes the first ``acc`` of a window.
            fn: decides.

        Raises:
            TypeError: one of them cannot be called, or is a coroutine function.
            ValueError: there is a count or punctuation trigger already.

        Example:
            >>> from flowlike import Continue, Fire, Flow, GlobalWindow
            >>> def at_full_stop(words, acc):
            ...     if "." not in words:
            ...         return Continue(acc)
            ...     stop = words.index(".")
            ...     return Fire("sentence", words[:stop], words[stop + 1:], acc, "reset")
            >>> window = GlobalWindow().trigger(lambda: None, at_full_stop)
            >>> words = "stop . look and listen .".split()
            >>> flow = Flow.from_iterable(words, stages=1, window=window).collect_batch()
            >>> flow.emit("state").to_list()
            [['stop'], ['look', 'and', 'listen'], []]
        """
        check_callable("trigger's init", init)
        check_callable("trigger's fn", fn)
        return self._with_cutting(Punctuation(init, fn))

    def _with_cutting(self, trigger: CountTrigger | Punctuation) -> Self:
        if self.cutting is not None:
            raise ValueError(
                f"this window has the trigger {self.cutting.shown} already; "
                f"a window has one count or punctuation trigger, so leave one out"
            )
        return replace(self, cutting=trigger)

    def _shown(self) -> str:
        """The call that makes it, without triggers."""
        arguments: list[str] = []
        named = False
        for each in (*(each.name for each in fields(self) if not each.kw_only), "by_batch"):
            value = getattr(self, each, None)
            if value is None or each == "by_batch":
                named = True  # and those behind one that is left out
            if value is not None:
                shown = function_name(value) if callable(value) else repr(value)
                shown = shown.removeprefix("datetime.")
                arguments.append(f"{each}={shown}" if named else shown)
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _shown_methods(self) -> list[str]:
        """The method calls that follow."""
        return [each.shown for each in (self.cutting, self.periodic) if each is not None]
