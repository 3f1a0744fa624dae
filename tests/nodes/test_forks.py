"""Processes that the user forks."""

import os
import select
import socket

import pytest

from flowlike.nodes.blocking_link import BlockingLink
from flowlike.nodes.socket_link import SocketLink


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", [SocketLink, BlockingLink])
def test_a_forked_process_does_not_keep_a_link_alive(kind):
    ours, theirs = socket.socketpair()
    link = kind(ours)
    waits, ends = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ends)
        os.read(waits, 1)  # until the other end is closed
        os._exit(0)
    try:
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):  # the link is alive here
            theirs.recv(1)
        ours.close()
        assert select.select([theirs], [], [], 10)[0]
        assert theirs.recv(1) == b""
    finally:
        os.close(ends)
        os.close(waits)
        os.waitpid(pid, 0)
        theirs.close()
    del link
