"""The way of failures from the replicas of a flow to a stage that takes them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

from flowlike.errors import StageStopped
from flowlike.flow.plan import Plan
from flowlike.flow.staged import Into, check_into
from flowlike.operators import Failure, Layer, Policy, Retry, Sink, check_policy, sinks_of
from flowlike.stages import Consumer, Producer, StageRef, Subscribe, Subscription

__all__ = ["FailureFeed", "Feed", "Feeds", "check_on_error", "feeds_of"]


def check_on_error(name: str, on_error: Any) -> Policy:
    """The policy that a user asks for, with stages made into sinks.

    Args:
        name: what messages call the argument.
        on_error: a policy, or a stage as ``into_stages`` takes it.

    Raises:
        TypeError: it is none.
        ValueError: it is an unknown word.
    """
    return check_policy(name, _with_sinks(on_error))


def _with_sinks(on_error: Any) -> Any:
    if isinstance(on_error, Retry):
        return Retry(on_error.times, on_error.wait, on_error.on, _with_sinks(on_error.then))
    if isinstance(on_error, (Consumer, StageRef, Subscribe)):
        [into] = check_into([on_error])
        return Sink(into, _name(into))
    return on_error


def _name(into: Into) -> str:
    consumer = into.consumer
    return consumer.name if isinstance(consumer, StageRef) else type(consumer).__name__


class Feed(Protocol):
    """The way of a replica to a `FailureFeed`."""

    def offer(self, failure: Failure) -> bool:
        """Take it at once if it is wanted now; else False."""

    async def put(self, failure: Failure) -> None:
        """Take it when it is wanted."""

    def release(self) -> None:
        """The replica has ended."""


class FailureFeed(Producer[Failure]):
    """Emits the failures of a flow to one consumer; who has one waits until it is asked for.

    Args:
        into: the consumer.
        writers: how many replicas send failures; when all have ended it finishes.
    """

    buffer_size = float("inf")

    def __init__(self, into: Into, writers: int) -> None:
        self.into = into
        self._writers = writers
        self._demand = 0
        self._waiting: deque[tuple[Failure, asyncio.Future[None]]] = deque()
        self._closed = False

    def offer(self, failure: Failure) -> bool:
        """Take a failure at once if the consumer has asked for one; else False."""
        if self._closed or self._waiting or not self._demand:
            return False
        self._demand -= 1
        self.emit([failure])
        return True

    async def put(self, failure: Failure) -> None:
        """Take a failure when the consumer asks for it.

        Raises:
            StageStopped: the consumer has ended.
        """
        if self._closed:
            raise self._refusal()
        if self.offer(failure):  # it was asked for meanwhile
            return
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((failure, taken))
        await taken

    def release(self) -> None:
        """One of the writers has ended."""
        self._writers -= 1
        if not self._writers and self._running is not None:
            self.finish()

    def handle_demand(self, demand: int) -> list[Failure]:
        """Hand over what waits."""
        self._demand += demand
        failures = []
        while self._waiting and self._demand:
            failure, taken = self._waiting.popleft()
            if not taken.done():  # else its replica was stopped
                taken.set_result(None)
                failures.append(failure)
                self._demand -= 1
        return failures

    def handle_cancel(self, reason: str | BaseException, peer: Subscription) -> None:
        """The consumer is gone: nobody is to wait for it."""
        self._close()

    def on_stop(self, reason: str | BaseException) -> None:
        """Nobody is to wait for what has ended."""
        self._close()

    def _close(self) -> None:
        self._closed = True
        while self._waiting:
            _, taken = self._waiting.popleft()
            if not taken.done():
                taken.set_exception(self._refusal())

    def _refusal(self) -> StageStopped:
        return StageStopped(
            f"{_name(self.into)}, the on_error of an operator, has ended and takes no failures"
        )


class Feeds:
    """The feeds of one run: one for each stage that takes failures, known by its number.

    Args:
        plan: says which replicas send failures where.
    """

    def __init__(self, plan: Plan) -> None:
        self._numbers: dict[int, int] = {}  # by the identity of the consumer
        writers: list[int] = []
        found: list[Into] = []
        for layer in plan.layers:
            for target, into in _targets(layer.layer).items():
                if target not in self._numbers:
                    self._numbers[target] = len(found)
                    found.append(into)
                    writers.append(0)
                writers[self._numbers[target]] += layer.carriers
        self._feeds = list(map(FailureFeed, found, writers))

    def __iter__(self) -> Iterator[FailureFeed]:
        """All of them."""
        return iter(self._feeds)

    def __getitem__(self, number: int) -> FailureFeed:
        """One of them."""
        return self._feeds[number]

    def number(self, layer: Layer) -> Layer:
        """The layer with the numbers of the feeds as the targets of its sinks."""
        return layer.with_sinks(
            lambda sink: replace(sink, target=self._numbers[id(sink.target.consumer)])
        )


def feeds_of(layer: Layer) -> list[int]:
    """The numbers of the feeds of a layer whose sinks were numbered: each replica releases them."""
    return list(dict.fromkeys(sink.target for sink in _sinks(layer)))


def _targets(layer: Layer) -> dict[int, Into]:
    return {id(sink.target.consumer): sink.target for sink in _sinks(layer)}


def _sinks(layer: Layer) -> Iterator[Sink]:
    for policy in layer.policies:
        yield from sinks_of(policy)
