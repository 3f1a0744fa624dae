"""A worker process and the link to it, seen from the parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from subprocess import (  # type: ignore[attr-defined]
    DEVNULL,
    TimeoutExpired,
    _args_from_interpreter_flags,  # as multiprocessing does
)

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
        data: a link to its node, on which stages talk, if somebody has made one.
        pid: its process id.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        with ExitStack() as failing, ExitStack() as passed:
            pairs = []
            for _ in range(3):
                ours, theirs = pair = socket.socketpair()
                failing.enter_context(ours)
                passed.enter_context(theirs)
                pairs.append(pair)
            descriptors = [theirs.fileno() for _, theirs in pairs]
            # The path first: flowlike itself may be found by it only.
            program = (
                f"import sys; sys.path[:] = {[str(entry) for entry in sys.path]!r}; "
                "from flowlike.nodes.worker import main; "
                f"main({number}, *{descriptors}, {os.getpid()})"
            )
            self._process = subprocess.Popen(
                [sys.executable, *_args_from_interpreter_flags(), "-c", program],
                stdin=DEVNULL,
                pass_fds=descriptors,
                process_group=0,  # Ctrl-C reaches the parent alone, from the first moment on
            )
            failing.pop_all()
        link, self.ends, self._lifeline = [ours for ours, _ in pairs]
        self.pid = self._process.pid
        self.name = f"worker process {number} (pid {self.pid})"
        self.link = SocketLink(link)
        self.data: SocketLink | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it at once, whatever it does, and wait for that."""
        self._process.kill()
        self._process.wait()
        self._close()

    def loss(self, doing: str) -> NodeLost:
        """Say how it has died, after its link was lost.

        Args:
            doing: the end of the sentence: what it was doing.
        """
        try:
            status: int | None = self._process.wait(_PATIENCE)
        except TimeoutExpired:
            status = None
            self._process.kill()
            self._process.wait()
        self._close()
        error = NodeLost(f"{self.name} {_how(status)}{doing}")
        error.node, error.status = self.name, status
        return error

    def _close(self) -> None:
        self.link.close()
        if self.data is not None:
            self.data.close()
        self.ends.close()
        self._lifeline.close()


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
