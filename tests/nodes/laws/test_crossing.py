"""The laws of stages hold over nodes, whatever links do to the order of things between them."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from laws.crossing import CrossingLedger, Spread
from laws.disturbances import ALL, Disturber, disturbances
from laws.graphs import graphs, seeds

from flowlike import NodeLost
from flowlike.testing import run

places = st.integers(2, 3).flatmap(lambda n: st.lists(st.integers(0, n - 1), min_size=n))


async def end(ledger: CrossingLedger, disturber: Disturber, tasks: list[Any]) -> None:
    """Stop what lives; nothing hangs, and what was lost adds up."""
    await ledger.joined.quiet()
    ledger.check(settled=True)
    await disturber.stop_all(tasks)
    await ledger.joined.quiet()
    ledger.check()
    ledger.check_links()
    assert all(stage.ref._stage.ended.done() for stage in ledger.stages)
    for node in ledger.joined.nodes:
        assert not any(each._ends for each in node._neighbours.values()), "nothing is forgotten"


@given(graph=graphs(), places=places, seed=seeds)
def test_while_everyone_lives_nothing_is_lost_or_doubled_and_everything_ends(
    graph: list[dict[str, Any]], places: list[int], seed: int
) -> None:
    async def main() -> None:
        ledger = CrossingLedger(seed, 3, places)
        with ledger.tapping():
            tasks = await Spread(ledger, graph).begin()
            async with asyncio.timeout(600):
                await asyncio.gather(*tasks)
            await ledger.joined.quiet()
            ledger.check_that_all_ended_well()
        assert [node.lost for node in ledger.joined.nodes] == [0, 0, 0]

    run(main(), seed=seed, patience=0.5)


@given(graph=graphs(calm=False), places=places, plan=disturbances(*ALL), seed=seeds)
def test_what_is_lost_is_counted(
    graph: list[dict[str, Any]], places: list[int], plan: list[Any], seed: int
) -> None:
    async def main() -> None:
        ledger = CrossingLedger(seed, 3, places)
        disturber = Disturber(ledger)
        with ledger.tapping():
            tasks = await Spread(ledger, graph).begin()
            await disturber.disturb(plan)
            await end(ledger, disturber, tasks)

    run(main(), seed=seed, patience=0.5)


@given(
    graph=graphs(calm=False),
    places=places,
    plan=disturbances("lose", "cut", "crash", "cancel", "stop"),
    seed=seeds,
)
def test_a_link_that_is_lost_at_any_moment_ends_what_depends_on_it(
    graph: list[dict[str, Any]], places: list[int], plan: list[Any], seed: int
) -> None:
    async def main() -> None:
        ledger = CrossingLedger(seed, 3, places)
        disturber = Cutter(ledger)
        with ledger.tapping():
            beginning = asyncio.create_task(Spread(ledger, graph).begin())
            await disturber.disturb(plan)
            async with asyncio.timeout(600):
                tasks = await beginning
            await end(ledger, disturber, tasks)

    run(main(), seed=seed, patience=0.5)


class Cutter(Disturber):
    """Breaks links, too."""

    ledger: CrossingLedger

    def cut(self, stage: Any, number: int) -> None:
        links = list(self.ledger.joined.links.values())
        links[number % len(links)].cut(keep=number % 2 == 0)

    def lose(self, stage: Any, number: int) -> None:
        nodes = self.ledger.joined.nodes
        one, two = [(0, 1), (1, 2), (2, 0)][number % 3]
        nodes[one].lose(two, NodeLost(f"node {two} is given up"))
