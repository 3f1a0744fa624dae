"""Random graphs of recorded stages, and what may happen to them."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from laws.dispatching import DISPATCHERS, dispatcher, partition
from laws.ledger import Ledger
from laws.recorded import Middle, Sink, Source

from flowlike import StageGroup, Subscribe

seeds = st.integers(0, 1 << 30)
paces = st.sampled_from([None, None, 0, 0.001, 0.02])
kinds = st.sampled_from(["pull", "pieces", "excess"])
dispatchers = st.sampled_from(sorted(DISPATCHERS))
cancels = st.sampled_from(["permanent", "transient", "temporary"])
tags = st.sampled_from([None, None, "asking"])
demands = st.one_of(
    st.just({"max_demand": "auto"}),
    st.integers(1, 12).flatmap(
        lambda most: st.integers(0, most - 1).map(
            lambda least: {"max_demand": most, "min_demand": least}
        )
    ),
)
choices = st.integers(0, 50)

fewer = settings(max_examples=max(1, settings.default.max_examples // 4))
"""For laws whose single example takes long: a part of what the profile says."""

buffers = st.sampled_from([math.inf, math.inf, 5])
keeps = st.sampled_from(["first", "last"])


@st.composite
def graphs(draw: Any, *, calm: bool = True) -> list[dict[str, Any]]:
    """Stages in order; each subscribes to some before it, and each that emits has a consumer.

    ``calm``: every one can live until all have finished.
    """
    options = {"tag": tags} if calm else {"tag": tags, "cancel": cancels}
    links = st.builds(
        lambda demand, rest: {**demand, **rest}, demands, st.fixed_dictionaries(options)
    )
    stages: list[dict[str, Any]] = [
        {"make": Source, "kind": draw(kinds), "limit": draw(st.integers(0, 60)), "to": {}}
        for _ in range(draw(st.integers(1, 4)))
    ]
    for _ in range(draw(st.integers(0, 3))):
        to = draw(st.sets(st.integers(0, len(stages) - 1), min_size=1, max_size=3))
        stages.append({"make": Middle, "to": {up: draw(links) for up in sorted(to)}})
    emitters = len(stages)
    for _ in range(draw(st.integers(1, 3))):
        to = draw(st.sets(st.integers(0, emitters - 1), min_size=1, max_size=3))
        stages.append({"make": Sink, "to": {up: draw(links) for up in sorted(to)}})
    for up in range(emitters):
        if not any(up in stage["to"] for stage in stages):
            stages[-1]["to"][up] = draw(links)
    for index, stage in enumerate(stages):
        stage["selected"] = draw(st.sampled_from([None, None, 2, 3]))
        stage["pace"] = draw(paces)
        stage["buffer"], stage["keep"] = draw(buffers), draw(keeps)
        stage["fails_at"] = 0 if calm else draw(st.sampled_from([0, 0, 0, 2, 5]))
        consumers = sum(index in each["to"] for each in stages)
        fitting = [name for name in sorted(DISPATCHERS) if _fits(name, consumers, calm)]
        stage["dispatcher"] = draw(st.sampled_from(fitting))
    return stages


def _fits(name: str, consumers: int, calm: bool) -> bool:
    """Whether no event waits for ever for a partition that nobody has."""
    parts = {"careful": 2, "partition": 2, "named": 3}.get(name)
    return (parts is None or parts == consumers) and not (calm and name == "careful")


class Built:
    """The stages of a graph, made one after the other.

    Args:
        ledger: of all of them.
        graph: as :func:`graphs` draws it.
    """

    def __init__(self, ledger: Ledger, graph: list[dict[str, Any]]) -> None:
        self.ledger = ledger
        self.graph = graph
        self._taken: Counter[int] = Counter()

    def stage(self, plan: dict[str, Any]) -> Any:
        """A stage that was not started yet."""
        if plan["make"] is Source:
            stage: Any = Source(self.ledger, plan["pace"], plan["kind"], plan["limit"])
        else:
            stage = plan["make"](self.ledger, plan["pace"])
        if plan["make"] is not Sink:
            stage.dispatcher = dispatcher(plan["dispatcher"])
            stage.buffer_size, stage.buffer_keep = plan["buffer"], plan["keep"]
        stage.fails_at = plan["fails_at"]
        return stage

    def subscriptions(self, plan: dict[str, Any]) -> list[Subscribe]:
        """What it subscribes to; those stages have been started."""
        subscribe_to = []
        for up, options in plan["to"].items():
            to: Any = self.ledger.stages[up]
            place = partition(to, self._taken[up])
            self._taken[up] += 1
            modulus = plan["selected"] if to.dispatcher.broadcasts else None
            selector = modulus and (lambda event, modulus=modulus: event % modulus)
            ref = self.ref(to, plan)
            subscribe_to.append(Subscribe(ref, partition=place, selector=selector, **options))
        return subscribe_to

    def ref(self, to: Any, plan: dict[str, Any]) -> Any:
        """Another stage, as the one of the plan sees it."""
        return to.ref

    async def begin(self) -> list[asyncio.Task[Any]]:
        """Start all stages, each in a group of its own, and let events flow."""
        tasks = []
        for plan in self.graph:
            stage = self.stage(plan)
            started = asyncio.Event()
            opening = self.ledger.hold_stage(stage, self.subscriptions(plan), started)
            tasks.append(asyncio.create_task(opening))
            await started.wait()
        await self.forward()
        return tasks

    async def begin_in(self, group: StageGroup) -> None:
        """Start all stages in one group, which starts them again, and let events flow."""
        for plan in self.graph:
            stage, subscribe_to = self.stage(plan), self.subscriptions(plan)
            await group.start(stage, subscribe_to=subscribe_to, restart="transient")
        await self.forward()

    async def forward(self) -> None:
        """All have subscribed: let events flow."""
        for stage in self.ledger.stages:
            if isinstance(stage, Source):
                await stage.ref.demand("forward")


async def pass_time(seconds: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)  # noqa: TID251 - virtual
