"""Which pictures there are, and who draws each."""

from __future__ import annotations

from collections.abc import Callable

from pictures import demand, dispatchers, laws, lifecycle, termination

__all__ = ["PICTURES"]

PICTURES: dict[str, Callable[[], str]] = {
    "demand.svg": demand.draw,
    "dispatchers.svg": dispatchers.draw,
    "laws.svg": laws.draw,
    "lifecycle.svg": lifecycle.draw,
    "termination.svg": termination.draw,
}
