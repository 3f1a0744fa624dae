"""The end of a link in a worker process, where no event loop runs."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from flowlike.nodes.frames import Frame, FrameReader, pack

__all__ = ["BlockingLink"]

_PIECES = 512
_LOOK = 1000
"""Milliseconds after which a thread that waits for a frame looks around."""


class BlockingLink:
    """Sends from any thread, and receives in one.

    Args:
        ours: the end of this process.
    """

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._sent = 0
        self._sending = Lock()

    def send(self, message: Any) -> None:
        """Send anything that can be pickled.

        Raises:
            Exception: whatever says that the message cannot be pickled; nothing was sent.
            OSError: the other end is gone.
        """
        with self._sending:
            pieces = pack(self._sent, message)
            self._sent += 1
            while pieces:
                count = self._socket.sendmsg(pieces[:_PIECES])
                while pieces and count >= len(pieces[0]):
                    count -= len(pieces.pop(0))
                if count:
                    pieces[0] = pieces[0][count:]

    def frames(self, is_alone: Callable[[], bool]) -> Iterator[Frame]:
        """What arrives, until the other end is gone.

        Args:
            is_alone: asked every second whether the other end is gone; some other process may
                hold it open.
        """
        reader = FrameReader()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while True:
            if not poll.poll(_LOOK):
                if is_alone():
                    return
                continue
            try:
                count = self._socket.recv_into(reader.room)
            except OSError:
                return
            if not count:
                return
            frame = reader.filled(count)
            if frame is not None:
                yield frame
