"""Whoever ends, exactly the events in it and on their way to it are lost, and all are counted.

In a stage are, when it ends: the batch of a callback that does not come to its end, what waits
to be handled, and what waits in the buffer or the dispatcher for someone to ask. On their way to it
is what its producers send before they hear of its end.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from laws.disturbances import ALL, CRASH, Disturber, disturbances
from laws.graphs import Built, fewer, graphs, pass_time, seeds
from laws.ledger import Ledger, TappedGroup

from flowlike.testing import run, settled

strategies = st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])
backoffs = st.sampled_from([0, 0.1])


@given(graph=graphs(calm=False), plan=disturbances(*ALL), seed=seeds)
def test_what_is_lost_is_counted(graph: list[dict[str, Any]], plan: list[Any], seed: int) -> None:
    async def main() -> None:
        ledger = Ledger(seed)
        disturber = Disturber(ledger)
        tasks = await Built(ledger, graph).begin()
        await disturber.disturb(plan)
        await settled()
        ledger.check(settled=True)
        await disturber.stop_all(tasks)
        ledger.check()
        assert all(stage.ref._stage.ended.done() for stage in ledger.stages)

    run(main(), seed=seed, patience=0.5)


@given(
    strategy=strategies,
    graph=graphs(calm=False),
    plan=disturbances(*ALL),
    seed=seeds,
    backoff=backoffs,
)
def test_what_is_lost_is_counted_over_all_restarts(
    strategy: str, graph: list[dict[str, Any]], plan: list[Any], seed: int, backoff: float
) -> None:
    async def main() -> None:
        ledger = Ledger(seed)
        disturber = Disturber(ledger)
        options = {"max_restarts": 10_000, "backoff": backoff}
        async with TappedGroup(ledger, strategy, **options) as group:
            await Built(ledger, graph).begin_in(group)
            await disturber.disturb(plan)
            await settled()
            ledger.check(settled=True)
            await pass_time(5)
            await settled()
            ledger.check(settled=True)
        await disturber.done()
        ledger.check()
        assert all(stage.ref._stage.ended.done() for stage in ledger.stages)

    run(main(), seed=seed, patience=0.5)


@fewer
@given(strategy=strategies, graph=graphs(calm=False), plan=disturbances(*CRASH), seed=seeds)
def test_after_any_number_of_crashes_everything_still_ends_by_itself(
    strategy: str, graph: list[dict[str, Any]], plan: list[Any], seed: int
) -> None:
    async def main() -> None:
        ledger = Ledger(seed)
        disturber = Disturber(ledger)
        async with TappedGroup(ledger, strategy, max_restarts=10_000) as group:
            await Built(ledger, graph).begin_in(group)
            await disturber.disturb(plan)
            async with asyncio.timeout(600):
                await group.wait()
        ledger.check()
        for stage in ledger.stages:
            assert stage.starts == stage.stops
            assert stage.reason == "normal"

    run(main(), seed=seed, patience=0.5)
