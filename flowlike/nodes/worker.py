"""The main program of a worker process."""

from __future__ import annotations

import copy
import fcntl
import logging
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flowlike.carried import CarriedError
from flowlike.nodes.blocking_link import BlockingLink
from flowlike.nodes.frames import Frame
from flowlike.nodes.messages import Begin, Call, Done, Failed, Learn, Logged
from flowlike.pickling import pickled

if TYPE_CHECKING:
    from flowlike.nodes.host import Host

__all__ = ["main"]


def main(number: int, descriptor: int, ends: int, lifeline: int, parent: int) -> None:
    """Serve the parent until it is gone.

    Args:
        number: of this node.
        descriptor: of the socket to the parent.
        ends: of the socket on which ends of channels to other nodes arrive.
        lifeline: of a socket on which nothing comes: it is closed when the parent ends.
        parent: its process id.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # it was, when this was started
    sockets = []
    for each in (descriptor, ends, lifeline):
        os.set_inheritable(each, False)
        sockets.append(socket.socket(fileno=each))
    _end_with(sockets[2])
    link = BlockingLink(sockets[0])
    logging.getLogger().addHandler(_Relay(link))
    worker = _Worker(number, link, sockets[1])
    thread = Thread(target=worker.receive, args=(parent,), name="flowlike-link", daemon=True)
    thread.start()
    worker.serve()


def _end_with(lifeline: socket.socket) -> None:
    """Have the system end this process when the other end of a socket is closed.

    Threads see that too, but not while a function in native code keeps the GIL.
    """
    if not hasattr(fcntl, "F_SETSIG"):  # only Linux lets a file choose its signal
        return
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_NONBLOCK | os.O_ASYNC)


class _Worker:
    """Does what the parent says: calls, one after the other, or what belongs to its stages.

    Calls are done without an event loop. The first message about stages starts one.
    """

    def __init__(self, number: int, link: BlockingLink, ends: socket.socket) -> None:
        self._number = number
        self._link = link
        self._ends = ends
        self._frames: SimpleQueue[Frame] = SimpleQueue()
        self._host: Host | None = None
        self._environment: dict[str, str] = {}  # as the parent's was when a run began
        self._pickles: dict[int, bytes] = {}
        self._functions: dict[int, Any] = {}
        self._levels: set[str] = set()  # the loggers whose levels are those of the parent

    def receive(self, parent: int) -> None:
        """Receive in a thread of its own: the loss of the parent ends a function that runs, too."""
        try:
            for frame in self._link.frames(lambda: os.getppid() != parent):
                self._frames.put(frame)
                host = self._host
                if host is not None:
                    host.loop.call_soon_threadsafe(self._take_all)
        finally:
            os._exit(0)

    def serve(self) -> None:
        """Do what comes, for ever."""
        while self._host is None:
            self._take(self._frames.get())
        self._host.loop.call_soon(self._take_all)
        self._host.loop.run_forever()

    def _take_all(self) -> None:
        while not self._frames.empty():
            self._take(self._frames.get())

    def _take(self, frame: Frame) -> None:
        try:
            message = frame.read()
        except Exception as error:  # noqa: BLE001 - only calls hold what may not be readable here
            error.add_note("while the arguments were unpickled in the worker process")
            self._link.send(Failed(CarriedError.of(error)))
            return
        match message:
            case Call(number, arguments):
                self._call(number, arguments)
            case Learn(number, data):
                self._pickles[number] = data
            case Begin():
                self._begin(message)
            case _ if self._host is not None:
                self._host.take(message)
            case _:
                from flowlike.nodes.host import Host  # noqa: PLC0415 - 0.2 s; calls need none of it

                self._host = Host(self._number, self._link, self._ends)
                self._host.loop.call_soon(self._host.take, message)

    def _begin(self, message: Begin) -> None:
        self._pickles.clear()
        self._functions.clear()
        sys.path[:] = message.path
        sys.argv[:] = message.arguments
        for name in self._environment.keys() - message.environment.keys():
            os.environ.pop(name, None)
        os.environ.update(message.environment)  # what a function here has added stays
        self._environment = message.environment
        if message.directory:
            os.chdir(message.directory)
        for name in self._levels - message.levels.keys():
            logging.getLogger(name).setLevel(logging.NOTSET)
        for name, level in message.levels.items():
            logging.getLogger(name).setLevel(level)
        self._levels = set(message.levels)

    def _call(self, number: int, arguments: list[Any]) -> None:
        started = perf_counter()
        try:
            function = self._function(number)
            results = [function(argument) for argument in arguments]
        except BaseException as error:  # noqa: BLE001 - raised again in the parent
            self._answer(Failed(CarriedError.of(error)))
        else:
            self._answer(Done(results, perf_counter() - started))

    def _function(self, number: int) -> Any:
        if number not in self._functions:
            try:
                self._functions[number] = pickle.loads(self._pickles[number])
            except Exception as error:
                error.add_note("while the function was unpickled in the worker process")
                raise
        return self._functions[number]

    def _answer(self, answer: Done | Failed) -> None:
        with suppress(AttributeError, OSError, ValueError):  # it may be closed, or none
            sys.stdout.flush()  # the process may be killed as soon as nothing waits for it
        try:
            self._link.send(answer)
        except OSError:
            os._exit(0)
        except Exception as error:  # noqa: BLE001 - a result that cannot be pickled
            error.add_note("while the result was pickled in the worker process")
            self._link.send(Failed(CarriedError.of(error)))


class _Relay(logging.Handler):
    """Sends records to the parent, as text where that is needed."""

    def __init__(self, link: BlockingLink) -> None:
        super().__init__()
        self._link = link

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record as the handlers of ``logging.handlers.QueueHandler`` would."""
        try:
            message = self.format(record)
            record = copy.copy(record)
            record.msg = record.message = message
            record.args = record.exc_info = record.exc_text = record.stack_info = None
            self._link.send(Logged(pickled(record)))
        except Exception:  # noqa: BLE001 - as every handler does
            self.handleError(record)
