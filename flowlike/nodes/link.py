"""The connection between two nodes, whatever carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

__all__ = ["Link", "Unreadable"]


class Unreadable(NamedTuple):
    """Arrives in place of a message that cannot be unpickled here.

    Attributes:
        error: what says so.
    """

    error: Exception


class Link(Protocol):
    """Carries messages to one other node and back, each once and in order."""

    def send(self, message: Any) -> None:
        """Send anything that can be pickled; it never waits.

        What is sent to a node that is lost is dropped: who waits for an answer is told so by
        ``on_lost``.

        Raises:
            Exception: whatever says that the message cannot be pickled; nothing was sent.
        """

    def on_message(self, callback: Callable[[Any], None]) -> None:
        """Have each message that arrives given to ``callback``, or an `Unreadable`."""

    def on_lost(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when the other node is gone; not after `close`."""

    def close(self) -> None:
        """End the connection; the other node is told of its loss."""
