"""How many restarts are too many."""

from __future__ import annotations

from collections import deque

from flowlike.options import check_count, check_seconds

__all__ = ["RESTARTS", "RestartLimit", "is_restarted"]

RESTARTS = ("permanent", "transient", "temporary")
"""The restart words of OTP; see :func:`is_restarted`."""


def is_restarted(restart: str, crashed: bool) -> bool:
    """Whether what has ended is to be started again.

    "permanent": always; "transient": after a crash; "temporary": never.
    """
    return restart == "permanent" or (restart == "transient" and crashed)


class RestartLimit:
    """Allows at most ``max_restarts`` restarts within ``within`` seconds. A plain value: no clock.

    Args:
        max_restarts: so many are allowed.
        within: in so many seconds.

    Raises:
        TypeError: they are no number.
        ValueError: a negative number of restarts, or no time.
    """

    __slots__ = ("_restarts", "max_restarts", "within")

    def __init__(self, max_restarts: int, within: float) -> None:
        self.max_restarts = check_count("max_restarts", max_restarts, least=0)
        self.within = check_seconds("within", within)
        self._restarts: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Count one restart at the time ``now``; false if it is one too many."""
        restarts = self._restarts
        while restarts and restarts[0] <= now - self.within:
            restarts.popleft()
        restarts.append(now)
        return len(restarts) <= self.max_restarts

    def note(self, who: str) -> str:
        """What to add to the exception that was one too many."""
        return f"{who} were restarted more than {self.max_restarts} times within {self.within} s"
