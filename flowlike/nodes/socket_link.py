"""A link over a socket, served by an event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flowlike.nodes.forks import close_when_forked
from flowlike.nodes.frames import Frame, FrameReader, pack, pack_slots
from flowlike.nodes.link import Unreadable
from flowlike.nodes.outbox import Outbox
from flowlike.nodes.shared_memory import SharedMemory

__all__ = ["SocketLink"]

_AT_ONCE = 8 << 20
"""Bytes to receive before others on the loop have their turn."""


class SocketLink:
    """A `Link` over one end of a socket pair.

    It outlives event loops: one that is attached to no loop keeps what it has to send, and
    receives nothing.

    Args:
        ours: the end of this process; the link closes it.
        memory: through which large buffers go while it has room. Arrays that arrive through it are
            views: it lives as long as they do.
    """

    def __init__(self, ours: socket.socket, memory: SharedMemory | None = None) -> None:
        ours.setblocking(False)
        close_when_forked(ours)
        self._socket = ours
        self._memory = memory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader = FrameReader(memory)
        self._outbox = Outbox(ours)
        self._sent = 0
        self._is_awake = False  # slots that are given back will be sent, unasked
        self._is_writing = False
        self._is_gone = False
        self._message: Callable[[Any], None] = _nobody
        self._lost: Callable[[], None] = _nobody_lost

    def attach(self) -> None:
        """Be served by the running loop."""
        loop = self._loop = asyncio.get_running_loop()
        loop.add_reader(self._socket.fileno(), self._readable)
        loop.call_soon(self._go_on, loop)  # what was here when the last loop went
        if self._outbox:
            self._write()
        if self._memory is not None:
            self._is_awake = False  # the last loop may have gone before it came to that
            self._memory.wake = self._wake
            self._wake()

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
        pieces = pack(self._sent, message, self._memory)
        if not self._is_gone:
            self._add(pieces)

    def trim(self) -> None:
        """Give the memory of slots back to the system, as they are free; for the end of a run."""
        if self._memory is not None:
            self._memory.trim()

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
        self._outbox.clear()
        self._socket.close()
        if self._memory is not None:
            self._memory.wake = _nobody_lost
            self._memory = None
        self._reader = FrameReader()

    def _add(self, pieces: list[bytes | memoryview]) -> None:
        self._sent += 1
        self._outbox.add(pieces)
        if self._loop is not None and not self._is_writing:
            self._write()

    def _write(self) -> None:
        assert self._loop is not None
        try:
            while self._outbox:
                self._outbox.send()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:  # the reader is told of it too
            self._outbox.clear()
        if self._is_writing != bool(self._outbox):
            self._is_writing = bool(self._outbox)
            if self._is_writing:
                self._loop.add_writer(self._socket.fileno(), self._write)
            else:
                self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        self._deliver()  # there is room for more when nothing is left
        received = 0
        while self._loop is not None and received < _AT_ONCE:
            room = self._reader.room
            try:
                count = self._socket.recv_into(room)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                count = 0
            if not count:
                self._end()
                return
            received += count
            self._reader.filled(count)
            self._deliver()
            if count < len(room):
                return  # there was no more

    def _deliver(self) -> None:
        """Tell of what has arrived, for as long as the link is served."""
        self._is_awake = True  # what is given back meanwhile is sent at the end, unasked
        while self._loop is not None:
            try:
                frame = self._reader.next()
            except RuntimeError as error:  # a frame is missing: nothing that follows means anything
                self._message(Unreadable(error))
                self._end()
                return
            if frame is None:
                break
            message = _read(frame)
            del frame  # its views may end with the message
            try:
                self._message(message)
            except BaseException:  # what is left must not wait until something more arrives
                if self._loop is not None:
                    self._loop.call_soon(self._go_on, self._loop)
                raise
            del message
        if self._loop is not None:
            self._give_back(self._loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is loop:  # else another thread may have the link by now
            self._readable()

    def _wake(self) -> None:
        """Have slots sent back soon; in any thread, and in the middle of anything."""
        loop = self._loop
        if loop is not None and not self._is_awake:
            self._is_awake = True
            with suppress(RuntimeError):  # the loop was closed: the next one sends them
                loop.call_soon_threadsafe(self._give_back, loop)

    def _give_back(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop or self._memory is None:
            return
        self._is_awake = False  # first: what is given back from here on wakes again
        if starts := self._memory.given_back():
            self._add([pack_slots(self._sent, starts)])

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
