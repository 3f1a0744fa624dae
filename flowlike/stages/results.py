"""What callbacks return: one batch, several, something to await, or something else."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

import numpy as np

from flowlike.stages.later import Later
from flowlike.stages.stage import Batches

__all__ = ["AT_HAND", "LISTS", "is_awaitable"]

LISTS = frozenset((list, range))
"""Types that are one batch, and nobody's subclass."""

AT_HAND = LISTS | {Batches, np.ndarray, type(None)}
"""Types that callbacks mostly return, and nobody awaits."""


def is_awaitable(result: Any) -> bool:
    """True for what a coroutine function returns, and for whatever else can be awaited."""
    kind = type(result)
    return kind is CoroutineType or isinstance(result, Later) or hasattr(kind, "__await__")
