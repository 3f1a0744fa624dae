"""Feed a stage from outside, and let whoever feeds it wait until the event is taken.

Run it with ``python examples/patterns/fed_from_outside.py docs examples``: one thread for each
folder looks for files, ordinary code that knows nothing of stages; as many readers as you like
compute checksums. A thread goes on to its next file when a reader has taken the last one. So the
threads are never ahead of the readers, however many files there are.

`Inbox` is the producer between the two worlds: ``await ref.call(event)`` returns when the event has
left by demand, and the wait is the back-pressure. `put` is the same for threads.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from flowlike import Consumer, Producer, StageGroup, StageRef, StageStopped, Subscribe, Subscription

T = TypeVar("T")

CLOSE: Final = "close"
"""``ref.cast(CLOSE)``: an inbox takes no more calls, and finishes after those that wait."""


class InboxClosed(RuntimeError):
    """An event was given to an inbox that takes no more."""


class Inbox(Producer[T]):
    """Emits the events that it is called with; the reply is the number of the event.

    The reply comes when the event has been taken: when it has left for a consumer that had
    asked for it. Events leave in the order of the calls.

    * A caller that gives up (its timeout has passed, or it was cancelled) takes its event back:
      it is not delivered, and counts as ``withdrawn``. Only if it gives up in the very moment in
      which the event is taken, it cannot know which was first.
    * ``ref.cast(CLOSE)`` ends it in order: a new call is refused with `InboxClosed`, the
      events of those that wait are delivered as they are asked for, then it finishes.
    * When it ends otherwise (``ref.stop()``, a crash, the end of its group), callers that wait get
      ``StageStopped``: their events were not taken.

    It keeps nothing but the events of the callers that wait: there are as many as callers.

    Attributes:
        taken: how many events have left.
        withdrawn: how many callers gave up before.
    """

    # A consumer that goes away leaves demand behind. What is taken for it is for the next
    # consumer, and must not be dropped.
    buffer_size = math.inf

    def __init__(self) -> None:
        self.taken = 0
        self.withdrawn = 0
        self._open = 0  # events asked for that nobody has brought
        self._waiting: OrderedDict[asyncio.Future[int], T] = OrderedDict()
        self._closed = False

    def on_start(self) -> None:
        """Begin without demand and callers, after a restart too."""
        self._open, self._waiting, self._closed = 0, OrderedDict(), False

    def handle_demand(self, demand: int) -> None:
        """Serve those who wait; the rest of the demand is for who comes next."""
        self._open += demand
        self._serve()

    def handle_call(self, event: T) -> asyncio.Future[int]:
        """Take an event now or later; the reply comes when it is taken.

        Raises:
            InboxClosed: it takes no more.
        """
        if self._closed:
            raise InboxClosed("the inbox is closed and takes no more events")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[answer] = event
        answer.add_done_callback(self._answered)
        self._serve()
        return answer

    def handle_cast(self, message: str) -> None:
        """Close it.

        Raises:
            ValueError: the message is not ``CLOSE``.
        """
        if message != CLOSE:
            raise ValueError(
                f"an Inbox is cast CLOSE only, and called with events: {message!r:.80}"
            )
        self._closed = True
        self._finish_if_done()

    def on_stop(self, reason: str | BaseException) -> None:
        """Let go of the events that were not taken; their callers are told."""
        self._waiting.clear()

    def _serve(self) -> None:
        waiting = (answer for answer in self._waiting if not answer.cancelled())
        answers = list(islice(waiting, self._open))
        self._open -= len(answers)
        self.emit([self._waiting.pop(answer) for answer in answers])
        for answer in answers:
            self.taken += 1
            answer.set_result(self.taken)
        self._finish_if_done()

    def _answered(self, answer: asyncio.Future[int]) -> None:
        """An answer that still waits here and is done was cancelled by its caller."""
        if answer in self._waiting:
            del self._waiting[answer]
            self.withdrawn += 1
            self._finish_if_done()

    def _finish_if_done(self) -> None:
        if self._closed and not self._waiting:
            self.finish()


def put(inbox: StageRef, event: object) -> int:
    """Give an event to an inbox from another thread; returns its number when it is taken.

    Raises:
        InboxClosed: the inbox takes no more.
        StageStopped: it has ended, and the event was not taken.
        CancelledError: the event loop is ending.
    """
    calling = inbox.call(event, timeout=None)
    number: int = asyncio.run_coroutine_threadsafe(calling, inbox.loop).result()
    return number


class Reader(Consumer[Path]):
    """Reads one file at a time in a thread, and tells what came out.

    Args:
        threads: where to read.
        tell: called with the file, and its checksum or the error.
    """

    def __init__(self, threads: Executor, tell: Callable[[Path, str | OSError], None]) -> None:
        self._threads = threads
        self._tell = tell

    async def handle_events(self, events: list[Path], producer: Subscription) -> None:
        """The next file is asked for when this one is done."""
        loop = asyncio.get_running_loop()
        for path in events:
            self._tell(path, await loop.run_in_executor(self._threads, checksum, path))


def checksum(path: Path) -> str | OSError:
    """The SHA-256 of a file, or why it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error


def feed(inbox: StageRef, folder: Path) -> int:
    """What runs in a thread: put every file below a folder, one after the other.

    Returns:
        How many were taken before the end.
    """
    count = 0
    try:
        for parent, folders, names in os.walk(folder):
            folders.sort()
            for path in (Path(parent, name) for name in sorted(names)):
                if path.is_file():
                    put(inbox, path)
                    count += 1
    except (StageStopped, CancelledError):
        pass  # nobody takes files any more
    return count


async def checksums(
    folders: Sequence[Path], readers: int, tell: Callable[[Path, str | OSError], None]
) -> int:
    """Call ``tell`` with the checksum, or the error, of every file below the folders.

    Returns:
        How many files there were.
    """
    inbox: Inbox[Path] = Inbox()
    with ThreadPoolExecutor(readers) as threads:
        async with StageGroup() as group:
            ref = await group.start(inbox)
            for _ in range(readers):
                await group.start(Reader(threads, tell), subscribe_to=[Subscribe(ref, 1)])
            await asyncio.gather(*(asyncio.to_thread(feed, ref, folder) for folder in folders))
            ref.cast(CLOSE)
            await group.wait()
    return inbox.taken


def main(argv: Sequence[str] | None = None) -> int:
    """Print the checksums of all files below some folders; 1 if one cannot be read."""
    parser = argparse.ArgumentParser(description="Checksums of all files below some folders.")
    parser.add_argument("folders", nargs="+", type=_folder, metavar="FOLDER")
    parser.add_argument("--readers", type=_count, default=2, metavar="N", help="default 2")
    arguments = parser.parse_args(argv)
    failed = 0

    def tell(path: Path, result: str | OSError) -> None:
        nonlocal failed
        if isinstance(result, OSError):
            failed += 1
            print(f"fed_from_outside: {result}", file=sys.stderr)
        else:
            print(f"{result}  {path}")

    try:
        files = asyncio.run(checksums(arguments.folders, arguments.readers, tell))
    except KeyboardInterrupt:
        print("fed_from_outside: interrupted", file=sys.stderr)
        return 130
    print(f"{files} files, {failed} of them cannot be read", file=sys.stderr)
    return 1 if failed else 0


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"must be a folder, not {text!r}")
    return folder


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    sys.exit(main())
