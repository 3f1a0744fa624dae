"""What a process that the user forks must not keep: the ends of our links.

Held open there, too, they would look alive to the other end when this process is gone.
"""

from __future__ import annotations

import os
import socket
from weakref import WeakSet

__all__ = ["close_when_forked"]

_sockets: WeakSet[socket.socket] = WeakSet()


def close_when_forked(ours: socket.socket) -> None:
    """Have a socket closed in every process that is forked from this one; it stays open here."""
    _sockets.add(ours)


def _close_all() -> None:
    for ours in list(_sockets):
        ours.close()


os.register_at_fork(after_in_child=_close_all)
