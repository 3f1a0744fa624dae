"""What a socket has not taken yet."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable
from itertools import islice

__all__ = ["Outbox"]

_PIECES = 512
"""The most pieces that one call of the system may send; systems allow 1024."""


class Outbox:
    """Pieces of frames in the order in which they are sent.

    Args:
        ours: the socket to send on.
    """

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._pieces: deque[bytes | memoryview] = deque()

    def __bool__(self) -> bool:
        """Whether something is left to send."""
        return bool(self._pieces)

    def add(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Send these, too."""
        self._pieces += pieces

    def send(self) -> None:
        """Send what the socket takes at once.

        Raises:
            BlockingIOError: it takes nothing now.
            OSError: the other end is gone.
        """
        pieces = self._pieces
        if len(pieces) == 1:
            count = self._socket.send(pieces[0])
        else:
            count = self._socket.sendmsg(islice(pieces, _PIECES))
        while pieces and count >= len(pieces[0]):
            count -= len(pieces.popleft())
        if count:
            pieces[0] = memoryview(pieces[0])[count:]

    def clear(self) -> None:
        """Forget what was not sent."""
        self._pieces.clear()
