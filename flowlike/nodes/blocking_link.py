"""The end of a link in a worker process, where no event loop runs."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from flowlike.nodes.forks import close_when_forked
from flowlike.nodes.frames import Frame, FrameReader, pack
from flowlike.nodes.outbox import Outbox

__all__ = ["BlockingLink"]

_LOOK = 1000
"""Milliseconds after which a thread that waits for a frame looks around."""


class BlockingLink:
    """Sends from any thread, and receives in one.

    Args:
        ours: the end of this process.
    """

    def __init__(self, ours: socket.socket) -> None:
        close_when_forked(ours)
        self._socket = ours
        self._outbox = Outbox(ours)
        self._sent = 0
        self._sending = Lock()

    def send(self, message: Any) -> None:
        """Send anything that can be pickled.

        Raises:
            Exception: whatever says that the message cannot be pickled; nothing was sent.
            OSError: the other end is gone.
        """
        with self._sending:
            self._outbox.add(pack(self._sent, message))
            self._sent += 1
            while self._outbox:
                self._outbox.send()

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
            reader.filled(count)
            while (frame := reader.next()) is not None:
                yield frame
