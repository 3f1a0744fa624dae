"""The worker processes of a runner: started, kept warm between runs, replaced when lost."""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flowlike.nodes.messages import Begin, Logged
from flowlike.nodes.worker_process import WorkerProcess

__all__ = ["Crew"]

_log = logging.getLogger("flowlike")


class Crew:
    """As many worker processes as are wanted. They serve one run at a time, and stay between runs.

    What they log reaches the handlers here. All methods but `close` are called on the thread of
    the run's event loop.

    Args:
        count: how many.
        take: is given each message of one of them.
        lose: is told of one that has died in a run; it is no member any more, and has to be ended.

    Attributes:
        members: those that are alive, as far as is known.
        serves: whether a run has them.
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
        self.serves = False

    def begin(self) -> None:
        """Begin a run: start those that are missing, without waiting for them.

        Raises:
            OSError: the system gives no more processes.
        """
        for dead in [member for member in self.members if not member.is_alive]:
            self.end(dead)
        while len(self.members) < self._count:
            self._started += 1
            self.members.append(WorkerProcess(self._started))
        self.serves = True
        begin = Begin(_directory(), [str(entry) for entry in sys.path], _levels())
        for member in self.members:
            member.link.on_message(partial(self._taken, member))
            member.link.on_lost(partial(self._lost, member))
            member.link.attach()
            member.link.send(begin)

    def finish(self) -> None:
        """End a run; they stay."""
        self.serves = False
        for member in self.members:
            member.link.detach()

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
        """End them all."""
        while self.members:
            self.end(self.members[0])

    def _taken(self, member: WorkerProcess, message: Any) -> None:
        if isinstance(message, Logged):
            _log_again(message)
        else:
            self._take(member, message)

    def _lost(self, member: WorkerProcess) -> None:
        self.members.remove(member)
        self._lose(member)


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
