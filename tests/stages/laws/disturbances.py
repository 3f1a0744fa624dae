"""What may happen to stages while events flow: told by anyone, at any time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from hypothesis import strategies as st
from laws.graphs import choices
from laws.ledger import Ledger
from laws.recorded import Source

from flowlike import StageStopped

CRASH = ("crash",)
ALL = ("crash", "crash", "cancel", "cancel_consumer", "stop", "finish", "accumulate", "forward")


def disturbances(*kinds: str) -> Any:
    """Lists of: seconds to wait (``None``: a turn or two), what to do, and two numbers."""
    waits = st.sampled_from([None, None, 0.001, 0.02, 0.5])
    return st.lists(st.tuples(waits, st.sampled_from(kinds), choices, choices), max_size=8)


class Disturber:
    """Does to the stages of a ledger what :func:`disturbances` has drawn."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._tasks: list[asyncio.Task[Any]] = []

    async def disturb(self, plan: list[Any]) -> None:
        for wait, what, first, second in plan:
            for _ in range(first % 3 if wait is None else 1):
                await asyncio.sleep(wait or 0)  # noqa: TID251 - virtual
            stages = [each for each in self.ledger.stages if each.lives()]
            if stages:
                getattr(self, what)(stages[second % len(stages)], first)
            self.ledger.check()

    async def stop_all(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Stop what lives; nothing hangs.

        Args:
            tasks: of :meth:`Built.begin`.
        """
        for stage in self.ledger.stages:
            if stage.starts:
                self.stop(stage, 0)
        async with asyncio.timeout(600):
            await asyncio.gather(*tasks)
            await self.done()

    async def done(self) -> None:
        """Wait for what was begun."""
        await asyncio.gather(*self._tasks)

    def crash(self, stage: Any, number: int) -> None:
        stage.ref.send("crash")

    def cancel(self, stage: Any, number: int) -> None:
        if stage.subscriptions:
            self._later(stage.subscriptions[number % len(stage.subscriptions)].cancel())

    def cancel_consumer(self, stage: Any, number: int) -> None:
        if stage.consumers:
            self._later(stage.consumers[number % len(stage.consumers)].cancel())

    def stop(self, stage: Any, number: int) -> None:
        self._later(stage.ref.stop())

    def finish(self, stage: Any, number: int) -> None:
        stage.finish()

    def accumulate(self, stage: Any, number: int) -> None:
        if isinstance(stage, Source):
            stage.ref.set_demand("accumulate")

    def forward(self, stage: Any, number: int) -> None:
        if isinstance(stage, Source):
            stage.ref.set_demand("forward")

    def call(self, stage: Any, number: int) -> None:
        self._later(stage.ref.call("hello", timeout=60))

    def _later(self, wait: Any) -> None:
        async def quietly() -> None:
            with contextlib.suppress(StageStopped):
                await wait

        self._tasks.append(asyncio.create_task(quietly()))
