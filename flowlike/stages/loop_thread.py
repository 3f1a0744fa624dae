"""Stages belong to one event loop, and so to one thread; whoever comes from another is told."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from threading import get_ident

__all__ = ["check_thread"]


def check_thread(thread: int, loop: AbstractEventLoop, what: str, instead: str) -> None:
    """Where another thread runs ``loop``, a call would be lost on it until it happens to wake.

    Args:
        thread: the one in which the stage was started; there nothing more needs to be asked.
        loop: of the stage.
        what: was called.
        instead: what to call in its place.

    Raises:
        RuntimeError: the loop runs in another thread.
    """
    if get_ident() == thread or asyncio._get_running_loop() is loop:
        return
    if loop.is_running():
        raise RuntimeError(
            f"{what} was called in another thread than that of the stage; call {instead} there"
        )
