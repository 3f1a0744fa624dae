"""One stream, many listeners, each with its own choice.

Run it with ``python examples/patterns/broadcaster.py app.log --to errors.txt 'ERROR|FATAL'
--to - WARNING --rest rest.txt``: every line goes to all whose pattern it has, ``-`` is stdout, and
``--rest`` gets those that nobody else wants. Without a file it reads stdin until that ends.

`Broadcaster` sends what it is given to everybody who listens, at the pace of the slowest. What a
selector refuses costs its listener nothing: no call, no demand. A listener that fails leaves the
others alone.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    Flow,
    ProducerConsumer,
    StageGroup,
    Subscribe,
    Subscription,
)

T = TypeVar("T")


class Broadcaster(ProducerConsumer[T, T]):
    """Sends every event to all consumers whose selector takes it.

    While nobody listens it takes nothing from its producers. Who comes later gets what leaves from
    then on. When the last listener has gone, it finishes: there is nobody to send to.

    All listeners get the same batch: they must not change it.

    Attributes:
        listeners: how many there are now.
    """

    dispatcher = BroadcastDispatcher()

    def __init__(self) -> None:
        self.listeners = 0

    def on_start(self) -> None:
        """Begin without listeners, after a restart too."""
        self.listeners = 0

    def handle_subscribe(self, role: str, options: Subscribe, peer: Subscription) -> str:
        """Count who listens; ask the producers as usual."""
        self.listeners += role == "consumer"
        return "automatic"

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> None:
        """Finish after the last listener."""
        if peer.role == "consumer":
            self.listeners -= 1
            if not self.listeners:
                self.finish()

    def handle_events(self, events: Sequence[T], producer: Subscription) -> Sequence[T]:
        """Pass on what comes; the dispatcher knows to whom."""
        return events


class Writer(Consumer[str]):
    """Writes lines to a file, which is open as long as the stage runs.

    Args:
        path: of the file; ``-`` for stdout.

    Attributes:
        lines: how many were written.
        error: what has ended it, if it has failed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines = 0
        self.error: BaseException | None = None
        self._file: IO[str] | None = None

    def on_start(self) -> None:
        """Open the file; if that fails, so does its start."""
        if self.path == "-":
            self._file = sys.stdout
        else:
            self._file = Path(self.path).open("w", encoding="utf-8")  # noqa: SIM115 - see on_stop

    def handle_events(self, events: list[str], producer: Subscription) -> None:
        """Write the lines. They are in the file when the next ones are asked for."""
        assert self._file is not None
        self._file.writelines(events)
        self._file.flush()
        self.lines += len(events)

    def on_stop(self, reason: str | BaseException) -> None:
        """Close the file."""
        if isinstance(reason, BaseException):
            self.error = reason
        if self._file is not None and self._file is not sys.stdout:
            self._file.close()


Choice = tuple[str, Callable[[str], bool] | None]
"""Where lines go, and which; ``None`` for all."""


async def share_out(lines: Iterable[str], choices: Sequence[Choice]) -> list[Writer]:
    """Write the lines to all whose choice they are, until they end or nobody is left.

    Returns:
        The writers, in the order of the choices.
    """
    writers = [Writer(path) for path, _ in choices]
    # A group with a strategy survives a crash; "temporary" stages are not started again.
    async with StageGroup("one_for_one") as group:
        broadcaster = await group.start(Broadcaster(), restart="temporary")
        for writer, (path, selector) in zip(writers, choices, strict=True):
            listening = Subscribe(broadcaster, selector=selector)
            await group.start(writer, subscribe_to=[listening], restart="temporary", name=path)
        # Everybody listens: now the lines may come.
        source = Flow.from_iterable(lines, read_in="thread")
        async with source.into_stages([broadcaster]) as running:
            await group.wait()
            await running.stop(drain=False)  # if nobody is left, there are lines left
    return writers


def choices_of(to: Sequence[tuple[str, str]], rest: str | None) -> list[Choice]:
    """The choices from pairs of path and pattern, and of the path for all other lines.

    Raises:
        ValueError: there is none, a path comes twice, or a pattern is no regular expression.
    """
    paths = [path for path, _ in to] + ([] if rest is None else [rest])
    if not paths:
        raise ValueError("give at least one --to PATH PATTERN, or --rest PATH")
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(f"{path!r} is given twice; join the patterns with |")
    patterns = []
    for path, text in to:
        try:
            patterns.append(re.compile(text))
        except re.error as error:
            raise ValueError(f"the pattern of {path!r} is none: {error}") from None
    choices: list[Choice] = [
        (path, partial(_has, pattern)) for path, pattern in zip(paths, patterns, strict=False)
    ]
    if rest is not None:
        choices.append((rest, lambda line: not any(_has(each, line) for each in patterns)))
    return choices


def _has(pattern: re.Pattern[str], line: str) -> bool:
    return pattern.search(line) is not None


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of stdin. Whoever reads them opens it and closes it."""
    with open(0, closefd=False) if path is None else path.open() as file:
        yield from file


def main(argv: Sequence[str] | None = None) -> int:
    """Share the lines of a file or of stdin out; 1 if somebody could not write."""
    parser = argparse.ArgumentParser(
        description="Write lines to all files whose pattern they have."
    )
    parser.add_argument("file", nargs="?", type=Path, help="default: stdin")
    parser.add_argument(
        "--to",
        nargs=2,
        action="append",
        default=[],
        metavar=("PATH", "PATTERN"),
        help="lines with PATTERN go to PATH (- for stdout); may be repeated",
    )
    parser.add_argument("--rest", metavar="PATH", help="where lines go that nobody wants")
    arguments = parser.parse_args(argv)
    try:
        choices = choices_of(arguments.to, arguments.rest)
    except ValueError as error:
        parser.error(str(error))
    try:
        writers = asyncio.run(share_out(lines_of(arguments.file), choices))
    except (OSError, UnicodeDecodeError) as error:
        print(f"broadcaster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("broadcaster: interrupted", file=sys.stderr)
        return 130
    for writer in writers:
        state = "" if writer.error is None else f", then it failed: {writer.error}"
        print(f"{writer.lines:8} lines to {writer.path}{state}", file=sys.stderr)
    return 1 if any(writer.error for writer in writers) else 0


if __name__ == "__main__":
    logging.getLogger("flowlike").setLevel(logging.CRITICAL)  # main prints each failure, once
    sys.exit(main())
