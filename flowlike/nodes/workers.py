"""Worker processes, and who of them does which call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowlike.errors import NodeLost
from flowlike.nodes.crew import Crew
from flowlike.nodes.link import Unreadable
from flowlike.nodes.messages import Call, Done, Failed, Learn
from flowlike.nodes.worker_process import WorkerProcess
from flowlike.pickling import pickle_by_value

__all__ = ["Workers"]


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


class Workers:
    """As many worker processes as calls should be done at the same time.

    They serve one run at a time, from `begin` to `finish`, and stay warm between runs. Each does
    one call at a time, what waits is done in the order of asking. All methods but `close` are
    called on the thread of the run's event loop.

    Args:
        count: how many.

    Attributes:
        count: the same.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._crew = Crew(count, self._take, self._lose)
        self._idle: list[WorkerProcess] = []
        self._busy: dict[WorkerProcess, _Request] = {}
        self._waiting: deque[_Request] = deque()
        self._functions: dict[int, _Function] = {}
        self._known: set[tuple[WorkerProcess, int]] = set()  # who has learned which
        self._loss: NodeLost | None = None
        self._hold: AbstractContextManager[None] | None = None

    def claim(self) -> bool:
        """Take them for a run, until `finish`; False if another one has them, or they are closed.

        A process that was forked off has none of them.
        """
        return self._crew.claim()

    def begin(self) -> None:
        """Begin a run that has claimed them: start those that are missing, without waiting.

        Raises:
            OSError: the system gives no more processes.
        """
        self._loss = None
        for dead in [member for member in self._crew.members if not member.is_alive]:
            self._crew.end(dead)
        self._crew.begin()
        self._idle = list(self._crew.members)

    def finish(self) -> None:
        """End a run: what is not done is dropped, and those that are doing it are ended."""
        for request in self._waiting:
            request.done.cancel()
        self._waiting.clear()
        for worker, request in self._busy.items():
            self._crew.end(worker)
            request.done.cancel()
        self._busy.clear()
        self._crew.finish()
        self._idle = []
        self._functions.clear()
        self._known.clear()
        self._release()

    def close(self) -> None:
        """End them all for good; if a run has them, with it."""
        self._crew.close()

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
        if not self._busy:
            self._release()

    def _send(self, worker: WorkerProcess, request: _Request) -> None:
        try:
            function = self._learned(request.function)
            if (worker, function.number) not in self._known:
                worker.link.send(Learn(function.number, function.pickle))
                self._known.add((worker, function.number))
            worker.link.send(Call(function.number, request.arguments))
        except Exception as error:  # noqa: BLE001 - what cannot be pickled
            self._idle.append(worker)
            request.done.set_exception(_raisable(error))
            return
        self._busy[worker] = request
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

    def _take(self, worker: WorkerProcess, message: Any) -> None:
        request = self._busy.pop(worker)
        self._idle.append(worker)
        if not request.done.done():
            match message:
                case Done():
                    request.done.set_result(message)
                case Failed(error):
                    request.done.set_exception(_raisable(error.open()))
                case Unreadable(error):
                    error.add_note("while the result of a worker process was unpickled")
                    request.done.set_exception(_raisable(error))
        self._assign()

    def _lose(self, worker: WorkerProcess) -> None:
        """One has died: the run cannot go on, and whoever waits is told."""
        request = self._busy.get(worker)
        self._loss = worker.loss("" if request is None else f" while it ran {request.label}")
        if worker in self._idle:
            self._idle.remove(worker)
        for each in [*self._waiting, *self._busy.values()]:
            if not each.done.done():
                each.done.set_exception(_again(self._loss))
        self._waiting.clear()
        self._busy.pop(worker, None)
        self._assign()

    def _release(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            hold.__exit__(None, None, None)


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
