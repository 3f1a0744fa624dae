"""Stages of your own: a producer, a producer-consumer and a consumer, wired by hand.

Run it with ``python examples/producer_consumer.py --limit 100``.

A flow makes its stages by itself. Write stages when you want to decide yourself when there are
events, who gets them, and what happens in between. Here `Primes` looks for primes, but only as
many as it was asked for; two `Checker` replicas share them, whoever has demand; and `Summary`
gathers what they found. The demand flows from the end to the beginning: the producer never runs
ahead of a consumer by more than that consumer's ``max_demand``.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Sequence

from flowlike import Consumer, Producer, ProducerConsumer, StageGroup, Subscribe, Subscription


class Primes(Producer[int]):
    """The primes below ``limit``, in order.

    Args:
        limit: it ends before this number.
    """

    demand = "accumulate"  # until told otherwise, demand is only noted down

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.next = 2
        self.found: list[int] = []
        self.largest_demand = 0

    def handle_demand(self, demand: int) -> list[int]:
        """As many primes as were asked for; at the limit, those that are left, and the end."""
        self.largest_demand = max(self.largest_demand, demand)
        start = len(self.found)
        while len(self.found) < start + demand and self.next < self.limit:
            if all(self.next % prime for prime in self.found if prime * prime <= self.next):
                self.found.append(self.next)
            self.next += 1
        if self.next >= self.limit:
            self.finish()  # takes effect when the events returned below have left
        return self.found[start:]


class Checker(ProducerConsumer[int, tuple[int, int]]):
    """Gives every prime together with its last digit."""

    def handle_events(self, events: list[int], producer: Subscription) -> list[tuple[int, int]]:
        """One pair for each event."""
        return [(event, event % 10) for event in events]


class Summary(Consumer[tuple[int, int]]):
    """Counts the last digits."""

    def __init__(self) -> None:
        self.digits: Counter[int] = Counter()

    async def handle_events(self, events: list[tuple[int, int]], producer: Subscription) -> None:
        """Callbacks may be coroutine functions; the next batch waits until this one is done."""
        await asyncio.sleep(0)  # here a real one would write to a database
        self.digits.update(digit for _, digit in events)


async def last_digits(limit: int, max_demand: int = 100) -> tuple[dict[int, int], int]:
    """Start the stages, and wait until all have ended by themselves.

    `Primes` says when it is finished; each stage behind it finishes when all its producers
    have. If one crashed, leaving the block would stop the others and raise its exception.

    Returns:
        How many primes below ``limit`` end with which digit, and the largest demand that the
        producer has seen.
    """
    primes, summary = Primes(limit), Summary()
    async with StageGroup() as group:
        source = await group.start(primes)
        checkers = [
            await group.start(Checker(), subscribe_to=[Subscribe(source, max_demand=max_demand)])
            for _ in range(2)
        ]
        await group.start(summary, subscribe_to=checkers)
        # Everybody is subscribed. Had the producer begun with the first of them, it might have
        # ended before the second.
        await source.demand("forward")
        await group.wait()
    return dict(sorted(summary.digits.items())), primes.largest_demand


def main(argv: Sequence[str] | None = None) -> None:
    """Print how the primes end."""
    parser = argparse.ArgumentParser(description="Count the last digits of the primes.")
    parser.add_argument("--limit", type=_count, default=10_000, metavar="N", help="default 10000")
    parser.add_argument("--max-demand", type=_count, default=100, metavar="N", help="default 100")
    arguments = parser.parse_args(argv)
    digits, largest = asyncio.run(last_digits(arguments.limit, arguments.max_demand))
    for digit, count in digits.items():
        print(f"{count:6} primes below {arguments.limit} end with {digit}")
    print(f"the producer was never asked for more than {largest} at once")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return count


if __name__ == "__main__":
    main()
