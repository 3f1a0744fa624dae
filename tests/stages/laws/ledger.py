"""The books of one example: what was asked for, sent, delivered, handled and lost.

Messages are read on their way, and the stages themselves write down what they do. So the books
owe nothing to what the product counts, and can be compared with it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter, defaultdict
from random import Random
from typing import Any

from laws.recorded import Boom, Middle, Recorded, Source

from flowlike import StageGroup, StageStopped
from flowlike.stages.messages import Ask, Events, Subscribed


class Ledger:
    """What was asked for, sent and delivered among all stages of one example.

    Every event is a number that is never used again. All books go through all lives of a stage
    that is started again.
    """

    expected: tuple[type[Exception], ...] = (Boom, StageStopped)  # what may end a stage

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = itertools.count()
        self.stages: list[Recorded] = []
        self.asked: Counter[int] = Counter()
        self.delivered: defaultdict[int, list[int]] = defaultdict(list)
        self.ends: dict[int, tuple[Recorded, Recorded]] = {}
        self.breaches: list[str] = []
        self.messages: list[tuple[str, str]] = []

    def read(self, stage: Recorded, message: Any) -> None:
        """Note a message that a stage is sent."""
        self.messages.append((str(stage), type(message).__name__))
        match message:
            case Ask(number, count):
                self.asked[number] += count
            case Events(number, batch):
                self.delivered[number].extend(batch)
                self.hold(
                    len(self.delivered[number]) <= self.asked[number],
                    f"{stage} was given more than it had asked for",
                )
            case Subscribed(number, consumer, _):
                self.ends[number] = (stage, consumer._stage.stage)

    def hold(self, truth: bool, otherwise: str) -> None:
        """Note a breach of a law; raising here would end a stage instead of the test."""
        if not truth:
            self.breaches.append(otherwise)

    def new(self, count: int) -> list[int]:
        """Events that were never there before."""
        return list(itertools.islice(self.numbers, count))

    def check(self, *, settled: bool = False) -> None:
        """The laws that hold at any time; ``settled``: also those that hold when nothing runs."""
        assert not self.breaches, self.breaches[:3]
        of: defaultdict[Recorded, list[int]] = defaultdict(list)
        for number, (emitter, consumer) in self.ends.items():
            of[emitter].append(number)
            of[consumer].append(number)
            self._check_order(number, emitter, consumer, settled=settled)
        for stage in self.stages:
            assert stage.stops <= stage.starts <= stage.stops + 1
            down = [n for n in of[stage] if self.ends[n][0] is stage]
            if isinstance(stage, Source | Middle):
                self._check_dispatched(stage, down)
            if isinstance(stage, Source):
                asked = sum(self.asked[n] for n in down)
                left = [each for each in stage.dispatcher.takers.values() if each != set()]
                refused = len(stage.sent) - len(left)  # more came in their place
                assert stage.demanded <= asked + refused, f"{stage} is asked for too much"
            if stage.starts:
                missing = self._missing(stage, of[stage])
                self._check_losses(stage, missing, settled=settled)

    def _check_order(
        self, number: int, emitter: Recorded, consumer: Recorded, *, settled: bool
    ) -> None:
        delivered = self.delivered[number]
        place = {event: index for index, event in enumerate(emitter.sent)}
        places = [place[event] for event in delivered]
        ordered = all(before < after for before, after in itertools.pairwise(places))
        assert ordered, f"{consumer} is given the events of {emitter} once, in order"
        received = consumer.received[number]
        assert received == delivered[: len(received)], f"{consumer} is given all, in order"
        handled = consumer.handled[number]
        assert handled == received[: len(handled)], f"{consumer} handles all, in order"
        if settled and consumer.is_prompt() and consumer.lives():
            of_now = not consumer.stops or number in consumer._running.inlet.subscriptions
            assert handled == delivered or not of_now, f"{consumer} has handled all"

    def _check_dispatched(self, stage: Source | Middle, numbers: list[int]) -> None:
        """Every event goes to whom it ought to, and to nobody else."""
        takers = stage.dispatcher.takers
        got: defaultdict[int, set[int]] = defaultdict(set)
        for number in numbers:
            for event in self.delivered[number]:
                got[event].add(number)
        for event, wanted in takers.items():
            if wanted is None:
                assert len(got[event]) <= 1, f"{event} of {stage} goes to one"
            else:
                assert got[event] == wanted, f"{event} of {stage} goes to those who want it"
        assert got.keys() <= takers.keys()

    def _missing(self, stage: Recorded, numbers: list[int]) -> int:
        """How many events came to a stage, or were made by it, and neither left nor were used."""
        missing = 0
        for number in numbers:
            if self.ends[number][1] is stage:
                missing += len(self.delivered[number]) - len(stage.handled[number])
        if isinstance(stage, Source | Middle):
            takers = stage.dispatcher.takers
            missing += len(stage.sent) - len(takers) - stage.ref.counts().discarded
            missing += sum(wanted is None for wanted in takers.values())
            if not stage.dispatcher.broadcasts:
                down = (number for number in numbers if self.ends[number][0] is stage)
                missing -= sum(len(self.delivered[number]) for number in down)
        return missing

    def _check_losses(self, stage: Recorded, missing: int, *, settled: bool) -> None:
        """What is missing is what a stage has lost by its ends, and what it has now."""
        running, lost = stage.ref._stage, stage.ref.counts().lost
        if running.ended.done():
            assert lost == missing, f"{stage} has lost {missing} events and counts {lost}"
        elif stage.lives():
            assert lost <= missing
            if not stage.stops and not stage.may_fail_to_emit():
                assert lost == 0, f"{stage} lives and loses nothing"
            if settled and not stage.inside:
                assert lost + _held(running) == missing, f"{stage} keeps what did not leave"
                for number in running.outlet.subscriptions if running.outlet else ():
                    assert self.ends[number][1].lives(), f"{stage} forgets who has ended"

    def check_that_all_ended_well(self) -> None:
        """Everyone lived until the end came by itself: then nothing at all is lost."""
        self.check()
        for stage in self.stages:
            assert (stage.starts, stage.stops, stage.reason) == (1, 1, "normal"), stage
            assert stage.ref.counts().lost == 0
            assert stage.ref._stage.ended.done()

    def group(self, stage: Recorded) -> TappedGroup:
        """A group of its own for a stage."""
        return TappedGroup(self)

    async def hold_stage(
        self, stage: Recorded, subscribe_to: list[Any], started: asyncio.Event
    ) -> None:
        """Keep one stage in a group of its own, so that its crash is only its own."""
        try:
            async with self.group(stage) as group:
                await group.start(stage, subscribe_to=subscribe_to)
                started.set()
                await group.wait()
        except self.expected:
            pass  # as the test wanted, or a producer that had ended before
        except ValueError as error:
            if not re.search("is taken|already", str(error)):
                raise
        finally:
            started.set()


class TappedGroup(StageGroup):
    """A group whose stages' messages are read by a ledger."""

    def __init__(self, ledger: Ledger, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ledger = ledger

    def _run(self, *args: Any) -> Any:
        running = super()._run(*args)
        self._tap(running.stage, running.ref)
        return running

    def _revive(self, child: Any) -> Any:
        running = super()._revive(child)
        self._tap(running.stage, child.ref)
        return running

    def _tap(self, stage: Any, ref: Any) -> None:
        stage.ref, deliver, read = ref, ref.deliver, self._ledger.read

        def tapped(message: Any) -> None:
            read(stage, message)
            deliver(message)

        ref.deliver = tapped


def _held(running: Any) -> int:
    """How many events are in a stage that waits."""
    arrivals = running.inlet.arrivals if running.inlet else ()
    waiting = sum(len(each.batch) for each in arrivals if each.over is None)
    return waiting + (running.outlet.held() if running.outlet else 0)
