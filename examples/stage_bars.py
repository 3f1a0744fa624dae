"""Measure stages against asyncio.Queue and plain loops.

Run it with ``python examples/stage_bars.py``; ``--help`` lists the options. The two sides of a
comparison take turns; the table has the median of each, in millions of events per second, and how
fast the stages are as a multiple of their rival. The consumers do what counts least, so that what
is measured is the way:

- ``queue 1``, ``queue 100`` ...: one producer of ranges and one consumer that counts what it is
  given, with that ``max_demand``, against two tasks and an ``asyncio.Queue`` of that size;
- ``partition``: to two consumers by a hash function in Python, against a loop that calls it and
  appends to two lists;
- ``broadcast``: every event to two consumers, against a loop that appends to two lists;
- ``many``: 128 producers, each with 128 consumers, ten events each, from the first start to the
  end of all, against as many tasks and one ``asyncio.Queue`` for each consumer (in seconds);
- ``memory``: of an idle stage and of a subscription, in bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from comparing import Comparison, add_options, count, in_turns, write_json

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    PartitionDispatcher,
    Producer,
    StageGroup,
    StageRef,
    Subscribe,
    Subscription,
)
from flowlike.stages import Dispatcher

run: Callable[[Coroutine[Any, Any, float]], float]
try:
    from uvloop import run
except ImportError:  # where there is none
    from asyncio import run

MANY = 128  # producers, and consumers
EACH = 10  # events of each of these producers


class Numbers(Producer[int]):
    """Emits 0, 1, 2 ... as they are asked for, in ranges, and ends after ``count`` of them."""

    demand = "accumulate"

    def __init__(self, count: int) -> None:
        self.next = 0
        self.count = count

    def handle_demand(self, demand: int) -> range:
        """The next numbers."""
        start, self.next = self.next, min(self.next + demand, self.count)
        if self.next == self.count:
            self.finish()
        return range(start, self.next)


class Count(Consumer[int]):
    """Counts the events that it is given."""

    def __init__(self) -> None:
        self.events = 0

    def handle_events(self, events: Sequence[int], producer: Subscription) -> None:
        """Count a batch."""
        self.events += len(events)


async def one_to(
    consumers: int, count: int, max_demand: int, dispatcher: Dispatcher | None = None
) -> float:
    """Seconds from the first demand to the end, for ``count`` numbers to some consumers.

    Raises:
        AssertionError: the consumers have not counted as many as they should.
    """
    numbers = Numbers(count)
    if dispatcher is not None:
        numbers.dispatcher = dispatcher
    counts = [Count() for _ in range(consumers)]
    async with StageGroup() as group:
        producer = await group.start(numbers)
        for index, each in enumerate(counts):
            partition = index if isinstance(dispatcher, PartitionDispatcher) else None
            subscribe = Subscribe(producer, max_demand=max_demand, partition=partition)
            await group.start(each, subscribe_to=[subscribe])
        started = time.perf_counter()
        await producer.demand("forward")
        await group.wait()
        seconds = time.perf_counter() - started
    found = sum(each.events for each in counts)
    if found != count * (consumers if isinstance(dispatcher, BroadcastDispatcher) else 1):
        raise AssertionError(f"{found} events came of {count}")
    return seconds


async def through_a_queue(size: int, count: int) -> float:
    """Seconds for ``count`` numbers from one task to another through an ``asyncio.Queue``.

    Raises:
        AssertionError: not every event came.
    """
    queue: asyncio.Queue[int | None] = asyncio.Queue(size)

    async def put() -> None:
        for number in range(count):
            await queue.put(number)
        await queue.put(None)

    async def get() -> int:
        events = 0
        while await queue.get() is not None:
            events += 1
        return events

    started = time.perf_counter()
    events, _ = await asyncio.gather(get(), put())
    if events != count:
        raise AssertionError(f"{events} events came, not {count}")
    return time.perf_counter() - started


def odd(number: int) -> int:
    """The partition of a number."""
    return number % 2


async def loop_by_hash(count: int) -> float:
    """Seconds to append each number to one of two lists."""
    started = time.perf_counter()
    lists: tuple[list[int], list[int]] = ([], [])
    for number in range(count):
        lists[odd(number)].append(number)
    return time.perf_counter() - started


async def loop_to_both(count: int) -> float:
    """Seconds to append each number to both of two lists."""
    started = time.perf_counter()
    first: list[int] = []
    second: list[int] = []
    for number in range(count):
        first.append(number)
        second.append(number)
    return time.perf_counter() - started


async def many_stages() -> float:
    """Seconds from the first start to the end of 128 producers with 128 consumers each.

    Raises:
        AssertionError: not every event came.
    """
    started = time.perf_counter()
    counts = [Count() for _ in range(MANY)]
    async with StageGroup() as group:
        producers = [await group.start(Numbers(EACH)) for _ in range(MANY)]
        for count in counts:
            to_all = [Subscribe(producer, max_demand=EACH) for producer in producers]
            await group.start(count, subscribe_to=to_all)
        for producer in producers:
            await producer.demand("forward")
        await group.wait()
    if sum(count.events for count in counts) != MANY * EACH:
        raise AssertionError("not every event came")
    return time.perf_counter() - started


async def many_tasks() -> float:
    """Seconds for 128 tasks that put into the queues of 128 others, told each of each end.

    Raises:
        AssertionError: not every event came.
    """
    started = time.perf_counter()
    queues: list[asyncio.Queue[int | None]] = [asyncio.Queue(EACH) for _ in range(MANY)]

    async def put(first: int) -> None:
        for number in range(EACH):
            await queues[(first + number) % MANY].put(number)
        for queue in queues:
            await queue.put(None)

    async def get(queue: asyncio.Queue[int | None]) -> int:
        found, ends = 0, 0
        while ends < MANY:
            if await queue.get() is None:
                ends += 1
            else:
                found += 1
        return found

    found = await asyncio.gather(*map(get, queues), *map(put, range(MANY)))
    if sum(each for each in found if each is not None) != MANY * EACH:
        raise AssertionError("not every event came")
    return time.perf_counter() - started


async def memory(stages: int = 500, producers: int = 50) -> dict[str, float]:
    """Bytes of an idle producer, an idle consumer, and a subscription without events."""
    async with StageGroup() as group:

        async def start(make: Callable[[], Producer[int] | Consumer[int]]) -> list[StageRef]:
            return [await group.start(make()) for _ in range(stages)]

        await group.start(Numbers(1))
        await group.start(Count())
        gc.collect()
        tracemalloc.start()
        held = [_traced()]
        numbers = await start(lambda: Numbers(1))
        held.append(_traced())
        counts = await start(Count)
        held.append(_traced())
        for count in counts:
            for number in numbers[:producers]:
                await count.subscribe(number)
        held.append(_traced())
        tracemalloc.stop()
        for ref in numbers:
            await ref.stop()
    return {
        "idle producer": (held[1] - held[0]) / stages,
        "idle consumer": (held[2] - held[1]) / stages,
        "subscription": (held[3] - held[2]) / (stages * producers),
    }


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the table.

    Args:
        group: as ``--only`` takes it.
        name: what is measured.
        stages: gives the seconds of the stages.
        rival: what they are compared with.
        plain: gives the seconds of the rival.
        events: how many the stages pass on.
        rival_events: how many the rival does.
    """

    group: str
    name: str
    stages: Callable[[], Coroutine[Any, Any, float]]
    rival: str
    plain: Callable[[], Coroutine[Any, Any, float]]
    events: int
    rival_events: int

    def measure(self, runs: int) -> Comparison:
        """Let both sides take turns."""
        return in_turns(
            Comparison(self.name, self.rival),
            lambda: run(self.stages()),
            lambda: run(self.plain()),
            runs,
            seconds=float,
        )

    def shown(self, found: Comparison) -> str:
        """The row of the table."""
        seconds = found.ours.median, found.rivals.median
        pace = self.events / seconds[0] / 1e6, self.rival_events / seconds[1] / 1e6
        return (
            f"{self.name:<40}{pace[0]:9.3f} M/s {seconds[0]:7.3f} s   "
            f"{self.rival:<34}{pace[1]:9.3f} M/s {seconds[1]:7.3f} s  {pace[0] / pace[1]:8.2f} x"
        )


def bars(events: int) -> list[Bar]:
    """All of them, with ``events`` events for what passes them one by one."""
    queues = [
        Bar(
            "queue",
            f"1 producer, 1 consumer, max_demand {demand}",
            partial(one_to, 1, events * min(demand, 1000), demand),
            f"two tasks, asyncio.Queue({demand})",
            partial(through_a_queue, demand, events),
            events * min(demand, 1000),
            events,
        )
        for demand in (1, 100, 1000, 10_000)
    ]
    more = 50 * events
    every = MANY * EACH
    return [
        *queues,
        Bar(
            "partition",
            "2 consumers, own hash",
            partial(one_to, 2, more, 1000, PartitionDispatcher(2, odd)),
            "a loop that appends to 2 lists",
            partial(loop_by_hash, more),
            more,
            more,
        ),
        Bar(
            "broadcast",
            "2 consumers, broadcast",
            partial(one_to, 2, more, 1000, BroadcastDispatcher()),
            "a loop that appends to 2 lists",
            partial(loop_to_both, more),
            more,
            more,
        ),
        Bar(
            "many",
            f"{MANY} producers x {MANY} consumers",
            many_stages,
            "as many tasks and queues",
            many_tasks,
            every,
            every,
        ),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    groups = ("queue", "partition", "broadcast", "many", "memory")
    parser = argparse.ArgumentParser(description="Measure stages beside queues and loops.")
    parser.add_argument("--events", type=count, default=60_000, help="default 60000")
    add_options(parser, runs=7, only={group: group for group in groups})
    arguments = parser.parse_args(argv)
    rows = []
    for bar in bars(arguments.events):
        if bar.group in arguments.only:
            found = bar.measure(arguments.runs)
            print(bar.shown(found), flush=True)
            events = {"events": bar.events, "rival_events": bar.rival_events}
            rows.append(found.as_row() | events)
    if "memory" in arguments.only:
        for name, size in asyncio.run(memory()).items():
            print(f"{name:<40}{size:9.0f} bytes")
            rows.append({"name": name, "bytes": size})
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
