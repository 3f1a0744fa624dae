"""Which pictures there are, and who draws each."""

from __future__ import annotations

from collections.abc import Callable

from pictures import (
    chunks,
    demand,
    dispatchers,
    lateness,
    laws,
    lifecycle,
    nodes,
    rooms,
    sessions,
    termination,
    threads,
    triggers,
    watermark,
    windows,
)

__all__ = ["PICTURES"]

PICTURES: dict[str, Callable[[], str]] = {
    "chunks.svg": chunks.draw,
    "demand.svg": demand.draw,
    "dispatchers.svg": dispatchers.draw,
    "lateness.svg": lateness.draw,
    "laws.svg": laws.draw,
    "lifecycle.svg": lifecycle.draw,
    "nodes.svg": nodes.draw,
    "rooms.svg": rooms.draw,
    "sessions.svg": sessions.draw,
    "termination.svg": termination.draw,
    "threads.svg": threads.draw,
    "triggers.svg": triggers.draw,
    "watermark.svg": watermark.draw,
    "windows.svg": windows.draw,
}
