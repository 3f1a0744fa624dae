"""What a source is told when its flow is to end and nothing of what was read may be lost."""

from __future__ import annotations

__all__ = ["Drain"]


class Drain:
    """A cast to a source: read no further, send what was read, and finish."""

    __slots__ = ()
