"""A stage as others see it, here or elsewhere."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Peer"]


class Peer(Protocol):
    """What stages use of each other: a ``StageRef``, or one like it for a stage on another node.

    Two of the same stage are equal.

    Attributes:
        name: for people; need not be unique.
    """

    @property
    def name(self) -> str:
        """For people; need not be unique."""

    @property
    def emits(self) -> bool:
        """False if it is known that nobody can subscribe to it."""

    @property
    def consumes(self) -> bool:
        """False if it is known that it cannot subscribe."""

    @property
    def has_ended(self) -> bool:
        """True if it is known that it has ended."""

    @property
    def is_calling(self) -> bool:
        """True for code that runs in a callback of this stage which awaits."""

    def __hash__(self) -> int: ...

    def deliver(self, message: Any, /) -> None:
        """Bring it a message of the stage protocol."""

    def cast(self, message: Any) -> None:
        """Send a message to ``handle_cast``; there is no reply."""

    def send(self, message: Any) -> None:
        """Send a message to ``handle_info``; there is no reply."""
