"""Links in one process: each message is late by chance, none overtakes another on its link."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from flowlike.nodes.link import Unreadable
from flowlike.nodes.node import Node
from flowlike.pickling import pickled
from flowlike.stages.run_queue import RunQueue, run_queue_on
from flowlike.testing import settled

_END = b""


class FakeLink:
    """One end of a connection; see `joined`.

    It stands in a run queue, so that a seeded loop decides when it delivers, and now and then it
    waits for a timer. A message is pickled when it is sent, as it would be elsewhere.

    Attributes:
        other: the other end.
        messages: what was sent, in order.
        unheard: what was sent and never arrived.
    """

    def __init__(self, random: Random, queue: RunQueue) -> None:
        self._random = random
        self._queue = queue
        self.other: FakeLink
        self.messages: list[Any] = []
        self.unheard: list[Any] = []
        self._under_way: deque[bytes] = deque()
        self._is_closed = False
        self._is_cut = False
        self._is_waiting = False
        self._message: Callable[[Any], None] = lambda message: None
        self._lost: Callable[[], None] = lambda: None

    def send(self, message: Any) -> None:
        data = pickled(message)
        self.messages.append(message)
        if self._is_closed or self._is_cut:
            self.unheard.append(message)
        else:
            self._put(data)

    def on_message(self, callback: Callable[[Any], None]) -> None:
        self._message = callback

    def on_lost(self, callback: Callable[[], None]) -> None:
        self._lost = callback

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if not self._is_cut:
                self._put(_END)

    def cut(self, keep: bool = True) -> None:
        """Have the connection break; each end hears of it, after what is under way or at once."""
        for end in (self, self.other):
            if end._is_cut or end._is_closed:
                continue
            if not keep:
                end.unheard += [_read(data) for data in end._under_way]
                end._under_way.clear()
            end._is_cut = True
            end._put(_END)

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way, word of the end included."""
        return bool(self._under_way)

    def under_way(self) -> list[Any]:
        """What was sent and may still arrive."""
        return [_read(data) for data in self._under_way if data is not _END]

    def turn(self) -> None:
        """Deliver a message."""
        self._is_waiting = False
        other = self.other
        data = self._under_way.popleft()
        if self._under_way:
            self._wake()
        if data is _END:
            if not other._is_closed:
                other._is_closed = True
                if not other._is_cut:
                    other._is_cut = True
                    other._put(_END)
                other._lost()
        elif other._is_closed:
            self.unheard.append(_read(data))
        else:
            other._message(_read(data))

    def _put(self, data: bytes) -> None:
        self._under_way.append(data)
        self._wake()

    def _wake(self) -> None:
        if self._is_waiting:
            return
        self._is_waiting = True
        if self._random.random() < 0.2:
            loop = asyncio.get_running_loop()
            loop.call_later(self._random.choice([0.0005, 0.002, 0.03]), self._queue.add, self)
        else:
            self._queue.add(self)


class Joined:
    """Nodes of which each is joined to each.

    Args:
        count: how many.
        seed: of the delays.

    Attributes:
        nodes: each of them, in run 1.
        links: by the numbers of the sender and of the receiver.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        self._random = Random(seed)
        self._queue = run_queue_on(asyncio.get_running_loop())
        self.nodes = [Node(number) for number in range(count)]
        self.links: dict[tuple[int, int], FakeLink] = {}
        for one, two in itertools.combinations(range(count), 2):
            self.join(one, two)
        for node in self.nodes:
            node.begin(1)

    def join(self, one: int, two: int) -> None:
        """Join two nodes by a new connection."""
        there, back = (FakeLink(self._random, self._queue) for _ in range(2))
        there.other, back.other = back, there
        self.links[one, two], self.links[two, one] = there, back
        self.nodes[one].join(two, there, f"node {two}")
        self.nodes[two].join(one, back, f"node {one}")

    async def quiet(self) -> None:
        """Wait until nothing is on any link, and nothing else can run."""
        await settled()
        while any(link.is_busy for link in self.links.values()):
            await asyncio.sleep(0.001)  # noqa: TID251 - virtual
            await settled()


def _read(data: bytes) -> Any:
    try:
        return pickle.loads(data)
    except Exception as error:  # noqa: BLE001 - as a link does
        return Unreadable(error)
