"""Whoever ends, a group stops and starts exactly those stages that its strategy names."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from laws.graphs import cancels, pass_time, seeds
from laws.strategy import Strategy

from flowlike import (
    BroadcastDispatcher,
    Consumer,
    Producer,
    ProducerConsumer,
    StageGroup,
    StageStopped,
    Subscribe,
)
from flowlike.testing import run, settled


class Slip(Exception):
    """What a stage raises that was told to."""


class Member:
    """The part that all stages of the law share.

    Args:
        group: its group.
        number: its place in the order of the first starts.
        plan: as :func:`members` draws it.
    """

    dispatcher = BroadcastDispatcher()

    def __init__(self, group: Watched, number: int, plan: dict[str, Any]) -> None:
        self.group, self.number, self.plan = group, number, plan
        self.seen: Counter[int] = Counter()

    def on_stop(self, reason: Any) -> Any:
        self.group.stopping.append(self.number)
        sour = self.plan["sour"] and self.group.model.failed is not None
        if self.plan["pace"]:
            return self._slowly(sour)
        return self._perhaps(sour)

    def handle_cast(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message

    def handle_call(self, request: Any) -> Any:
        return request, self.number

    async def _slowly(self, sour: bool) -> None:
        await pass_time(self.plan["pace"])
        self._perhaps(sour)

    def _perhaps(self, sour: bool) -> None:
        if sour:
            raise Slip(f"stop {self.number}")


class Root(Member, Producer):
    def handle_demand(self, demand: int) -> None:
        return None


class Middle(Member, ProducerConsumer):
    def handle_events(self, events: Any, producer: Any) -> None:
        self.seen.update(events)


class Sink(Member, Consumer):
    def handle_events(self, events: Any, producer: Any) -> None:
        self.seen.update(events)

    def handle_cast(self, message: Any) -> None:
        if isinstance(message, BaseException):
            raise message


class Watched(StageGroup):
    """A group that tells the model who has ended, and compares who is stopped and started.

    Args:
        model: of its strategy.
        options: those of the group.
    """

    def __init__(self, model: Strategy, **options: Any) -> None:
        super().__init__(model.name, **options)
        self.model = model
        self.members: list[Any] = []  # as they are in their present lives
        self.stopping: list[int] = []  # whose ends have begun, in order
        self.breaches: list[str] = []
        self.told: list[BaseException] = []  # crashes when all was lost already
        self.begun_before: set[int] = set()  # whose ends had begun when all was lost
        self.open = True

    def stage_ended(self, running: Any, reason: Any) -> None:
        model, who = self.model, running.stage.number
        was_ending = {each for each in model.up - {who} if self._ends(each)}
        if not self.open or model.failed:
            # Crashes of before, late as they are told, would have been restarts.
            if isinstance(reason, BaseException) and who not in self.begun_before:
                self.told.append(reason)
            super().stage_ended(running, reason)
            return
        expected = model.ended(who, reason, asyncio.get_running_loop().time())
        up, before = set(model.up), len(self.stopping)
        super().stage_ended(running, reason)
        if model.failed:
            self.begun_before = was_ending
            return
        ending = {each for each in up if each not in model.up or self._ends(each)}
        if ending != was_ending | set(expected):
            self.breaches.append(f"{ending} are stopped, not {was_ending} and {expected}")
        stopping = self.stopping[before:]
        if stopping != sorted(stopping, reverse=True):
            self.breaches.append(f"the order in which stages are stopped is {stopping}")

    def rests(self) -> bool:
        """Whether nobody ends, and nobody is to be started."""
        return not self.model.due and not any(map(self._ends, self.model.up))

    def _ends(self, number: int) -> bool:
        running = self.members[number]._running
        return running is None or running.is_ending

    def _run(self, *args: Any) -> Any:
        running = super()._run(*args)
        member: Any = running.stage
        if member.number == len(self.members):
            self.members.append(member)
        else:
            self.members[member.number] = member
            try:
                self.model.started(member.number, asyncio.get_running_loop().time())
            except (AssertionError, KeyError) as error:
                self.breaches.append(f"{member.number} is started: {error}")
        return running


words = st.sampled_from(["permanent", "transient", "temporary"])


@st.composite
def members(draw: Any) -> list[dict[str, Any]]:
    """Stages in order; each subscribes to some before it, or to nothing."""
    return [
        {
            "word": draw(words),
            "to": {up: draw(cancels) for up in sorted(draw(st.sets(st.integers(0, n - 1))))}
            if n
            else {},
            "fresh": draw(st.booleans()),
            "pace": draw(st.sampled_from([0, 0, 0.2, 1.3])),
            "sour": draw(st.booleans()),
        }
        for n in range(draw(st.integers(1, 5)))
    ]


happenings = st.lists(
    st.tuples(
        st.sampled_from([None, None, 0.1, 0.5, 3]),
        st.sampled_from(["crash", "crash", "finish", "normal", "shutdown"]),
        st.integers(0, 4),
    ),
    max_size=8,
)


@given(
    strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    plans=members(),
    most=st.sampled_from([0, 1, 3, 30]),
    within=st.sampled_from([0.5, 2]),
    backoff=st.sampled_from([0, 0.37, 1.73]),
    what=happenings,
    together=st.booleans(),
    seed=st.none() | seeds,
)
def test_exactly_those_are_started_again_that_the_strategy_names(
    strategy: str,
    plans: list[dict[str, Any]],
    most: int,
    within: float,
    backoff: float,
    what: list[Any],
    together: bool,
    seed: int | None,
) -> None:
    model = Strategy(strategy, [plan["word"] for plan in plans], most, within, backoff)
    group = Watched(model, max_restarts=most, within=within, backoff=backoff)

    async def main() -> Any:
        refs: list[Any] = []
        tasks: list[asyncio.Task[Any]] = []
        error: Any = None
        try:
            async with group:
                await begin(group, plans, refs)
                for index, (wait, kind, number) in enumerate(what):
                    ref = refs[number % len(refs)]
                    if kind == "crash":
                        ref.cast(Slip(index))
                    elif kind == "finish":
                        ref.finish()
                    else:
                        tasks.append(asyncio.create_task(ref.stop(kind)))
                    if wait is not None:
                        await pass_time(wait)
                    if wait is not None or not together:
                        await settled()
                        model.check(asyncio.get_running_loop().time())
                await pass_time(20)
                await settled()
                model.check(asyncio.get_running_loop().time())
                if group.rests():  # else one ends whenever it is started
                    await check_that_all_is_as_before(group, plans, refs)
                group.open = False
        except StageStopped:
            raise
        except (Slip, RuntimeError) as caught:
            error = caught
        await asyncio.gather(*tasks)
        assert group.has_ended
        assert all(ref._stage.ended.done() for ref in refs)
        return error

    error = run(main(), seed=seed, patience=0.5)
    assert not group.breaches, group.breaches[:3]
    if model.failed is None:
        assert error is None
        return
    who, reason = model.failed
    if isinstance(reason, str):
        assert str(error).startswith(f"stage 'stage {who}' is permanent and has ended ({reason})")
    else:
        assert error is reason
    notes = error.__notes__
    assert f"stages were restarted more than {most} times within {float(within)} s" in notes
    said = [note for note in notes if note.startswith("after it: ")]
    assert said == [f"after it: {each!r}" for each in group.told]


async def begin(group: Watched, plans: list[dict[str, Any]], refs: list[Any]) -> None:
    """Start all stages of a plan."""
    for number, plan in enumerate(plans):
        is_read = any(number in each["to"] for each in plans)
        kind = (Middle if is_read else Sink) if plan["to"] else Root
        subscribe_to = [Subscribe(refs[up], cancel=mode) for up, mode in plan["to"].items()]

        def make(kind: Any = kind, number: int = number, plan: Any = plan) -> Any:
            return kind(group, number, plan)

        stage = make if plan["fresh"] else make()
        name = f"stage {number}"
        start = group.start(stage, subscribe_to=subscribe_to, restart=plan["word"], name=name)
        refs.append(await start)


async def check_that_all_is_as_before(
    group: Watched, plans: list[dict[str, Any]], refs: list[Any]
) -> None:
    """Addresses are valid, and what one stage emits comes once to all that read it."""
    up = group.model.up
    readers = {number: {n for n, each in enumerate(plans) if number in each["to"]} for number in up}
    for number in up:
        assert await refs[number].call("alive") == ("alive", number)
        refs[number].cast([number])
    await settled()
    for number in up:
        if readers[number] and not readers[number] & up:
            continue  # nobody asks it for anything, and so it asks nobody
        assert group.members[number].seen == Counter(up & plans[number]["to"].keys())
