"""What a group does when a stage has ended, as a plain value: the model of the strategies."""

from __future__ import annotations

import math
from typing import Any


class Strategy:
    """Told who has ended and when, names those to stop and those to start again.

    Args:
        name: of the strategy.
        words: the restart word of each stage, in the order of their start.
        most: so many restarts are allowed ...
        within: ... in so many seconds.
        backoff: seconds between the last end and the start.

    Attributes:
        up: who runs.
        due: when each of the others is to be started; for ever: others have to end before.
        failed: what ended the group, and whose reason that was.
    """

    def __init__(
        self, name: str, words: list[str], most: int, within: float, backoff: float
    ) -> None:
        self.name, self.words = name, words
        self.most, self.within, self.backoff = most, within, backoff
        self.up = set(range(len(words)))
        self.ending: set[int] = set()
        self.due: dict[int, float] = {}
        self.failed: tuple[int, Any] | None = None
        self._counted: list[float] = []
        self._crash: Any = None
        self._fallen: set[int] = set()

    def ended(self, who: int, reason: Any, now: float) -> list[int]:
        """A stage has ended; who is to be stopped now, in order."""
        self.up.discard(who)
        crash = None if isinstance(reason, str) else reason
        stopped: list[int] = []
        if who in self.ending:
            self.ending.remove(who)
        elif self.words[who] == "permanent" or (self.words[who] == "transient" and crash):
            if crash is None or crash is not self._crash or who in self._fallen:
                self._crash, self._fallen = crash, set()
                self._counted.append(now)
            self._fallen.add(who)
            if sum(now - self.within < time for time in self._counted) > self.most:
                self.failed = (who, reason)
                return []
            scope = [who]
            if self.name != "one_for_one":
                first = who if self.name == "rest_for_one" else 0
                scope = [*range(first, len(self.words))]
                stopped = [each for each in reversed(scope) if each in self.up]
            self.ending.update(stopped)
            self.due |= {each: math.inf for each in scope if self.words[each] != "temporary"}
        if not self.ending:
            self.due |= {
                each: now + self.backoff for each, at in self.due.items() if at == math.inf
            }
        return stopped

    def started(self, who: int, now: float) -> None:
        """A stage is started again."""
        assert abs(self.due[who] - now) < 1e-5, f"{who} is due at {self.due[who]}, not {now}"
        if self.name != "one_for_one":
            assert who == min(self.due), f"{min(self.due)} is started before {who}"
        del self.due[who]
        self.up.add(who)

    def check(self, now: float) -> None:
        """Nobody is overdue."""
        assert all(at > now for at in self.due.values()), f"at {now} due are {self.due}"
