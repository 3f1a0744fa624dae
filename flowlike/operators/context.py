"""What a function after a reduce is told about the trigger that fired."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

__all__ = ["TriggerContext"]


@dataclass(frozen=True, slots=True)
class TriggerContext:
    """Where and why a window fired.

    Attributes:
        partition: the replica, from 0.
        partitions: how many replicas the layer has.
        window: the kind of the window, such as "global".
        window_id: which window of that kind; "global" for the global one.
        key: the key of a session, else None.
        trigger: "done", "watermark", ``("every", n)``, ``("periodically", seconds)`` or
            the name that a punctuation trigger gave.
    """

    partition: int
    partitions: int
    window: str
    window_id: Any
    key: Hashable
    trigger: Any
