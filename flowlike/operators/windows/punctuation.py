"""Punctuation: a trigger that a function of the events decides on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from flowlike.batches import Batch, as_batch
from flowlike.operators.notes import Place, describe_batch, describe_event
from flowlike.operators.windows.triggers import Action, Punctuation
from flowlike.options import check_choice

__all__ = ["Continue", "Fire", "Punctuating"]

_MOST_WITHOUT_PROGRESS = 10_000

_NAMES = ("done", "watermark")
_PAIRS = ("every", "periodically")


@dataclass(frozen=True, slots=True)
class Continue:
    """What the function of ``window.trigger`` returns where nothing fires.

    Args:
        acc: what the function is given with the next batch of the window.
        events: the events to reduce, in place of those of the batch; ``None``: these.

    Raises:
        TypeError: ``events`` is no batch.
    """

    fires: ClassVar[Literal[False]] = False
    acc: Any
    events: Batch | None = None

    def __post_init__(self) -> None:
        if self.events is not None:
            as_batch(self.events, "Continue's events")


@dataclass(frozen=True, slots=True)
class Fire:
    """What the function of ``window.trigger`` returns where the window fires.

    Args:
        name: what ``TriggerContext.trigger`` is to be; none of the names that other triggers
            have there.
        before: the events to reduce before the window fires.
        after: the events that come after; unless there are none, the function is called with
            them at once, and may fire again.
        acc: what the function is given next.
        action: "keep" the state or "reset" it.

    Raises:
        TypeError: ``before`` or ``after`` is no batch.
        ValueError: ``action`` is unknown, or ``name`` is one of another trigger.

    >>> Fire("line", ["a"], ["b"], 0).action
    'keep'
    """

    fires: ClassVar[Literal[True]] = True
    name: Any
    before: Batch
    after: Batch
    acc: Any
    action: Action = "keep"

    def __post_init__(self) -> None:
        as_batch(self.before, "Fire's before")
        as_batch(self.after, "Fire's after")
        check_choice("Fire's action", self.action, ("keep", "reset"))
        name = self.name
        first = name[0] if isinstance(name, tuple) and len(name) == 2 else None
        if (isinstance(name, str) and name in _NAMES) or (
            isinstance(first, str) and first in _PAIRS
        ):
            raise ValueError(
                f"Fire's name must be none of the library's own trigger names 'done', "
                f"'watermark', ('every', n) and ('periodically', seconds), not {name!r:.80}; "
                f"what comes after the window could not tell the two apart"
            )


class Punctuating:
    """The running form of a `Punctuation`: calls the user's functions, and checks and notes."""

    __slots__ = ("_described", "_idle", "_place")

    def __init__(self, described: Punctuation, place: Place) -> None:
        self._described = described
        self._place = place
        self._idle = 0

    def init(self) -> Any:
        """The ``acc`` of a new window.

        Raises:
            RuntimeError: the function raised ``StopIteration``.
        """
        try:
            return self._described.init()
        except StopIteration as error:
            replacement = RuntimeError(f"the init of {self._described.shown} raised StopIteration")
            self._place.note(replacement, self._described.shown, "init()")
            raise replacement from error
        except Exception as error:
            self._place.note(error, self._described.shown, "init()")
            raise

    def decide(self, batch: Batch, acc: Any) -> Continue | Fire:
        """What is to become of a batch.

        Raises:
            TypeError: the function returned something else.
            RuntimeError: it raised ``StopIteration``, or fires without end.
        """
        label = self._described.shown
        try:
            decision = self._described.function(batch, acc)
        except StopIteration as error:
            replacement = RuntimeError(f"{label} raised StopIteration, which ends nothing")
            self._place.note(replacement, label, describe_batch(batch))
            raise replacement from error
        except Exception as error:
            self._place.note(error, label, describe_batch(batch))
            raise
        if isinstance(decision, Continue):
            self._idle = 0
            return decision
        if not isinstance(decision, Fire):
            refusal = TypeError(
                f"the function of {label} must return Continue(acc), Continue(acc, events) or "
                f"Fire(name, before, after, acc), not {describe_event(decision)[6:]}"
            )
            self._place.note(refusal, label, describe_batch(batch))
            raise refusal
        if len(decision.after) >= len(batch):
            self._idle += 1
            if self._idle > _MOST_WITHOUT_PROGRESS:
                endless = RuntimeError(
                    f"the function of {label} has fired {self._idle} times in a row with no "
                    f"fewer events in `after` than it was given; after must get shorter"
                )
                self._place.note(endless, label, describe_batch(batch))
                raise endless
        else:
            self._idle = 0
        return decision
