"""How workers come to be linked with each other, without many open files on the way at once."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import combinations

from flowlike.nodes.channel import ChannelEnd, make_channel, send_end
from flowlike.nodes.run_messages import Meet
from flowlike.nodes.worker_process import WorkerProcess

__all__ = ["Introductions"]

_MOST = 32
"""Ends of channels on the way at once: systems count their files among those of this process."""


class Introductions:
    """Gives every two workers a link to each other, once, and sends what may come only after that.

    As workers say that they have received some ends, more are sent.
    """

    def __init__(self) -> None:
        self._met: set[frozenset[WorkerProcess]] = set()
        self._missing: deque[tuple[WorkerProcess, WorkerProcess]] = deque()
        self._on_the_way: Counter[WorkerProcess] = Counter()
        self._then: list[Callable[[], None]] = []

    def begin(self, members: Sequence[WorkerProcess]) -> None:
        """Introduce those who do not know each other.

        Raises:
            OSError: the system gives no more descriptors.
        """
        pairs = combinations(members, 2)
        self._missing = deque(pair for pair in pairs if frozenset(pair) not in self._met)
        self._go_on()

    def then(self, call: Callable[[], None]) -> None:
        """Call it when all are introduced; at once, if they are."""
        if self._missing:
            self._then.append(call)
        else:
            call()

    def send(self, member: WorkerProcess, end: ChannelEnd, number: int, name: str) -> None:
        """Send a worker the end of a channel to a node.

        Raises:
            OSError: the system gives no more descriptors.
        """
        try:
            send_end(member.ends, end)
        except (BrokenPipeError, ConnectionResetError):
            return  # it is dead, which its link will tell
        member.link.send(Meet(number, name))  # now, for it waits for an end when it reads this
        self._on_the_way[member] += 1

    def received(self, member: WorkerProcess) -> None:
        """A worker has received an end.

        Raises:
            OSError: the system gives no more descriptors.
        """
        self._on_the_way[member] -= 1
        self._go_on()

    def forget(self, member: WorkerProcess) -> None:
        """A worker is gone.

        Raises:
            OSError: the system gives no more descriptors.
        """
        del self._on_the_way[member]
        self._met = {pair for pair in self._met if member not in pair}
        self._missing = deque(pair for pair in self._missing if member not in pair)
        self._go_on()

    def finish(self) -> None:
        """The run has ended: what was to come after is not called any more."""
        self._missing.clear()
        self._then.clear()

    def _go_on(self) -> None:
        while self._missing and self._on_the_way.total() < _MOST:
            one, other = self._missing[0]
            first, second = make_channel()
            try:
                self.send(one, first, other.number, other.name)
                self.send(other, second, one.number, one.name)
            except BaseException:
                second.close()
                raise
            self._met.add(frozenset(self._missing.popleft()))
        if not self._missing:
            calls, self._then = self._then, []
            for call in calls:
                call()
