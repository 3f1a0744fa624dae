"""The worker processes of a runner: started, kept warm between runs, replaced when lost."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from flowlike.nodes.messages import Begin, Logged
from flowlike.nodes.worker_process import WorkerProcess

__all__ = ["Crew", "claimed"]

_log = logging.getLogger("flowlike")

_LOOK = 0.25
"""Seconds after which those are looked for that are dead."""


class _Claimable(Protocol):
    def claim(self) -> bool:
        """See `Crew`."""


Claimed = TypeVar("Claimed", bound=_Claimable)


def claimed(kept: Claimed | None, make: Callable[[], Claimed]) -> Claimed:
    """Workers that a run has to itself: those that a runner keeps, or new ones for this run alone.

    Args:
        kept: those of the runner, if it keeps some; not to be had while another run has them.
        make: makes new ones.
    """
    if kept is not None and kept.claim():
        return kept
    made = make()
    made.claim()
    return made


class Crew:
    """As many worker processes as are wanted. They serve one run at a time, and stay between runs.

    What they log reaches the handlers here. All methods but `claim` and `close` are called on the
    thread of the run's event loop. They end with the crew at the latest, and with this process.

    Args:
        count: how many.
        take: is given each message of one of them.
        lose: is told of one that has died in a run; it is no member any more, and has to be ended.

    Attributes:
        members: those that are alive, as far as is known.
    """

    def __init__(
        self,
        count: int,
        take: Callable[[WorkerProcess, Any], None],
        lose: Callable[[WorkerProcess], None],
    ) -> None:
        self._count = count
        self._take = take
        self._lose = lose
        self._started = 0
        self.members: list[WorkerProcess] = []
        self._claimed = threading.Lock()
        self._process = os.getpid()
        self._is_closed = False
        self._dead: set[WorkerProcess] = set()  # but nobody has heard of it
        self._timer: asyncio.TimerHandle | None = None
        self._finalizer = weakref.finalize(self, _end_all, self.members, self._process)

    def claim(self) -> bool:
        """Take them for a run, until `finish`; False if another one has them, or they are closed.

        A process that was forked off has none of them.
        """
        return os.getpid() == self._process and self._claimed.acquire(blocking=False)

    def begin(self) -> None:
        """Begin a run that has claimed them: start those that are missing, without waiting.

        Raises:
            OSError: the system gives no more processes.
        """
        while len(self.members) < self._count:
            self._started += 1
            with _uninterrupted():
                self.members.append(WorkerProcess(self._started))
        begin = Begin(
            _directory(),
            [str(entry) for entry in sys.path],
            list(sys.argv),
            dict(os.environ),
            _levels(),
        )
        for member in self.members:
            member.link.on_message(partial(self._taken, member))
            member.link.on_lost(partial(self._lost, member))
            member.link.attach()
            member.link.send(begin)
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def finish(self) -> None:
        """End a run; they stay, unless they were to be closed meanwhile."""
        if self._timer is not None:
            self._timer.cancel()
        self._dead.clear()
        for member in self.members:
            member.link.detach()
            member.link.on_message(_ignore)
            member.link.on_lost(_ignore)
        self._claimed.release()
        if self._is_closed:
            self.close()

    def end(self, member: WorkerProcess) -> None:
        """End one of them at once, whatever it does."""
        self.members.remove(member)
        member.end()

    def give_up(self, member: WorkerProcess) -> None:
        """Treat one as lost: it has closed another link, so that it is dead or of no use."""
        if member in self.members:
            member.link.close()
            self._lost(member)

    def close(self) -> None:
        """End them all for good; if a run has them, with it."""
        self._is_closed = True
        if self.claim():
            self._finalizer()

    def _look(self) -> None:
        """Look for those that are dead while another process holds their end of the link open.

        A process that one of them has forked off does. What others have still sent comes first.
        """
        dead = {member for member in self.members if not member.is_alive}
        for member in dead & self._dead:
            self.give_up(member)
        self._dead = dead
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._look)

    def _taken(self, member: WorkerProcess, message: Any) -> None:
        if isinstance(message, Logged):
            _log_again(message)
        else:
            self._take(member, message)

    def _lost(self, member: WorkerProcess) -> None:
        self.members.remove(member)
        self._lose(member)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C come afterwards: what is started must be known, so that it is ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_all(members: list[WorkerProcess], process: int) -> None:
    """End what this process has started; one that was forked off has nothing to end."""
    while members and os.getpid() == process:
        members.pop().end()


def _ignore(*_: Any) -> None:
    """Nobody listens between runs."""


def _log_again(message: Logged) -> None:
    """Give a record of a worker to the handlers here."""
    try:
        record = pickle.loads(message.record)
    except Exception:  # noqa: BLE001 - the record may be of any kind
        _log.exception("a log record of a worker process cannot be read here")
        return
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def _directory() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # it was removed; the workers stay where they are
        return ""


def _levels() -> dict[str, int]:
    """The levels of all loggers that have one, so that workers make only records that count."""
    levels = {
        name: logger.level
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and logger.level
    }
    return {"": logging.root.level, **levels}
