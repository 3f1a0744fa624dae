"""What the windows of real flows fired, and when, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

from flowlike import Flow, TriggerContext
from flowlike.testing import run

__all__ = ["Fired", "arriving", "now", "record_firing"]


class Fired(NamedTuple):
    """A window that fired.

    Attributes:
        time: of the clock, in seconds.
        window_id: which window.
        trigger: why.
        state: what it had.
    """

    time: float
    window_id: Any
    trigger: Any
    state: Any


def now() -> float:
    """The time of the virtual clock."""
    return asyncio.get_running_loop().time()


async def arriving(table: Iterable[tuple[float, Any]], end: float) -> AsyncIterator[Any]:
    """A source that gives each event at its time, ``(seconds, event)``, and ends at ``end``."""
    for seconds, event in table:
        await asyncio.sleep(seconds - now())
        yield event
    await asyncio.sleep(end - now())


def record_firing(flow: Flow[Any]) -> list[Fired]:
    """Run a flow that ends with a reduce; all that its windows fire, in order."""
    fired: list[Fired] = []

    def note(state: Any, ctx: TriggerContext) -> None:
        fired.append(Fired(now(), ctx.window_id, ctx.trigger, state))

    run(flow.each_state(note).arun())
    return fired
