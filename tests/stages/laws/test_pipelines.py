"""Stages that come, subscribe, cancel, stop, crash and finish, in any order, at any time."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from laws.dispatching import dispatcher as noted
from laws.dispatching import partition as part_of
from laws.graphs import (
    buffers,
    cancels,
    choices,
    demands,
    dispatchers,
    fewer,
    keeps,
    pass_time,
    seeds,
)
from laws.ledger import Ledger
from laws.recorded import Middle, Recorded, Sink, Source

from flowlike import StageStopped, Subscribe
from flowlike.testing import VirtualLoop, settled

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
        cancel=cancels,
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
        source.dispatcher = noted(dispatcher)
        self.start(source, [])
        self.pass_time(0.05)
        middle = Middle(self.ledger, paces[1])
        middle.dispatcher = noted("demand")
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
        modulus = options.pop("selected", None) if to.dispatcher.broadcasts else None
        options.pop("selected", None)
        selector = modulus and (lambda event: event % modulus)
        place = part_of(to, number)
        return Subscribe(to.ref, partition=place, selector=selector, **demand, **options)

    options = st.fixed_dictionaries(
        {
            "cancel": cancels,
            "tag": st.sampled_from([None, None, "manual", "asking"]),
            "selected": st.sampled_from([None, 2, 3]),
        }
    )

    @rule(
        kind=st.sampled_from(["pull", "pieces", "excess", "fed"]),
        pace=any_pace,
        limit=st.integers(0, 200),
        dispatcher=dispatchers,
        buffer=buffers,
        keep=keeps,
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
        source.dispatcher = noted(dispatcher)
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
        stage.dispatcher = noted(dispatcher)
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
            fed[number % len(fed)].feed(count)  # nobody need have asked

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

    @rule(number=choices, which=choices)
    def cancel_consumer(self, number: int, which: int) -> None:
        stage = self.pick(number, Source, Middle)
        if stage is not None and stage.consumers:
            self.later(stage.consumers[which % len(stage.consumers)].cancel())

    @rule(number=choices)
    def fail_soon(self, number: int) -> None:
        stage = self.pick(number, Recorded)
        if stage is not None:
            stage.fails_at = stage.calls + 2

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
        self.loop.run_until_complete(pass_time(seconds))

    @rule()
    def settle(self) -> None:
        self.loop.run_until_complete(settled())
        self.ledger.check(settled=True)

    @invariant()
    def laws(self) -> None:
        async def turns(count: int) -> None:
            for _ in range(count):
                await pass_time(0)

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
TestPipelines.settings = settings(fewer, stateful_step_count=40)
