"""A link over a socket, served by an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from flowlike.nodes.frames import Frame, FrameReader, pack
from flowlike.nodes.link import Unreadable

__all__ = ["SocketLink"]

_PIECES = 512
"""The most pieces that one call of the system may send; systems allow 1024."""

_AT_ONCE = 8 << 20
"""Bytes to receive before others on the loop have their turn."""


class SocketLink:
    """A `Link` over one end of a socket pair.

    It outlives event loops: one that is attached to no loop keeps what it has to send, and
    receives nothing.

    Args:
        ours: the end of this process; the link closes it.
    """

    def __init__(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        self._socket = ours
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader = FrameReader()
        self._sent = 0
        self._unsent: deque[memoryview] = deque()
        self._is_writing = False
        self._is_gone = False
        self._message: Callable[[Any], None] = _nobody
        self._lost: Callable[[], None] = _nobody_lost

    def attach(self) -> None:
        """Be served by the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._readable)
        if self._unsent:
            self._write()

    def detach(self) -> None:
        """Be served by no loop."""
        if self._loop is None:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket.fileno())
            if self._is_writing:
                self._loop.remove_writer(self._socket.fileno())
        self._loop = None
        self._is_writing = False

    def send(self, message: Any) -> None:
        """See `Link`."""
        pieces = pack(self._sent, message)
        if self._is_gone:
            return
        self._sent += 1
        self._unsent += pieces
        if self._loop is not None and not self._is_writing:
            self._write()

    def on_message(self, callback: Callable[[Any], None]) -> None:
        """See `Link`."""
        self._message = callback

    def on_lost(self, callback: Callable[[], None]) -> None:
        """See `Link`."""
        self._lost = callback

    def close(self) -> None:
        """See `Link`."""
        self.detach()
        self._is_gone = True
        self._unsent.clear()
        self._socket.close()

    def _write(self) -> None:
        while self._unsent:
            pieces = [self._unsent[i] for i in range(min(_PIECES, len(self._unsent)))]
            try:
                count = self._socket.sendmsg(pieces)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # the reader is told of it too
                self._unsent.clear()
                break
            while self._unsent and count >= len(self._unsent[0]):
                count -= len(self._unsent.popleft())
            if count:
                self._unsent[0] = self._unsent[0][count:]
        assert self._loop is not None
        if self._is_writing != bool(self._unsent):
            self._is_writing = bool(self._unsent)
            if self._is_writing:
                self._loop.add_writer(self._socket.fileno(), self._write)
            else:
                self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        received = 0
        while self._loop is not None and received < _AT_ONCE:
            try:
                count = self._socket.recv_into(self._reader.room)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                count = 0
            if not count:
                self._end()
                return
            received += count
            frame = self._reader.filled(count)
            if frame is not None:
                self._message(_read(frame))

    def _end(self) -> None:
        self.close()
        lost, self._lost = self._lost, _nobody_lost
        lost()


def _read(frame: Frame) -> Any:
    try:
        return frame.read()
    except Exception as error:  # noqa: BLE001 - who waits for the message is told
        return Unreadable(error)


def _nobody(_: Any) -> None:
    """Nobody has asked for messages yet."""


def _nobody_lost() -> None:
    """Nobody has asked, or was told."""
