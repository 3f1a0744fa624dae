"""Descriptions of the operators that stand before a reduce and have a state per window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flowlike.operators import entries
from flowlike.operators.keys import Key, key_function
from flowlike.operators.notes import Place
from flowlike.operators.operator import function_name
from flowlike.operators.windows import Entering
from flowlike.options import check_callable, check_choice

__all__ = ["Join", "Unique"]


@dataclass(frozen=True, slots=True)
class Unique(Entering):
    """Passes the events on whose key was not seen before in their window; without a key, events.

    Raises:
        TypeError: ``key`` is neither None, a function, an ``int`` nor a ``str``.
    """

    name: ClassVar[str] = "unique"
    drops: ClassVar[bool] = True
    key: Key | None = None

    def __post_init__(self) -> None:
        if self.key is not None:
            key_function(self.key, "unique's key")

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        return f"unique({'' if self.key is None else function_name(self.key)})"

    def entry(self, place: Place, sides: Sequence[int], merges: bool) -> entries.Distinct:
        """The running form for one replica."""
        return entries.Distinct(self, place)


@dataclass(frozen=True, slots=True)
class Join(Entering):
    """Brings the events of two flows together that have equal keys.

    Args:
        left_key: of the events of the left flow.
        right_key: of the events of the right flow.
        function: ``function(left, right)`` makes the joined event; None: the pair.
        how: "inner": matches only; "left", "right", "outer": the events of that side, or of
            both, that have no match come too, with None for the other side.

    Raises:
        TypeError: a key is neither a function, an ``int`` nor a ``str``, or ``function`` is
            neither None nor a plain function.
        ValueError: ``how`` is another word.
    """

    name: ClassVar[str] = "join"
    left_key: Key
    right_key: Key
    function: Callable[[Any, Any], Any] | None = None
    how: str = "inner"

    def __post_init__(self) -> None:
        key_function(self.left_key, "join's left_key")
        key_function(self.right_key, "join's right_key")
        if self.function is not None:
            check_callable("join's join", self.function)
        check_choice("join's how", self.how, ("inner", "left", "right", "outer"))

    @property
    def label(self) -> str:
        """The operator as plans and notes show it."""
        function = "" if self.function is None else f", join={function_name(self.function)}"
        keys = f"{function_name(self.left_key)}, {function_name(self.right_key)}"
        return f"join({keys}{function}, how={self.how!r})"

    def entry(self, place: Place, sides: Sequence[int], merges: bool) -> entries.Joining:
        """The running form for one replica."""
        return entries.Joining(self, place, sides, merges)
