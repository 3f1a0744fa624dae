"""Batches that know which positions of their source they stand for."""

from __future__ import annotations

from typing import Any

__all__ = ["Numbered"]


class Numbered:
    """Events that stand for the positions from ``first`` up to, not including, ``behind``.

    It travels as a batch of its events: demand and buffers count these, and a slice takes some
    of them. One without events has to arrive too, so that nobody waits for its positions: it
    travels as one event, and reports count it as none.

    A source has one event at each position, and so has a slice of it. Where operators have made
    more or fewer events of them, only the last part of the batch completes the positions;
    the parts before it stand for none, and come one behind the other.

    Args:
        first: the position where it belongs.
        behind: the position that follows when its events are done.
        events: a batch, maybe empty.

    >>> numbered = Numbered(10, 13, "abc")
    >>> numbered[:1], numbered[1:]
    (Numbered(10, 11, 'a'), Numbered(11, 13, 'bc'))
    >>> doubled = Numbered(10, 13, "aabbcc")
    >>> doubled[:2], doubled[2:]
    (Numbered(10, 10, 'aa'), Numbered(10, 13, 'bbcc'))
    >>> len(Numbered(10, 13, []))
    1
    """

    __slots__ = ("behind", "events", "first")

    def __init__(self, first: int, behind: int, events: Any) -> None:
        self.first = first
        self.behind = behind
        self.events = events

    def __repr__(self) -> str:
        return f"Numbered({self.first}, {self.behind}, {self.events!r:.80})"

    def __len__(self) -> int:
        return len(self.events) or 1

    def __getitem__(self, part: slice) -> Numbered:
        count = len(self.events)
        start, stop, _ = part.indices(len(self))
        if count == self.behind - self.first:
            return Numbered(self.first + start, self.first + stop, self.events[part])
        behind = self.behind if stop == len(self) else self.first
        return Numbered(self.first, behind, self.events[part])
