"""The laws of stages, held in random graphs under random interleavings.

Every stage here writes down what it does, and its messages are read on their way. So the books
say for each subscription what was asked for, what was delivered and what was handled, and for each
stage what it has sent and what it keeps.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import re
from collections import Counter, defaultdict
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    DemandDispatcher,
    PartitionDispatcher,
    Producer,
    ProducerConsumer,
    StageGroup,
    StageStopped,
    Subscribe,
)
from flowlike.stages.messages import Ask, Events, Subscribed
from flowlike.testing import VirtualLoop, run, settled


class Boom(Exception):
    """The crash of a stage that was told to crash."""


class Ledger:
    """What was asked for, sent and delivered among all stages of one example.

    Every event is a number that is never used again.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = itertools.count()
        self.stages: list[Recorded] = []
        self.asked: Counter[int] = Counter()
        self.delivered: defaultdict[int, list[int]] = defaultdict(list)
        self.ends: dict[int, tuple[Recorded, Recorded]] = {}
        self.selectors: dict[int, Any] = {}
        self.breaches: list[str] = []

    def tap(self, stage: Recorded) -> None:
        """Read the messages that a stage is sent."""
        ref = stage._running.ref
        deliver = ref.deliver
        stage.ref = ref

        def tapped(message: Any) -> None:
            match message:
                case Ask(number, count):
                    self.asked[number] += count
                case Events(number, batch):
                    self.delivered[number].extend(batch)
                    self.hold(
                        len(self.delivered[number]) <= self.asked[number],
                        f"{stage} was given more than it had asked for",
                    )
                case Subscribed(number, consumer, options):
                    self.selectors[number] = options.selector
                    self.ends[number] = (stage, consumer._stage.stage)
            deliver(message)

        ref.deliver = tapped

    def hold(self, truth: bool, otherwise: str) -> None:
        """Note a breach of a law; raising here would end a stage instead of the test."""
        if not truth:
            self.breaches.append(otherwise)

    def takes(self, number: int, event: int) -> bool:
        """Whether the consumer of a subscription wants an event."""
        selector = self.selectors[number]
        return selector is None or bool(selector(event))

    def new(self, count: int) -> list[int]:
        """Events that were never there before."""
        return list(itertools.islice(self.numbers, count))

    def check(self, *, settled: bool = False) -> None:
        """The laws that hold at any time; ``settled``: also those that hold when nothing runs."""
        assert self.breaches == []
        of_emitter: defaultdict[Recorded, list[int]] = defaultdict(list)
        for number, (emitter, consumer) in self.ends.items():
            delivered = self.delivered[number]
            of_emitter[emitter] += delivered
            place = {event: index for index, event in enumerate(emitter.sent)}
            places = [place[event] for event in delivered if event in place]
            assert places == sorted(places), f"{consumer} is given the events of {emitter} in order"
            received = consumer.received[number]
            assert received == delivered[: len(received)], f"{consumer} handles all, in order"
            if settled and consumer.is_prompt() and consumer.lives():
                assert received == delivered, f"{consumer} has handled all"
        for stage in self.stages:
            assert stage.starts <= 1
            assert stage.stops <= stage.starts
            if isinstance(stage, Source):
                numbers = [n for n, ends in self.ends.items() if ends[0] is stage]
                asked = sum(self.asked[n] for n in numbers)
                refused = sum(
                    not any(self.takes(n, event) for n in numbers) for event in stage.sent
                )
                assert stage.demanded <= asked + refused, f"{stage} is asked for too much"
            if isinstance(stage, (Source, Middle)):
                self._conserved(stage, of_emitter[stage], settled=settled)

    def _conserved(self, stage: Source | Middle, delivered: list[int], *, settled: bool) -> None:
        broadcasts = isinstance(stage.dispatcher, BroadcastDispatcher)
        left = set(delivered)
        assert broadcasts or len(left) == len(delivered), f"no event of {stage} comes twice"
        if settled and stage.lives() and not stage.inside:
            outlet = stage._running.outlet
            for number in outlet.subscriptions:
                assert self.ends[number][1].lives(), f"{stage} forgets a consumer that has ended"
            kept = outlet.held() + outlet.discarded
            assert len(left) + kept == len(stage.sent), f"{stage} keeps what did not leave"

    def check_that_all_ended_well(self) -> None:
        """Everyone lived until the end came by itself: then nothing at all is lost."""
        self.check()
        for stage in self.stages:
            assert (stage.starts, stage.stops, stage.reason) == (1, 1, "normal"), stage
        for number, (_, consumer) in self.ends.items():
            assert consumer.received[number] == self.delivered[number]
        for stage in self.stages:
            if isinstance(stage, (Source, Middle)):
                numbers = [n for n, ends in self.ends.items() if ends[0] is stage]
                if isinstance(stage.dispatcher, BroadcastDispatcher):
                    for n in numbers:
                        everything = [event for event in stage.sent if self.takes(n, event)]
                        assert self.delivered[n] == everything, f"{stage} sends all to {n}"
                    continue
                arrived = sorted(event for n in numbers for event in self.delivered[n])
                discarded = stage.ref.counts().discarded
                assert len(arrived) == len(stage.sent) - discarded
                assert discarded or arrived == sorted(stage.sent)

    async def hold_stage(
        self, stage: Recorded, subscribe_to: list[Any], started: asyncio.Event
    ) -> None:
        """Keep one stage in a group of its own, so that its crash is only its own."""
        try:
            async with StageGroup() as group:
                await group.start(stage, subscribe_to=subscribe_to)
                started.set()
                await group.wait()
        except (Boom, StageStopped):
            pass  # as the test wanted, or a producer that had ended before
        except ValueError as error:
            if not re.search("is taken|already", str(error)):
                raise
        started.set()


class Recorded:
    """The part that all recorded stages share.

    Args:
        ledger: where it writes.
        pace: ``None`` for callbacks that return at once, or the seconds that they await.
    """

    def __init__(self, ledger: Ledger, pace: float | None) -> None:
        self.ledger = ledger
        self.pace = pace
        self.number = len(ledger.stages)
        ledger.stages.append(self)
        self.sent: list[int] = []
        self.received: defaultdict[int, list[int]] = defaultdict(list)
        self.subscriptions: list[Any] = []
        self.starts = self.stops = 0
        self.reason: Any = None
        self.inside = False
        self.crashes = False

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.number}"

    def lives(self) -> bool:
        return self.starts > 0 and self._running is not None and not self._running._stopping

    def is_prompt(self) -> bool:
        return self.pace is None and not isinstance(self, Middle)

    def on_start(self) -> Any:
        self.starts += 1
        self.ledger.tap(self)
        return None if self.pace is None else self._slowly(self.pace)

    def on_stop(self, reason: Any) -> Any:
        self.ledger.hold(not self.inside, f"{self} stops when its callback has returned")
        self.stops += 1
        self.reason = reason
        return None if self.pace is None else self._slowly(self.pace)

    def handle_subscribe(self, role: str, options: Any, peer: Any) -> Any:
        self._turn()
        if role == "producer":
            self.subscriptions.append(peer)
        mode = "manual" if role == "producer" and options.tag == "manual" else None
        return mode if self.pace is None else self._slowly(self.pace, mode)

    def handle_cancel(self, reason: Any, peer: Any) -> Any:
        self._turn()
        if peer.role == "producer":
            self.subscriptions.remove(peer)
        return None if self.pace is None else self._slowly(self.pace)

    def handle_info(self, message: Any) -> None:
        self._turn()
        raise Boom

    def handle_call(self, request: Any) -> Any:
        self._turn()
        return request

    def _turn(self) -> None:
        self.ledger.hold(not self.inside, f"{self} has one callback at a time")
        self.ledger.hold(self.starts == 1 and not self.stops, f"{self} is called while it runs")

    def _answer(self, count: int) -> Any:
        """As many events, now or later."""
        if self.pace is None:
            return self._make(count)
        return self._later(count)

    async def _later(self, count: int) -> list[int] | None:
        await self._slowly(self.pace)
        return self._make(count)

    async def _slowly(self, seconds: float, result: Any = None) -> Any:
        self.inside = True
        try:
            await asyncio.sleep(seconds)  # noqa: TID251 - virtual
        finally:
            self.inside = False
        return result

    def _make(self, count: int) -> list[int] | None:
        if isinstance(self, Consumer):
            return None
        events = self.ledger.new(count)
        self.sent += events
        return events


class Source(Recorded, Producer):
    """Makes ``limit`` events, then finishes.

    Args:
        kind: "pull" returns what is asked for, "pieces" some of it and emits the rest later,
            "excess" returns more, "fed" emits only what :meth:`feed` says.
    """

    demand = "accumulate"

    def __init__(
        self, ledger: Ledger, pace: float | None, kind: str, limit: int, buffer: float = math.inf
    ) -> None:
        super().__init__(ledger, pace)
        self.kind = kind
        self.left = limit
        self.demanded = 0
        self.pieces = 0
        self.buffer_size = buffer

    def handle_demand(self, demand: int) -> Any:
        self._turn()
        self.demanded += demand
        if self.kind == "fed":
            return None
        count = min(self.left, demand + 7 * (self.kind == "excess"))
        self.left -= count
        if self.kind == "pieces":
            part = self.ledger.random.randint(0, count)
            self.pieces += 1
            asyncio.get_running_loop().call_later(0.01, self.feed, count - part)
            return self._make(part)
        if not self.left:
            self.finish()
        return self._answer(count)

    def feed(self, count: int) -> None:
        """Emit events from outside any callback."""
        if not self.lives():
            return
        self.emit(self._make(count))
        self.pieces -= 1
        if self.kind == "pieces" and not self.left and not self.pieces:
            self.finish()


class Middle(Recorded, ProducerConsumer):
    """Makes 0, 1 or 2 events of each."""

    def handle_events(self, events: Any, producer: Any) -> Any:
        self._turn()
        self.received[producer._number] += events
        return self._answer(sum(event % 3 for event in events))


class Sink(Recorded, Consumer):
    """Keeps what comes."""

    def handle_events(self, events: Any, producer: Any) -> Any:
        self._turn()
        self.received[producer._number] += events
        return self._answer(0)


DISPATCHERS = {
    "broadcast": lambda consumers: BroadcastDispatcher(),
    "demand": lambda consumers: DemandDispatcher(),
    "shuffled": lambda consumers: DemandDispatcher(shuffle=True, max_demand=3),
    "partition": lambda consumers: PartitionDispatcher(consumers, hash=lambda n: n % consumers),
}

seeds = st.integers(0, 1 << 30)
paces = st.sampled_from([None, None, 0, 0.001, 0.02])
kinds = st.sampled_from(["pull", "pieces", "excess"])
dispatchers = st.sampled_from(sorted(DISPATCHERS))
demands = st.one_of(
    st.just({"max_demand": "auto"}),
    st.integers(1, 12).flatmap(
        lambda most: st.integers(0, most - 1).map(
            lambda least: {"max_demand": most, "min_demand": least}
        )
    ),
)


@st.composite
def graphs(draw: Any) -> list[dict[str, Any]]:
    """Stages in order; each subscribes to some before it, and each that emits has a consumer."""
    stages = [
        {"make": Source, "kind": draw(kinds), "limit": draw(st.integers(0, 60)), "to": {}}
        for _ in range(draw(st.integers(1, 4)))
    ]
    for _ in range(draw(st.integers(0, 3))):
        to = draw(st.sets(st.integers(0, len(stages) - 1), min_size=1, max_size=3))
        stages.append({"make": Middle, "to": {up: draw(demands) for up in sorted(to)}})
    emitters = len(stages)
    for _ in range(draw(st.integers(1, 3))):
        to = draw(st.sets(st.integers(0, emitters - 1), min_size=1, max_size=3))
        stages.append({"make": Sink, "to": {up: draw(demands) for up in sorted(to)}})
    for up in range(emitters):
        if not any(up in stage["to"] for stage in stages):
            stages[-1]["to"][up] = draw(demands)
    for stage in stages:
        stage["selected"] = draw(st.sampled_from([None, None, 2, 3]))
        stage["pace"] = draw(paces)
        stage["dispatcher"] = draw(dispatchers)
    return stages


@given(graph=graphs(), seed=seeds)
def test_while_everyone_lives_nothing_is_lost_or_doubled_and_everything_ends(
    graph: list[dict[str, Any]], seed: int
) -> None:
    async def main() -> None:
        ledger = Ledger(seed)
        tasks = []
        taken: Counter[int] = Counter()
        for index, plan in enumerate(graph):
            pace = plan["pace"]
            if plan["make"] is Source:
                stage: Any = Source(ledger, pace, plan["kind"], plan["limit"])
            else:
                stage = plan["make"](ledger, pace)
            consumers = sum(index in each["to"] for each in graph)
            if consumers:
                stage.dispatcher = DISPATCHERS[plan["dispatcher"]](consumers)
            subscribe_to = []
            for up, demand in plan["to"].items():
                partition = taken[up] if graph[up]["dispatcher"] == "partition" else None
                taken[up] += 1
                modulus = plan["selected"] if graph[up]["dispatcher"] == "broadcast" else None
                selector = modulus and (lambda event, modulus=modulus: event % modulus)
                to = ledger.stages[up].ref
                subscribe_to.append(Subscribe(to, partition=partition, selector=selector, **demand))
            started = asyncio.Event()
            tasks.append(asyncio.create_task(ledger.hold_stage(stage, subscribe_to, started)))
            await started.wait()
        for stage in ledger.stages:
            if isinstance(stage, Source):
                await stage.ref.demand("forward")
        async with asyncio.timeout(600):
            await asyncio.gather(*tasks)
        ledger.check_that_all_ended_well()

    run(main(), seed=seed, patience=0.5)


stuck = 30  # longer than a stage that is asked to stop may take
any_pace = st.sampled_from([None, None, None, 0, 0.001, 0.02, stuck])


class Pipelines(RuleBasedStateMachine):
    """Stages that come, subscribe, cancel, stop, crash and finish, in any order, at any time."""

    @initialize(
        seed=seeds,
        kind=st.sampled_from(["pull", "pieces", "excess", "fed"]),
        dispatcher=dispatchers,
        paces=st.tuples(any_pace, any_pace, any_pace),
        demands=st.tuples(demands, demands, demands),
        cancel=st.sampled_from(["permanent", "transient", "temporary"]),
    )
    def begin(
        self, seed: int, kind: str, dispatcher: str, paces: Any, demands: Any, cancel: str
    ) -> None:
        self.loop = VirtualLoop(seed=seed, patience=0.5)
        self.ledger = Ledger(seed)
        self.loop.set_exception_handler(
            lambda _, context: self.ledger.hold(False, f"unheard: {context}")
        )
        self.tasks: list[asyncio.Task[Any]] = []
        source = Source(self.ledger, paces[0], kind, 400)
        source.demand = "forward"
        source.dispatcher = DISPATCHERS[dispatcher](2)
        self.start(source, [])
        self.pass_time(0.05)
        middle = Middle(self.ledger, paces[1])
        self.start(middle, [self.subscribe(source, 0, demands[0], cancel=cancel)])
        self.pass_time(0.05)
        both = [
            self.subscribe(source, 1, demands[1], cancel=cancel, tag="manual"),
            self.subscribe(middle, 0, demands[2], cancel=cancel),
        ]
        self.start(Sink(self.ledger, paces[2]), both)

    def start(self, stage: Recorded, subscribe_to: list[Subscribe]) -> None:
        opening = self.ledger.hold_stage(stage, subscribe_to, asyncio.Event())
        self.tasks.append(self.loop.create_task(opening))

    def pick(self, number: int, *kinds: type) -> Any:
        """One of the stages that live, or that once did."""
        stages = [each for each in self.ledger.stages if isinstance(each, kinds) and each.starts]
        return stages[number % len(stages)] if stages else None

    def later(self, wait: Any) -> None:
        """Wait for something beside everything else; what it needs may have ended."""

        async def quietly() -> None:
            try:
                await wait
            except StageStopped:
                pass
            except ValueError as error:
                if not re.search("is taken|already", str(error)):
                    raise

        self.tasks.append(self.loop.create_task(quietly()))

    def subscribe(self, to: Any, number: int, demand: dict[str, Any], **options: Any) -> Subscribe:
        parts = getattr(to.dispatcher, "_names", None)
        partition = None if parts is None else parts[number % len(parts)]
        return Subscribe(to.ref, partition=partition, **demand, **options)

    choices = st.integers(0, 50)
    options = st.fixed_dictionaries(
        {
            "cancel": st.sampled_from(["permanent", "transient", "temporary"]),
            "tag": st.sampled_from([None, None, "manual"]),
        }
    )

    @rule(
        kind=st.sampled_from(["pull", "pieces", "excess", "fed"]),
        pace=any_pace,
        limit=st.integers(0, 200),
        dispatcher=dispatchers,
        buffer=st.sampled_from([math.inf, math.inf, 5]),
        keep=st.sampled_from(["first", "last"]),
        forward=st.booleans(),
    )
    def start_source(
        self,
        kind: str,
        pace: Any,
        limit: int,
        dispatcher: str,
        buffer: float,
        keep: str,
        forward: bool,
    ) -> None:
        source = Source(self.ledger, pace, kind, limit, buffer)
        source.buffer_keep = keep
        source.dispatcher = DISPATCHERS[dispatcher](2)
        source.demand = "forward" if forward else "accumulate"
        self.start(source, [])

    @rule(
        middle=st.booleans(),
        pace=any_pace,
        dispatcher=dispatchers,
        to=st.lists(st.tuples(choices, choices, demands, options), max_size=3),
    )
    def start_consumer(self, middle: bool, pace: Any, dispatcher: str, to: list[Any]) -> None:
        stage: Any = Middle(self.ledger, pace) if middle else Sink(self.ledger, pace)
        stage.dispatcher = DISPATCHERS[dispatcher](2)
        subscribe_to = []
        for number, partition, demand, options in to:
            up = self.pick(number, Source, Middle)
            if up is not None:
                subscribe_to.append(self.subscribe(up, partition, demand, **options))
        self.start(stage, subscribe_to)

    @rule(consumer=choices, to=choices, partition=choices, demand=demands, options=options)
    def subscribe_later(
        self, consumer: int, to: int, partition: int, demand: Any, options: Any
    ) -> None:
        stage, up = self.pick(consumer, Middle, Sink), self.pick(to, Source, Middle)
        if stage is not None and up is not None and up.number < stage.number:
            self.later(stage.ref.subscribe(self.subscribe(up, partition, demand, **options)))

    @rule(number=choices, mode=st.sampled_from(["forward", "forward", "accumulate"]))
    def set_demand(self, number: int, mode: str) -> None:
        source = self.pick(number, Source)
        if source is not None:
            source.ref.set_demand(mode)

    @rule(number=choices, count=st.integers(0, 30))
    def feed(self, number: int, count: int) -> None:
        fed = [s for s in self.ledger.stages if getattr(s, "kind", None) == "fed" and s.starts]
        if fed:
            fed[number % len(fed)].feed(count)

    @rule(number=choices, count=st.integers(1, 20))
    def ask(self, number: int, count: int) -> None:
        manual = [
            each
            for stage in self.ledger.stages
            for each in stage.subscriptions
            if each.tag == "manual" and stage.lives()
        ]
        if manual:
            manual[number % len(manual)].ask(count)

    @rule(number=choices, which=choices)
    def cancel(self, number: int, which: int) -> None:
        stage = self.pick(number, Middle, Sink)
        if stage is not None and stage.subscriptions:
            self.later(stage.subscriptions[which % len(stage.subscriptions)].cancel())

    @rule(number=choices)
    def stop(self, number: int) -> None:
        stage = self.pick(number, Recorded)
        if stage is not None:
            self.later(stage.ref.stop())

    @rule(number=choices)
    def crash(self, number: int) -> None:
        stage = self.pick(number, Recorded)
        if stage is not None:
            stage.ref.send("crash")

    @rule(number=choices)
    def finish(self, number: int) -> None:
        stage = self.pick(number, Recorded)
        if stage is not None and stage.lives():
            stage.finish()

    @rule(number=choices)
    def call(self, number: int) -> None:
        stage = self.pick(number, Recorded)
        if stage is not None:
            self.later(stage.ref.call("hello", timeout=60))

    @rule(seconds=st.sampled_from([0.001, 0.05, 10]))
    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))  # noqa: TID251 - virtual

    @rule()
    def settle(self) -> None:
        self.loop.run_until_complete(settled())
        self.ledger.check(settled=True)

    @invariant()
    def laws(self) -> None:
        async def turns(count: int) -> None:
            for _ in range(count):
                await asyncio.sleep(0)  # noqa: TID251 - virtual

        if hasattr(self, "loop"):
            self.loop.run_until_complete(turns(self.ledger.random.choice([0, 0, 1, 4, 20])))
            self.ledger.check()

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.loop.run_until_complete(self.end())
        finally:
            self.loop.close()
        self.ledger.check()
        for stage in self.ledger.stages:
            assert stage.stops == stage.starts, f"{stage} has ended"

    async def end(self) -> None:
        """Stop what lives: everything ends, and nothing is left."""
        await settled()
        self.ledger.check(settled=True)
        for stage in self.ledger.stages:
            if stage.starts:
                self.later(stage.ref.stop())
        async with asyncio.timeout(600):
            await asyncio.gather(*self.tasks)
        assert asyncio.all_tasks() == {asyncio.current_task()}


TestPipelines = Pipelines.TestCase
TestPipelines.settings = settings(stateful_step_count=40)
