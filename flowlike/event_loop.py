"""The event loop that flows run on."""

from __future__ import annotations

import asyncio

__all__ = ["new_event_loop"]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - 15 ms that only who runs a flow pays
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
