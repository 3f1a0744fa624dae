"""Let at most so many events per second through, and change that while it runs.

Run it with ``python examples/patterns/rate_limiter.py README.md --rate 5``, or pipe lines into
it. ``--change 3:50`` makes it 50 per second after three seconds, ``--change 3:0`` a pause.

The limiter asks its producer for one event, and for the next one only when that one has gone and
another may go. So nothing piles up in it: a producer that is asked for nothing makes
nothing. What limits is a window that slides, not a tick: in *any* stretch of ``per`` seconds at
most ``events`` go through, also after a pause, also where the consumers have been slow.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flowlike import Flow, ProducerConsumer, StageGroup, Subscribe, Subscription

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``events`` in any ``per`` seconds; 0 events are a pause.

    Raises:
        TypeError: ``events`` is no integer.
        ValueError: ``events`` is negative, or ``per`` is not a positive number of seconds.

    Example:
        >>> print(Rate(100, per=60))
        100 events per 60 s
    """

    events: int
    per: float = 1.0

    def __post_init__(self) -> None:
        given: object = self.events
        if not isinstance(given, int) or isinstance(given, bool):
            raise TypeError(f"events must be an integer, not {given!r}")
        if self.events < 0:
            raise ValueError(f"events must be 0 (a pause) or more, not {self.events}")
        if not 0 < self.per < math.inf:
            raise ValueError(f"per must be a positive number of seconds, not {self.per!r}")

    def __str__(self) -> str:
        return f"{self.events} events per {self.per:g} s"


class RateLimiter(ProducerConsumer[T, T]):
    """Passes the events of one producer on, no more than its rate says.

    ``await ref.call(Rate(50))`` sets another rate and returns the one before; ``ref.cast`` of it
    waits for nothing. It holds from that moment on: what has gone through within
    ``per`` seconds counts for it too.

    It keeps no event, but the times of the last ``rate.events`` ones.

    Args:
        rate: the first one.

    Attributes:
        rate: the one that holds now.
    """

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._gone: deque[float] = deque()  # when the last events went through
        self._producer: Subscription | None = None
        self._asked = False  # for one event, which has not come yet
        self._timer: asyncio.TimerHandle | None = None

    def on_start(self) -> None:
        """Begin without a producer, after a restart too; what has gone through still counts."""
        self._producer, self._asked = None, False

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Ask the producer by hand.

        Raises:
            ValueError: it has a producer already.
        """
        if role == "producer":
            if self._producer is not None:
                raise ValueError(
                    "a RateLimiter has one producer; let a stage before it bring several together"
                )
            self._producer, self._asked = peer, False
            self._ask()
        return "manual"

    def handle_events(self, events: Sequence[T], producer: Subscription) -> Sequence[T]:
        """Pass an event on. It leaves now: the stage is given none that nobody has asked for."""
        self._gone.extend([asyncio.get_running_loop().time()] * len(events))
        self._asked = False
        self._ask()
        return events

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> None:
        """The producer is gone, and nothing is to be asked for."""
        if peer is self._producer:
            self._producer = None
            self._cancel_timer()

    def handle_call(self, request: Rate) -> Rate:
        """Set another rate; the reply is the one before.

        Raises:
            TypeError: the request is no ``Rate``.
        """
        if not isinstance(request, Rate):
            raise TypeError(f"a RateLimiter takes a Rate, not {request!r:.80}")
        before, self.rate = self.rate, request
        self._ask()
        return before

    def handle_cast(self, message: Rate) -> None:
        """Set another rate.

        Raises:
            TypeError: the message is no ``Rate``.
        """
        self.handle_call(message)

    def on_stop(self, reason: str | BaseException) -> None:
        """Leave no timer behind."""
        self._cancel_timer()

    def _ask(self) -> None:
        """Ask for the next event, or set the timer for when it may go through."""
        self._cancel_timer()
        if self._producer is None or self._asked:
            return
        loop = asyncio.get_running_loop()
        gone, rate = self._gone, self.rate
        while gone and gone[0] + rate.per <= loop.time():
            gone.popleft()
        if len(gone) < rate.events:
            self._asked = True
            self._producer.ask(1)
        elif rate.events:  # else until the rate is changed
            # One may go when fewer than `events` of those that have gone are in the window.
            due = gone[len(gone) - rate.events] + rate.per
            self._timer = loop.call_at(due, self._due, due)

    def _due(self, due: float) -> None:
        # By the timer's word, not the clock's: a loop may be early by what its clock can tell.
        while self._gone and self._gone[0] + self.rate.per <= due:
            self._gone.popleft()
        self._timer = None
        self._ask()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def print_lines(
    lines: Iterable[str], rate: Rate, changes: Sequence[tuple[float, int]]
) -> int:
    """Print the lines no faster than ``rate``, each with the second at which it went through.

    Args:
        lines: read as they are needed.
        rate: at the beginning.
        changes: after how many seconds which number of events per ``rate.per`` holds.

    Returns:
        How many lines there were.
    """
    loop = asyncio.get_running_loop()
    count = 0
    async with StageGroup() as group:
        limiter = await group.start(RateLimiter(rate))
        start = loop.time()
        timers = [
            loop.call_later(after, limiter.cast, Rate(events, rate.per))
            for after, events in changes
        ]
        source: Flow[str] = Flow.from_iterable(lines, read_in="thread")
        try:
            async with aclosing(source.through_stages([limiter]).abatches()) as batches:
                async for batch in batches:
                    for line in batch:
                        print(f"{loop.time() - start:8.2f} s  {line.rstrip()}", flush=True)
                    count += len(batch)
        finally:
            for timer in timers:
                timer.cancel()
    return count


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of stdin. Whoever reads them opens it and closes it."""
    with open(0, closefd=False) if path is None else path.open() as file:
        yield from file


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lines of a file or of stdin, so many per second."""
    parser = argparse.ArgumentParser(description="Let so many lines per second through.")
    parser.add_argument("file", nargs="?", type=Path, help="default: stdin")
    parser.add_argument("--rate", type=int, default=5, metavar="N", help="lines (default 5) ...")
    parser.add_argument(
        "--per", type=float, default=1.0, metavar="SECONDS", help="... in so many seconds (1)"
    )
    parser.add_argument(
        "--change",
        type=_change,
        action="append",
        default=[],
        metavar="SECONDS:N",
        help="another rate after so many seconds; may be repeated",
    )
    arguments = parser.parse_args(argv)
    try:
        rate = Rate(arguments.rate, arguments.per)
    except ValueError as error:
        parser.error(str(error))
    try:
        count = asyncio.run(print_lines(lines_of(arguments.file), rate, arguments.change))
    except (OSError, UnicodeDecodeError) as error:
        print(f"rate_limiter: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rate_limiter: interrupted", file=sys.stderr)
        return 130
    print(f"{count} lines, at most {rate}", file=sys.stderr)
    return 0


def _change(text: str) -> tuple[float, int]:
    after, colon, events = text.partition(":")
    try:
        change = float(after), int(events)
    except ValueError:
        change = -1.0, -1
    if not colon or not 0 <= change[0] < math.inf or change[1] < 0:
        raise argparse.ArgumentTypeError(
            f"must be seconds and a number of lines, such as 3:50, not {text!r}"
        )
    return change


if __name__ == "__main__":
    sys.exit(main())
