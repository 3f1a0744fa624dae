"""The threads and worker processes of one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from flowlike.flow.daemon_threads import DaemonThreads
from flowlike.flow.native_pool import NativePool

if TYPE_CHECKING:
    from flowlike.nodes.messages import Done
    from flowlike.nodes.workers import Workers

__all__ = ["CallsElsewhere", "Pools"]

GRACE = 0.5
"""Seconds that functions in threads have to return when their flow has ended."""


class CallsElsewhere(Protocol):
    """Does calls in worker processes; see `Workers`.

    Attributes:
        count: how many there are.
        idle: how many have nothing to do.
    """

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def idle(self) -> int:
        """How many have nothing to do."""

    async def call(self, function: Callable[[Any], Any], arguments: list[Any], label: str) -> Done:
        """Call ``function`` for each argument, in order.

        Raises:
            BaseException: what it has raised, or what has happened to the worker.
        """


class Pools:
    """The pools that the replicas of one run share; their threads do not exist until needed.

    Args:
        most_threads: the most threads for ``executor="threads"``: functions that wait.
        cores: the most threads for kernels, which do not wait: more than cores only get
            in each other's way.

    Attributes:
        native: for kernels, in runs of calls.
        workers: processes for functions that a user has sent to "processes", after
            `open_workers`.
    """

    workers: CallsElsewhere

    def __init__(self, most_threads: int, cores: int) -> None:
        self.native = NativePool(cores)
        self._sizes = {"flowlike": most_threads, "flowlike-kernel": cores}
        self._pools: dict[str, DaemonThreads] = {}
        self._processes: Workers | None = None
        self._keeps_processes = False

    def open_workers(self, lent: Workers | None) -> None:
        """Start worker processes, or use those that a runner keeps.

        Args:
            lent: those of the runner, if it keeps some; used if no other run has them.

        Raises:
            OSError: the system gives no more processes.
        """
        from flowlike.nodes.crew import claimed  # noqa: PLC0415 - few flows need it
        from flowlike.nodes.workers import Workers  # noqa: PLC0415

        workers = claimed(lent, lambda: Workers(self._sizes["flowlike-kernel"]))
        self._keeps_processes = workers is lent
        self._processes = self.workers = workers
        workers.begin()

    @property
    def threads(self) -> DaemonThreads:
        """For functions that a user has sent to "threads"."""
        return self._pool("flowlike")

    @property
    def kernels(self) -> DaemonThreads:
        """For kernels that are tried again, call by call."""
        return self._pool("flowlike-kernel")

    async def close(self) -> bool:
        """End the threads: what waits is dropped, what runs has half a second to return.

        Returns:
            False if a thread is inside a function that does not return: it cannot be ended and goes
            on alone. A process can.
        """
        if self._processes is not None:
            self._processes.finish()
            if not self._keeps_processes:
                self._processes.close()
            self._processes = None
        self.native.close()
        threads = list(self.native.threads)
        for pool in self._pools.values():
            threads.extend(pool.threads)
            pool.shutdown(wait=False, cancel_futures=True)
        self._pools.clear()
        until = perf_counter() + GRACE
        for thread in threads:
            while thread.is_alive() and perf_counter() < until:
                thread.join(0.0005)
                await asyncio.sleep(0)
        return not any(thread.is_alive() for thread in threads)

    def _pool(self, name: str) -> DaemonThreads:
        if name not in self._pools:
            self._pools[name] = DaemonThreads(self._sizes[name], name)
        return self._pools[name]
