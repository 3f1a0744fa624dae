"""Waiting until something is so: what both probes are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flowlike.testing.virtual_loop import VirtualLoop

__all__ = ["Watch", "settled_if_virtual"]


class Watch:
    """Tells those who wait for a condition that something has changed."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def changed(self) -> None:
        """Let everybody look at their condition again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait at most ``within`` seconds; whether the condition has become true."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within):
                while not condition():
                    waiter = loop.create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            return condition()
        return True


async def settled_if_virtual() -> None:
    """Let everything run that can, where a loop knows when that is done."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        await loop.settled()
