"""Which pictures there are, and who draws each."""

from __future__ import annotations

from collections.abc import Callable

from pictures import (
    demand,
    dispatchers,
    lateness,
    laws,
    lifecycle,
    nodes,
    sessions,
    termination,
    triggers,
    watermark,
    windows,
)

__all__ = ["PICTURES"]

PICTURES: dict[str, Callable[[], str]] = {
    "demand.svg": demand.draw,
    "dispatchers.svg": dispatchers.draw,
    "lateness.svg": lateness.draw,
    "laws.svg": laws.draw,
    "lifecycle.svg": lifecycle.draw,
    "nodes.svg": nodes.draw,
    "sessions.svg": sessions.draw,
    "termination.svg": termination.draw,
    "triggers.svg": triggers.draw,
    "watermark.svg": watermark.draw,
    "windows.svg": windows.draw,
}
