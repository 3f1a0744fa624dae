"""A pool of workers: one supervised task for every event, so many at a time.

Run it with ``ls *.png | python examples/patterns/worker_pool.py --jobs 4 -- optipng {}``: it runs
the command once for every line of its input, four at a time, and tries those that fail again.

`WorkerPool` is a ``ConsumerSupervisor`` with two things more, for work that fails now and then: an
event has so many tries, with a growing pause between them, and one that has used them up is put
aside, so that it costs the others nothing. Too many crashes in too short a time are something
else (the disk is full, the network is down): they end the pool.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowlike import ConsumerSupervisor, Flow, Subscription


@dataclass(slots=True)
class Job:
    """An event and how often it was tried."""

    event: Any
    tries: int = 0


class WorkerPool(ConsumerSupervisor[Any]):
    """Runs ``work(event)`` in a task for each event, at most ``size`` at a time.

    It asks its producers for one event more whenever one is done or put aside, so no event waits
    in it. When the producers have finished it ends after the last task; when it is
    stopped it cancels the tasks that run.

    Args:
        work: a coroutine function; what it returns is ignored.
        size: the most tasks at a time.
        tries: how often an event is tried before it is put aside.
        backoff: seconds before the second try; twice as long before each further one. The event
            keeps its place meanwhile.
        max_restarts: so many second and further tries are allowed ...
        within: ... in so many seconds; one more ends the pool with the exception of its task.

    Attributes:
        done: how many events have succeeded.
        failed: those that were put aside, each with its last exception.

    Raises:
        TypeError: ``work`` cannot be called, or a number is none.
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        work: Callable[[Any], Awaitable[Any]],
        size: int,
        *,
        tries: int = 3,
        backoff: float = 0.0,
        max_restarts: int = 100,
        within: float = 5.0,
    ) -> None:
        if not callable(work):
            raise TypeError(f"work must be a coroutine function, not {work!r}")
        if tries < 1:
            raise ValueError(f"tries must be 1 or more, not {tries}")
        if not backoff >= 0:
            raise ValueError(f"backoff must be 0 seconds or more, not {backoff}")
        super().__init__(
            self._try, size, restart="transient", max_restarts=max_restarts, within=within
        )
        self.done = 0
        self.failed: list[tuple[Any, Exception]] = []
        self._do: Callable[[Any], Awaitable[Any]] = work
        self._tries = tries
        self._backoff = backoff

    def handle_events(self, events: Any, producer: Subscription) -> None:
        """Start a task for each event; the supervisor starts it again with the same job."""
        super().handle_events([Job(event) for event in events], producer)

    async def _try(self, job: Job) -> None:
        if job.tries:
            await asyncio.sleep(self._backoff * 2 ** (job.tries - 1))
        job.tries += 1
        try:
            await self._do(job.event)
        except Exception as error:
            if job.tries < self._tries:
                raise  # the supervisor sees a crash, counts it and calls again
            self.failed.append((job.event, error))
        else:
            self.done += 1


class CommandFailed(RuntimeError):
    """A command has ended with another status than 0."""


async def run_command(command: Sequence[str], argument: str) -> None:
    """Run a command with an argument in the place of ``{}``, and wait for its end.

    A task that is cancelled takes its process along.

    Raises:
        CommandFailed: its status is not 0.
        OSError: it cannot be started.
    """
    words = [word.replace("{}", argument) for word in command]
    process = await asyncio.create_subprocess_exec(*words, stdin=subprocess.DEVNULL)
    try:
        status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status:
        raise CommandFailed(f"{' '.join(words)} has ended with status {status}")


async def run_all(
    lines: Iterable[str], command: Sequence[str], *, jobs: int, tries: int, backoff: float
) -> WorkerPool:
    """Run the command once for every line that is not empty.

    Returns:
        The pool: what was done, and what was put aside.
    """

    async def work(argument: str) -> None:
        try:
            await run_command(command, argument)
        except CommandFailed as error:
            print(f"worker_pool: {error}", file=sys.stderr)
            raise

    pool = WorkerPool(work, jobs, tries=tries, backoff=backoff)
    arguments = Flow.from_iterable(lines, read_in="thread").map(str.strip).filter(bool)
    async with arguments.into_stages([pool]) as running:
        await running.wait()
    return pool


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of stdin. Whoever reads them opens it and closes it."""
    with open(0, closefd=False) if path is None else path.open() as file:
        yield from file


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command for every line; 1 if it has failed for one of them."""
    parser = argparse.ArgumentParser(
        description="Run a command once for every line of the input, so many at a time."
    )
    parser.add_argument("--input", type=Path, metavar="FILE", help="default: stdin")
    parser.add_argument("--jobs", type=_count, default=2, metavar="N", help="at a time (2)")
    parser.add_argument("--tries", type=_count, default=3, metavar="N", help="for a line (3)")
    parser.add_argument(
        "--backoff", type=_seconds, default=0.1, metavar="SECONDS", help="before a second try (0.1)"
    )
    parser.add_argument(
        "command", nargs="+", metavar="COMMAND", help="after --, with {} for the line"
    )
    arguments = parser.parse_args(argv)
    if not any("{}" in word for word in arguments.command):
        parser.error(f"the command must say with {{}} where the line goes: {arguments.command}")
    options = {"jobs": arguments.jobs, "tries": arguments.tries, "backoff": arguments.backoff}
    try:
        pool = asyncio.run(run_all(lines_of(arguments.input), arguments.command, **options))
    except (CommandFailed, OSError, UnicodeDecodeError) as error:
        print(f"worker_pool: {error}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("worker_pool: interrupted", file=sys.stderr)
        return 130
    for argument, failure in pool.failed:
        print(f"worker_pool: put aside {argument!r}: {failure}", file=sys.stderr)
    print(f"{pool.done} done, {len(pool.failed)} failed", file=sys.stderr)
    return 1 if pool.failed else 0


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or more seconds, not {text}")
    return seconds


if __name__ == "__main__":
    logging.getLogger("flowlike").setLevel(logging.CRITICAL)  # main prints each failure, once
    sys.exit(main())
