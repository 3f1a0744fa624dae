"""A worker process and the link to it, seen from the parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from subprocess import DEVNULL, TimeoutExpired

from flowlike.errors import NodeLost
from flowlike.nodes.socket_link import SocketLink

__all__ = ["WorkerProcess"]

_PATIENCE = 0.5
"""Seconds for a process that has closed its link to be gone."""


class WorkerProcess:
    """A fresh Python that serves one link and ends with it.

    It does not import the ``__main__`` of the parent. It knows nothing but the link, so that it
    leaves nothing behind, and neither does a parent that is killed.

    Args:
        number: from 1, for messages.

    Attributes:
        number: the same.
        name: how messages call it.
        link: to it.
        ends: where it is sent ends of channels to other nodes.
        pid: its process id.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        ours, theirs = socket.socketpair()
        self.ends, their_ends = socket.socketpair()
        descriptors = (theirs.fileno(), their_ends.fileno())
        # The path first: flowlike itself may be found by it only.
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            "from flowlike.nodes.worker import main; "
            f"main({number}, {descriptors[0]}, {descriptors[1]}, {os.getpid()})"
        )
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=DEVNULL,
                pass_fds=descriptors,
                process_group=0,  # Ctrl-C reaches the parent alone, from the first moment on
            )
        except BaseException:
            ours.close()
            self.ends.close()
            raise
        finally:
            theirs.close()
            their_ends.close()
        self.pid = self._process.pid
        self.name = f"worker process {number} (pid {self.pid})"
        self.link = SocketLink(ours)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it at once, whatever it does, and wait for that."""
        self.link.close()
        self.ends.close()
        self._process.kill()
        self._process.wait()

    def loss(self, doing: str) -> NodeLost:
        """Say how it has died, after its link was lost.

        Args:
            doing: the end of the sentence: what it was doing.
        """
        self.ends.close()
        try:
            status: int | None = self._process.wait(_PATIENCE)
        except TimeoutExpired:
            status = None
            self._process.kill()
            self._process.wait()
        error = NodeLost(f"{self.name} {_how(status)}{doing}")
        error.node, error.status = self.name, status
        return error


def _how(status: int | None) -> str:
    if status is None:
        return "has closed its link to the parent"
    if status >= 0:
        return f"has ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        name += " (which also comes from the system when memory runs out)"
    return f"was killed by {name}"
