"""While everyone lives, nothing is lost or doubled, and everything ends by itself."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from laws.graphs import Built, graphs, seeds
from laws.ledger import Ledger

from flowlike.testing import run


@given(graph=graphs(), seed=seeds)
def test_while_everyone_lives_nothing_is_lost_or_doubled_and_everything_ends(
    graph: list[dict[str, Any]], seed: int
) -> None:
    async def main() -> None:
        ledger = Ledger(seed)
        tasks = await Built(ledger, graph).begin()
        async with asyncio.timeout(600):
            await asyncio.gather(*tasks)
        ledger.check_that_all_ended_well()

    run(main(), seed=seed, patience=0.5)
