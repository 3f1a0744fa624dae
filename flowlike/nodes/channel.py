"""What two nodes need to have a link: made by one process, and passed on to two others."""

from __future__ import annotations

import io
import os
import socket

from flowlike.nodes.shared_memory import SharedMemory, memory_file
from flowlike.nodes.socket_link import SocketLink

__all__ = ["ChannelEnd", "make_channel", "receive_end", "send_end"]

_DESCRIPTORS = 2


class ChannelEnd:
    """One end of a channel between two nodes, before it is a link.

    It is nothing but open files: no address, nothing that has to be removed. It is used once: made
    a link, sent to another process, or closed.

    Args:
        ours: the socket of this end.
        file: the memory of both ends.
        half: which half of it this end writes into, 0 or 1.

    Attributes:
        half: the same.
    """

    def __init__(self, ours: socket.socket, file: io.FileIO, half: int) -> None:
        self._socket = ours
        self._file = file
        self.half = half

    def link(self) -> SocketLink:
        """The link of this end, which owns from now on what the end has owned.

        Raises:
            OSError: the system gives no room for the shared memory; the end is closed.
        """
        try:
            memory = SharedMemory(self._file, self.half)
        except BaseException:
            self._socket.close()
            raise
        finally:
            self._file.close()
        return SocketLink(self._socket, memory)

    def descriptors(self) -> list[int]:
        """What has to be open in a process that has this end."""
        return [self._socket.fileno(), self._file.fileno()]

    def close(self) -> None:
        """Close what is open."""
        self._socket.close()
        self._file.close()


def make_channel() -> tuple[ChannelEnd, ChannelEnd]:
    """The two ends of a new channel.

    Raises:
        OSError: the system gives no more descriptors.

    Example:
        >>> one, two = make_channel()
        >>> one.close()
        >>> two.close()
    """
    file = memory_file()
    try:
        again = io.FileIO(os.dup(file.fileno()), "r+")
        try:
            one, two = socket.socketpair()
        except BaseException:
            again.close()
            raise
    except BaseException:
        file.close()
        raise
    return ChannelEnd(one, file, 0), ChannelEnd(two, again, 1)


def send_end(way: socket.socket, end: ChannelEnd) -> None:
    """Send an end to another process; here it is closed.

    Args:
        way: a Unix stream socket to the process, which carries nothing but ends. It may wait until
            there is room; that is so for hundreds of ends that nobody has received.
        end: closed in any case.

    Raises:
        OSError: the other process is gone, or has closed the socket.
    """
    try:
        socket.send_fds(way, [bytes([end.half])], end.descriptors())
    finally:
        end.close()


def receive_end(way: socket.socket) -> ChannelEnd:
    """The end that was sent first of those not received; wait for it.

    Args:
        way: the other end of the socket of `send_end`.

    Raises:
        EOFError: the sender is gone.
        OSError: this process may not have more descriptors.
    """
    data, descriptors, _, _ = socket.recv_fds(way, 1, _DESCRIPTORS)
    if not data:
        raise EOFError("the process that sends ends of channels is gone")
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if len(descriptors) != _DESCRIPTORS:
        for descriptor in descriptors:
            os.close(descriptor)
        raise OSError("an end of a channel has arrived without its files: too many are open here")
    return ChannelEnd(
        socket.socket(fileno=descriptors[0]), io.FileIO(descriptors[1], "r+"), data[0]
    )
