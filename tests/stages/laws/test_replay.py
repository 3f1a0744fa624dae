"""A seed repeats everything: every message between stages, in the same order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from laws.disturbances import ALL, Disturber, disturbances
from laws.graphs import Built, fewer, graphs, pass_time, seeds
from laws.ledger import Ledger, TappedGroup

from flowlike.testing import run


def messages(graph: list[dict[str, Any]], plan: list[Any], seed: int) -> list[Any]:
    """What the stages of a graph are told and given, and what they count in the end."""
    ledger = Ledger(seed)

    async def main() -> None:
        disturber = Disturber(ledger)
        async with TappedGroup(ledger, "one_for_one", max_restarts=10_000) as group:
            await Built(ledger, graph).begin_in(group)
            await disturber.disturb(plan)
            await pass_time(1)
        await disturber.done()

    run(main(), seed=seed, patience=0.5)
    counts = [stage.ref.counts()._replace(busy=0) for stage in ledger.stages]
    return [ledger.messages, list(ledger.delivered.values()), counts]


@fewer
@given(graph=graphs(calm=False), plan=disturbances(*ALL), seed=seeds)
def test_the_same_seed_gives_the_same_messages(
    graph: list[dict[str, Any]], plan: list[Any], seed: int
) -> None:
    assert messages(graph, plan, seed) == messages(graph, plan, seed)
