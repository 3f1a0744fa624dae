"""What the windows that are cut by the times of the events have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple, Self

from flowlike.batches import Batch, events_of
from flowlike.operators.guarded import guarded
from flowlike.operators.keys import Key, key_function
from flowlike.operators.notes import describe_event
from flowlike.operators.operator import function_name
from flowlike.operators.outputs import Outputs
from flowlike.operators.windows.event_times import EventTimes
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.pane import Pane, finish_all
from flowlike.operators.windows.run import Emission, WindowRun
from flowlike.operators.windows.triggers import Action
from flowlike.operators.windows.watermark import Watermark
from flowlike.operators.windows.window import Window
from flowlike.options import check_callable, check_choice, check_seconds

__all__ = ["EventTimeRun", "EventTimeWindow", "Lateness"]


class Lateness(NamedTuple):
    """How long a window takes late events, and what it goes on with.

    Attributes:
        seconds: of processing time, from when the watermark reached its end.
        action: "keep" the state or "reset" it after "watermark" has fired.
    """

    seconds: float
    action: Action


@dataclass(frozen=True, slots=True, repr=False)
class EventTimeWindow(Window):
    """Windows that are cut by the times that the events carry.

    A kind has its own field ``by``, behind those that it must be given.

    Attributes:
        by_batch: gives the times of an array.
        lateness: how long a window takes late events.
        late: called with every event that is late.
        patience: seconds after which a producer that says nothing is left out.
    """

    by_batch: Callable[[Any], Any] | None = field(default=None, kw_only=True)
    lateness: Lateness | None = field(default=None, kw_only=True)
    late: Callable[[Any], Any] | None = field(default=None, kw_only=True)
    patience: float | None = field(default=None, kw_only=True)

    @property
    def event_time(self) -> Key | None:
        """What gives the time of an event; None: only ``by_batch`` does."""
        by: Key | None = getattr(self, "by", None)
        return by

    def allowed_lateness(self, duration: float | timedelta, action: Action = "keep") -> Self:
        """Take late events for a while after the watermark has reached the end of a window.

        The window fires "watermark" first, takes events for ``duration`` of processing time,
        then fires "done". At the end of the input it fires "done" only.

        Args:
            duration: seconds or a ``timedelta``.
            action: what the window goes on with after "watermark": "keep" the state, or
                "reset" it, so that "done" has the late events alone.

        Raises:
            TypeError: ``duration`` is no duration.
            ValueError: ``duration`` is not above 0, ``action`` is unknown, or it was given
                already.
        """
        name = "allowed_lateness's"
        lateness = Lateness(
            check_seconds(f"{name} duration", duration),
            check_choice(f"{name} action", action, ("keep", "reset")),
        )
        self._check_once("allowed_lateness", self.lateness)
        return replace(self, lateness=lateness)

    def on_late(self, fn: Callable[[Any], Any]) -> Self:
        """Call ``fn(event)`` with every event whose windows are all closed.

        Late events are counted with or without it (``RunReport.late``).

        Args:
            fn: a function; its result is ignored.

        Raises:
            TypeError: ``fn`` cannot be called, or is a coroutine function.
            ValueError: it was given already.
        """
        check_callable("on_late's fn", fn)
        self._check_once("on_late", self.late)
        return replace(self, late=fn)

    def idle_timeout(self, duration: float | timedelta) -> Self:
        """Leave a producer that says nothing for ``duration`` out of the watermark.

        It counts again when it speaks. Where all producers are idle the watermark goes to the
        greatest time that was seen from any of them.

        Args:
            duration: seconds of processing time, or a ``timedelta``.

        Raises:
            TypeError: ``duration`` is no duration.
            ValueError: ``duration`` is not above 0, or it was given already.
        """
        patience = check_seconds("idle_timeout's duration", duration)
        self._check_once("idle_timeout", self.patience)
        return replace(self, patience=patience)

    def _check_by(self) -> None:
        """Check the functions that give the times.

        Raises:
            TypeError: there is none, or one is no key or cannot be called.
        """
        name, by = type(self).__name__, self.event_time
        if by is None and self.by_batch is None:
            raise TypeError(f"{name} needs by, a function that gives the time of an event")
        if by is not None:
            key_function(by, f"{name}'s by")
        if self.by_batch is not None:
            check_callable(f"{name}'s by_batch", self.by_batch)

    def _check_once(self, method: str, given: Any) -> None:
        if given is not None:
            raise ValueError(f"this window has {method}() already; leave one out")

    def _shown_methods(self) -> list[str]:
        methods = Window._shown_methods(self)
        if self.lateness is not None:
            seconds, action = self.lateness
            methods.append(f"allowed_lateness({seconds:g}, {action!r})")
        if self.late is not None:
            methods.append(f"on_late({function_name(self.late)})")
        if self.patience is not None:
            methods.append(f"idle_timeout({self.patience:g})")
        return methods


class EventTimeRun(WindowRun):
    """Windows by event time while they run: late events, lateness, idle producers."""

    def __init__(self, window: EventTimeWindow, frame: Frame, upstreams: int) -> None:
        super().__init__(frame)
        label = window._shown()
        self._times = EventTimes(window.event_time, window.by_batch, label, frame.place)
        self._watermark = Watermark(upstreams, window.patience)
        self._lateness = window.lateness
        # Panes that have fired "watermark" and take late events, with the time when they are
        # done. Processing time does not go back, so the first is due first.
        self._lingering: dict[Pane, float] = {}
        self._on_late = None
        if window.late is not None:
            shown = f"on_late({function_name(window.late)})"
            self._on_late = guarded(window.late, shown, frame.place, describe_event)
        if window.lateness is not None or window.patience is not None:
            self.timed = True

    def begin(self, now: float) -> None:
        """Processing time begins."""
        if self._begun is None:
            self._watermark.begin(now)
        super().begin(now)

    # What a kind of window says.

    def _move(self, now: float, outputs: Outputs) -> Emission:
        """Close what the watermark has reached, though no event has come."""
        raise NotImplementedError

    def _forget(self, pane: Pane) -> None:
        """A pane is done."""
        raise NotImplementedError

    def _has_open(self) -> bool:
        """True if there is a pane that the watermark could close."""
        raise NotImplementedError

    def _place_of(self, pane: Pane) -> Any:
        """What puts panes into the order of their starts."""
        return pane.number

    # What they have in common.

    def _ended(self, upstream: int, now: float, outputs: Outputs) -> Emission:
        self._watermark.ended(upstream)
        yield from self._move(now, outputs)

    def _due(self) -> float | None:
        idle = None
        if self._has_open():
            idle = self._watermark.deadline
        done = next(iter(self._lingering.values()), None)
        if idle is None or (done is not None and done <= idle):
            return done
        return idle

    def _act(self, due: float, outputs: Outputs) -> Emission:
        done = [pane for pane, when in self._lingering.items() if when <= due]
        done.sort(key=self._place_of)
        for pane in done:
            del self._lingering[pane]
            self._forget(pane)
        yield from finish_all(self.frame, done, outputs)
        idle = self._watermark.deadline
        if idle is not None and idle <= due:
            self._watermark.rest(due)
            yield from self._move(due, outputs)

    def _finish(self, outputs: Outputs) -> Emission:
        panes = list(self._open())
        self._lingering.clear()
        for pane in panes:
            self._forget(pane)
        yield from finish_all(self.frame, panes, outputs)

    def _close(self, panes: Sequence[Pane], now: float, outputs: Outputs) -> Emission:
        """The watermark has reached the end of panes, given in order."""
        if self._lateness is None:
            for pane in panes:
                self._forget(pane)
            yield from finish_all(self.frame, panes, outputs)
            return
        keep = self._lateness.action == "keep"
        for pane in panes:
            self._lingering[pane] = now + self._lateness.seconds
            yield from pane.fire("watermark", keep, outputs)

    def _too_late(self, batch: Batch) -> None:
        """Count late events, and hand them to who wants them."""
        self.late += len(batch)
        if self._on_late is not None:
            for event in events_of(batch):
                self._on_late(event)
