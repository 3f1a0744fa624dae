"""A stage that lives on another node, seen from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowlike.stages.messages import Cast, Info

if TYPE_CHECKING:
    from flowlike.nodes.address import Address
    from flowlike.nodes.neighbour import Neighbour

__all__ = ["RemoteRef"]


class RemoteRef:
    """Carries messages to a stage on another node. Made by :meth:`Node.ref`.

    It is a :class:`~flowlike.stages.peer.Peer`, as a ``StageRef`` is. What the stage is, only its
    own node knows: a subscription to one that emits nothing is refused there. Two that name the
    same stage are equal.

    Args:
        neighbour: the node that the stage lives on.
        address: of the stage.
        name: for people; need not be unique.

    Attributes:
        address: the same.
        name: the same.
    """

    __slots__ = ("_neighbour", "address", "name")

    emits = True
    consumes = True
    is_calling = False

    def __init__(self, neighbour: Neighbour, address: Address, name: str) -> None:
        self._neighbour = neighbour
        self.address = address
        self.name = name

    def __repr__(self) -> str:
        return f"<RemoteRef {self.name!r} in {self._neighbour.name}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteRef) and other.address == self.address

    def __hash__(self) -> int:
        return hash(self.address)

    @property
    def has_ended(self) -> bool:
        """True once its node is lost; of the end of the stage alone only its consumers hear."""
        return self._neighbour.loss is not None

    def deliver(self, message: Any) -> None:
        """Send a message of the stage protocol.

        Raises:
            Exception: whatever says that the message cannot be pickled; nothing was sent.
        """
        self._neighbour.send(self, message)

    def cast(self, message: Any) -> None:
        """Send a message to ``handle_cast``; there is no reply.

        Raises:
            Exception: whatever says that it cannot be pickled.
        """
        self.deliver(Cast(message))

    def send(self, message: Any) -> None:
        """Send a message to ``handle_info``; there is no reply.

        Raises:
            Exception: whatever says that it cannot be pickled.
        """
        self.deliver(Info(message))
