"""Session windows: events of one key with no longer pause between them than a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from flowlike.errors import FlowBuildError
from flowlike.operators.keys import Key, key_function
from flowlike.operators.mapping import Step
from flowlike.operators.notes import Place
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.reducing import EmitAndReduce, Reduce, ReduceBatch, Reducing
from flowlike.operators.tail import Tail
from flowlike.operators.windows.entry import Entry
from flowlike.operators.windows.event_time import EventTimeWindow
from flowlike.operators.windows.frame import Frame
from flowlike.operators.windows.session_run import SessionRun
from flowlike.operators.windows.window import Keys, Window
from flowlike.options import check_seconds

__all__ = ["SessionWindow"]


@dataclass(frozen=True, slots=True, repr=False)
class SessionWindow(EventTimeWindow):
    """Windows that each key has of its own: as long as its events keep coming.

    An event continues a session of its key if it is at most ``gap`` away from it in event
    time; otherwise it begins a new one. One that is between two open sessions joins them: a
    built-in reducer, or ``merge``, joins their states; without ``merge`` the events of open
    sessions are kept in memory, and those of the later one are reduced again into the earlier
    one's state. A session closes, and fires "done", when the watermark is more than ``gap``
    past its last event. Its id is the time of its first event, in the units of ``by``;
    ``TriggerContext.key`` is its key.

    An event is late if no session takes it and one of its own would be closed already.

    Args:
        gap: the longest pause within a session, in seconds or as a ``timedelta``.
        by: as in :class:`FixedWindow`.
        key: whose session; ``None``: the key of the partition (in a layer without one all
            events are of one key, ``None``).
        by_batch: as in :class:`FixedWindow`.

    Raises:
        TypeError: an argument has the wrong type, or there is neither ``by`` nor ``by_batch``.
        ValueError: ``gap`` is not above 0.

    Example:
        >>> from flowlike import Flow, SessionWindow
        >>> clicks = [("ann", 0), ("bob", 5), ("ann", 20), ("ann", 100)]
        >>> window = SessionWindow(30, by=1, key=0)
        >>> flow = Flow.from_iterable(clicks, stages=1, window=window).reduce(
        ...     int, lambda count, click: count + 1
        ... )
        >>> flow.map_state(lambda n, ctx: (ctx.key, ctx.window_id, n)).emit("state").to_list()
        [('ann', 0, 2), ('bob', 5, 1), ('ann', 100, 1)]
    """

    kind: ClassVar[str] = "session"
    gap: float | timedelta
    by: Key | None = None
    key: Key | None = None

    def __post_init__(self) -> None:
        Window.__post_init__(self)
        check_seconds("SessionWindow's gap", self.gap)
        self._check_by()
        if self.key is not None:
            key_function(self.key, "SessionWindow's key")

    def check(self, reducing: Reducing | None, replaced: bool) -> None:
        """Check that sessions can join.

        Raises:
            FlowBuildError: a trigger before the end replaces a state that nothing can merge.
        """
        merges = not isinstance(reducing, (Reduce, ReduceBatch, EmitAndReduce)) or getattr(
            reducing, "merge", None
        )
        early = self.cutting or self.periodic or self.lateness
        if replaced and early and not merges and reducing is not None:
            raise FlowBuildError(
                f"{reducing.label} with on_trigger in a {self!r}: when sessions join nobody knows "
                f"how to put the states together that on_trigger has made; give the reduce a "
                f"merge=, or leave the trigger out"
            )

    def frame(
        self,
        place: Place,
        reducer: Reducer | None,
        tail: Tail | None,
        entry: Entry | None = None,
        steps: Sequence[Step] = (),
    ) -> Frame:
        """What the sessions of one replica have in common; the arguments are `Frame`'s."""
        frame = Window.frame(self, place, reducer, tail, entry, steps)
        frame.keeps = reducer is not None and not reducer.merges
        return frame

    def start(self, frame: Frame, upstreams: int, keys: Keys) -> SessionRun:
        """The sessions of one partition, ready to run."""
        gap = check_seconds("SessionWindow's gap", self.gap)
        if self.key is not None:
            keys = [key_function(self.key)] * upstreams
        return SessionRun(self, frame, upstreams, gap, keys)
