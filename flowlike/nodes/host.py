"""A worker process in which stages live: its node, and one run after the other."""

from __future__ import annotations

import asyncio
import pickle
import socket
from typing import Any

from flowlike.event_loop import new_event_loop
from flowlike.nodes.blocking_link import BlockingLink
from flowlike.nodes.channel import receive_end
from flowlike.nodes.node import Node
from flowlike.nodes.residents import Guest, Residents
from flowlike.nodes.run_messages import (
    Dismiss,
    Dismissed,
    EndStages,
    Invite,
    Meet,
    Met,
    Refusal,
    Reply,
)
from flowlike.nodes.socket_link import SocketLink
from flowlike.stages.run_queue import run_queue_on

__all__ = ["Host"]


class Host:
    """Lets stages live in this process. All methods are called on its event loop.

    Args:
        number: of this node.
        link: to the parent.
        ends: where ends of channels arrive.

    Attributes:
        loop: the event loop, which runs from the first of these messages on.
    """

    def __init__(self, number: int, link: BlockingLink, ends: socket.socket) -> None:
        self.loop = new_event_loop()
        self._link = link
        self._ends = ends
        self._node = Node(number)
        self._queue = run_queue_on(self.loop)
        self._links: list[SocketLink] = []
        self._run: int | None = None
        self._residents: Residents
        self._guest: Guest | None = None
        self._unmet: OSError | None = None  # why a node is missing, for good
        self._closing: asyncio.Task[None] | None = None

    def take(self, message: Any) -> None:
        """Do what the parent says; what it says of a run that is over comes too late."""
        match message:
            case Meet(node, name):
                self._meet(node, name)
            case Invite():
                self._begin(message)
            case EndStages(run, stage, reason) if run == self._run:
                self._residents.end(stage, reason)
            case Reply(run, number, error) if run == self._run:
                self._residents.replied(number, None if error is None else self._node.open(error))
            case Dismiss(run):
                self._closing = self.loop.create_task(self._dismiss(run))

    def _meet(self, number: int, name: str) -> None:
        try:
            link = receive_end(self._ends).link()
        except OSError as error:
            error.add_note(f"in node {self._node.number}, as it was to be joined to {name}")
            self._unmet = error
        else:
            self._node.join(number, link, name)
            link.attach()
            self._links.append(link)
        self._link.send(Met())

    def _begin(self, invite: Invite) -> None:
        run = self._run = invite.run
        self._node.begin(run)
        self._residents = Residents(run, self._node, self._queue, self._link.send)
        try:
            if self._unmet is not None:
                raise self._unmet
            self._guest = pickle.loads(invite.guest)
            self._guest.begin(self._residents)
        except Exception as error:  # noqa: BLE001 - whatever a user's module raises as it is imported
            self._link.send(Refusal(run, self._node.pack(error)))
        self._residents.settle()

    async def _dismiss(self, run: int) -> None:
        clean = self._unmet is None
        if run == self._run:
            self._residents.close()
            guest, self._guest, self._run = self._guest, None, None
            if guest is not None:
                clean &= await guest.close()
            self._node.end(run)
            for link in self._links:
                link.trim()
        self._link.send(Dismissed(run, clean))
