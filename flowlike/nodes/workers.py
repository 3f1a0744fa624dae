"""Worker processes, and who of them does which call."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from flowlike.errors import NodeLost
from flowlike.nodes.link import Unreadable
from flowlike.nodes.messages import Begin, Call, Done, Failed, Learn, Logged
from flowlike.nodes.worker_process import WorkerProcess
from flowlike.pickling import pickle_by_value

__all__ = ["Workers"]

_log = logging.getLogger("flowlike")


class _Function(NamedTuple):
    number: int
    function: Callable[[Any], Any]  # kept alive: it is known by its id
    pickle: bytes


@dataclass(slots=True, eq=False)
class _Request:
    function: Callable[[Any], Any]
    arguments: list[Any]
    label: str
    done: asyncio.Future[Done]


class _Worker:
    """One process, and what it is doing."""

    __slots__ = ("known", "process", "request")

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.known: set[int] = set()  # the numbers of the functions that it has learned
        self.request: _Request | None = None


class Workers:
    """As many worker processes as calls should be done at the same time.

    They serve one run at a time, from `begin` to `finish`, and stay warm between runs. Each does
    one call at a time, what waits is done in the order of asking. All methods but `close` are
    called on the thread of the run's event loop.

    Args:
        count: how many.

    Attributes:
        count: the same.
        serves: whether a run has them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.serves = False
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._waiting: deque[_Request] = deque()
        self._functions: dict[int, _Function] = {}
        self._started = 0
        self._loss: NodeLost | None = None
        self._hold: AbstractContextManager[None] | None = None

    def begin(self) -> None:
        """Begin a run: start those that are missing, without waiting for them.

        Raises:
            OSError: the system gives no more processes.
        """
        self.serves = True
        self._loss = None
        for dead in [worker for worker in self._workers if not worker.process.is_alive]:
            dead.process.end()
            self._workers.remove(dead)
        while len(self._workers) < self.count:
            self._started += 1
            self._workers.append(_Worker(WorkerProcess(self._started)))
        begin = Begin(_directory(), [str(entry) for entry in sys.path], _levels())
        for worker in self._workers:
            worker.known.clear()
            link = worker.process.link
            link.on_message(partial(self._take, worker))
            link.on_lost(partial(self._lose, worker))
            link.attach()
            link.send(begin)
        self._idle = list(self._workers)

    def finish(self) -> None:
        """End a run: what is not done is dropped, and those that are doing it are ended."""
        self.serves = False
        for request in self._waiting:
            request.done.cancel()
        self._waiting.clear()
        for worker in list(self._workers):
            if worker.request is not None:
                self._workers.remove(worker)
                worker.process.end()
                worker.request.done.cancel()
            else:
                worker.process.link.detach()
        self._idle = []
        self._functions.clear()
        self._release()

    def close(self) -> None:
        """End them all."""
        for worker in self._workers:
            worker.process.end()
        self._workers.clear()

    @property
    def idle(self) -> int:
        """How many have nothing to do."""
        return len(self._idle)

    async def call(self, function: Callable[[Any], Any], arguments: list[Any], label: str) -> Done:
        """Have one of them call ``function`` for each argument, in order.

        Args:
            function: the same object each time, so that it is sent only once.
            arguments: one call for each.
            label: what it is for, in messages.

        Returns:
            The results, and the seconds that they took.

        Raises:
            NodeLost: a worker has died since the run began.
            BaseException: what the function has raised, with the traceback as a note; or why
                the function, an argument or a result cannot cross.
        """
        if self._loss is not None:
            error = _again(self._loss)
            raise error
        request = _Request(function, arguments, label, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._assign()
        return await request.done

    def _assign(self) -> None:
        while self._idle and self._waiting:
            request = self._waiting.popleft()
            if not request.done.done():
                self._send(self._idle.pop(), request)
        if len(self._idle) == len(self._workers):
            self._release()

    def _send(self, worker: _Worker, request: _Request) -> None:
        link = worker.process.link
        try:
            function = self._learned(request.function)
            if function.number not in worker.known:
                link.send(Learn(function.number, function.pickle))
                worker.known.add(function.number)
            link.send(Call(function.number, request.arguments))
        except Exception as error:  # noqa: BLE001 - what cannot be pickled
            self._idle.append(worker)
            request.done.set_exception(_raisable(error))
            return
        worker.request = request
        loop = request.done.get_loop()
        if self._hold is None and (outside := getattr(loop, "outside", None)) is not None:
            self._hold = outside()  # the clock of a loop for tests stands meanwhile
            self._hold.__enter__()

    def _learned(self, function: Callable[[Any], Any]) -> _Function:
        known = self._functions.get(id(function))
        if known is None:
            known = _Function(len(self._functions), function, pickle_by_value(function))
            self._functions[id(function)] = known
        return known

    def _take(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, Logged):
            _log_again(message)
            return
        request, worker.request = worker.request, None
        self._idle.append(worker)
        if request is not None and not request.done.done():
            match message:
                case Done():
                    request.done.set_result(message)
                case Failed(error):
                    request.done.set_exception(_raisable(error.open()))
                case Unreadable(error):
                    error.add_note("while the result of a worker process was unpickled")
                    request.done.set_exception(_raisable(error))
        self._assign()

    def _lose(self, worker: _Worker) -> None:
        """One has died: the run cannot go on, and whoever waits is told."""
        request = worker.request
        self._loss = worker.process.loss("" if request is None else request.label)
        self._workers.remove(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        requests = list(self._waiting)
        requests += [each.request for each in self._workers if each.request is not None]
        requests += [] if request is None else [request]
        self._waiting.clear()
        for each in requests:
            if not each.done.done():
                each.done.set_exception(_again(self._loss))
        self._assign()

    def _release(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.__exit__(None, None, None)


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


def _again(loss: NodeLost) -> NodeLost:
    """An exception of its own for each that is told."""
    error = NodeLost(*loss.args)
    error.node, error.status = loss.node, loss.status
    return error


def _raisable(error: BaseException) -> BaseException:
    """The error, or what a future takes in its place."""
    if not isinstance(error, StopIteration):
        return error
    replacement = RuntimeError("a function raised StopIteration, which ends nothing here")
    replacement.__cause__ = error
    return replacement


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
