"""Measure what it costs to send a message from one process to another.

Run it with ``python examples/link_bars.py``; ``--help`` lists the options. Two processes have a
link between them, as two workers have, and send each message there and back: half of that is one
way. The rival is ``multiprocessing.Pipe`` between two processes, which waits for each message
without an event loop. They take turns; what comes back must be equal, or the program fails. The
table has medians.

- ``small``, ``large``: an array of 64 KiB, or 4 MiB;
- ``ints``, ``words``: a list of 1000 of them, as batches of events are;
- ``one``: a single number, so the bare way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import uvloop
from comparing import Comparison, add_options, count, in_turns, write_json

from flowlike.nodes.channel import make_channel, receive_end, send_end
from flowlike.nodes.socket_link import SocketLink


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        name: as ``--only`` takes it.
        what: is sent, in words.
        make: the message.
        wanted: the most microseconds, or none.
    """

    name: str
    what: str
    make: Callable[[], Any]
    wanted: int | None


ROWS = {
    row.name: row
    for row in (
        Row("small", "an array of 64 KiB", lambda: np.arange(1 << 13), 100),
        Row("large", "an array of 4 MiB", lambda: np.arange(1 << 19), 2000),
        Row("ints", "1000 ints", lambda: list(range(1000)), None),
        Row("words", "1000 words", lambda: [f"word {n}" for n in range(1000)], None),
        Row("one", "one int", lambda: 1, None),
    )
}


class Linked:
    """Another process that sends everything back, over a link and an event loop here."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: SocketLink) -> None:
        self._loop = loop
        self._link = link
        self._answer: asyncio.Future[Any] = loop.create_future()
        link.on_message(self._take)

    def there_and_back(self, message: Any, times: int) -> tuple[float, Any]:
        """The median of the seconds of one way, and what has come back at last."""
        return self._loop.run_until_complete(self._there_and_back(message, times))

    def _take(self, message: Any) -> None:
        self._answer.set_result(message)

    async def _there_and_back(self, message: Any, times: int) -> tuple[float, Any]:
        self._link.attach()
        seconds = []
        answer: Any = None
        for _ in range(times):
            answer = None  # as a stage lets go of a batch
            self._answer = self._loop.create_future()
            started = time.perf_counter()
            self._link.send(message)
            answer = await self._answer
            seconds.append(time.perf_counter() - started)
        self._link.detach()
        return float(np.median(seconds)) / 2, answer


@contextlib.contextmanager
def linked() -> Iterator[Linked]:
    """A process at the other end of a link, as long as the block runs."""
    ours, theirs = socket.socketpair()
    program = [sys.executable, __file__, "--answer", str(theirs.fileno())]
    with ours, theirs, subprocess.Popen(program, pass_fds=[theirs.fileno()]):
        one, two = make_channel()
        send_end(ours, two)
        loop = uvloop.new_event_loop()
        link = one.link()
        try:
            yield Linked(loop, link)
        finally:
            link.close()
            loop.close()


async def answer_link(link: SocketLink) -> None:
    """Send everything back, until the other process is gone."""
    lost = asyncio.Event()
    link.on_message(link.send)
    link.on_lost(lost.set)
    link.attach()
    await lost.wait()


@contextlib.contextmanager
def piped() -> Iterator[Connection]:
    """A process at the other end of a pipe, as long as the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=answer_pipe, args=(theirs,))
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.join()


def answer_pipe(pipe: Connection) -> None:
    """Send everything back, until the other process is gone."""
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(pipe.recv())


def there_and_back(pipe: Connection, message: Any, times: int) -> tuple[float, Any]:
    """The median of the seconds of one way, and what has come back at last."""
    seconds = []
    answer: Any = None
    for _ in range(times):
        started = time.perf_counter()
        pipe.send(message)
        answer = pipe.recv()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) / 2, answer


def measure(rows: Sequence[Row], times: int, runs: int) -> Iterator[tuple[Row, Comparison]]:
    """Compare both ways for each of the rows.

    Raises:
        AssertionError: what has come back is not what was sent.
    """
    with linked() as link, piped() as pipe:
        for row in rows:
            message = row.make()
            yield (
                row,
                in_turns(
                    Comparison(row.name, "multiprocessing.Pipe"),
                    lambda message=message: link.there_and_back(message, times),  # type: ignore[misc]
                    lambda message=message: there_and_back(pipe, message, times),  # type: ignore[misc]
                    runs,
                    same=lambda ours, rivals, message=message: (  # type: ignore[misc]
                        np.array_equal(ours[1], message) and np.array_equal(rivals[1], message)
                    ),
                    seconds=lambda result: result[0],
                ),
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="measure links between processes")
    parser.add_argument(
        "--times", type=count, default=50, metavar="N", help="there and back, default 50"
    )
    parser.add_argument("--answer", type=int, help=argparse.SUPPRESS)  # this is the other process
    add_options(parser, runs=5, only=ROWS, noun="row")
    options = parser.parse_args(arguments)
    if options.answer is not None:
        with socket.socket(fileno=options.answer) as way:
            end = receive_end(way)
        uvloop.run(answer_link(end.link()))
        return
    found = []
    for row, comparison in measure(options.only, options.times, options.runs):
        ours, rivals = comparison.ours.median * 1e6, comparison.rivals.median * 1e6
        wanted = "" if row.wanted is None else f"  wanted: {row.wanted} us"
        print(
            f"{row.name:<6} {row.what:<20} {ours:8.1f} us  Pipe {rivals:8.1f} us  "
            f"{comparison.ratio:5.2f} x{wanted}",
            flush=True,
        )
        found.append(comparison.as_row())
    write_json(options.json, found)


if __name__ == "__main__":
    main()
