"""The options that every way to run a flow takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flowlike.flow.runner import Runner
from flowlike.options import check_seconds

__all__ = ["RunOptions"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one run is done.

    Args:
        runner: where; ``None``: here, as with ``LocalRunner()``.
        progress: whether a progress bar is drawn on stderr.
        timeout: seconds for the whole run; ``None``: no limit.

    Raises:
        TypeError: one of them is of the wrong type.
        ValueError: ``timeout`` is 0 or less.
    """

    runner: Runner | None = None
    progress: bool = False
    timeout: float | timedelta | None = None

    def __post_init__(self) -> None:
        runner = self.runner
        if runner is not None and (isinstance(runner, type) or not isinstance(runner, Runner)):
            raise TypeError(
                f"runner must be a runner such as LocalRunner(), not {self.runner!r:.80}"
            )
        if self.timeout is not None:
            check_seconds("timeout", self.timeout)

    @property
    def workers(self) -> int | None:
        """How many processes there are for the replicas of a layer; ``None``: this one."""
        return None if self.runner is None else self.runner.workers

    @property
    def seconds(self) -> float | None:
        """The timeout in seconds."""
        return None if self.timeout is None else check_seconds("timeout", self.timeout)
