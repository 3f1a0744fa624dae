"""The main program of a worker process."""

from __future__ import annotations

import copy
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
from typing import Any

from flowlike.carried import CarriedError
from flowlike.nodes.blocking_link import BlockingLink
from flowlike.nodes.frames import Frame
from flowlike.nodes.messages import Begin, Call, Done, Failed, Learn, Logged
from flowlike.pickling import pickled

__all__ = ["main"]


def main(descriptor: int, parent: int) -> None:
    """Serve calls until the parent is gone.

    Args:
        descriptor: of the socket to the parent.
        parent: its process id.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    os.set_inheritable(descriptor, False)
    link = BlockingLink(socket.socket(fileno=descriptor))
    logging.getLogger().addHandler(_Relay(link))
    frames: SimpleQueue[Frame] = SimpleQueue()
    Thread(target=_receive, args=(link, frames, parent), name="flowlike-link", daemon=True).start()
    worker = _Worker(link)
    while True:
        worker.take(frames.get())


def _receive(link: BlockingLink, frames: SimpleQueue[Frame], parent: int) -> None:
    """Receive in a thread of its own: the loss of the parent ends a function that runs, too."""
    try:
        for frame in link.frames(lambda: os.getppid() != parent):
            frames.put(frame)
    finally:
        os._exit(0)


class _Worker:
    """Does what the parent says, one call after the other."""

    def __init__(self, link: BlockingLink) -> None:
        self._link = link
        self._pickles: dict[int, bytes] = {}
        self._functions: dict[int, Any] = {}

    def take(self, frame: Frame) -> None:
        """Do what a frame says."""
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

    def _begin(self, message: Begin) -> None:
        self._pickles.clear()
        self._functions.clear()
        sys.path[:] = message.path
        if message.directory:
            os.chdir(message.directory)
        for name, level in message.levels.items():
            logging.getLogger(name).setLevel(level)

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
