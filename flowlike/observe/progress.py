"""The progress bar of a run, drawn by rich (the extra ``flowlike[progress]``)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["ProgressBar"]

INTERVAL = 0.1
"""Seconds between two looks at the counts."""


class ProgressBar:
    """Shows on stderr how many events were read, of how many if that is known, and how fast.

    Args:
        count: how many events were read so far.
        total: how many there are, if known.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """

    def __init__(self, count: Callable[[], int], total: int | None) -> None:
        self._count = count
        self._total = total
        self._progress = _new_progress()
        self._task = self._progress.add_task("events", total=total, rate=0.0)
        self._timer: asyncio.TimerHandle | None = None
        self._started = 0.0

    def start(self) -> None:
        """Draw it now and every tenth of a second, from the running loop."""
        self._started = perf_counter()
        self._progress.start()
        self._draw()

    def stop(self) -> None:
        """Draw the last state and leave it there. Does nothing the second time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._update()
            self._progress.stop()

    def _draw(self) -> None:
        self._update()
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._draw)

    def _update(self) -> None:
        count = self._count()
        rate = count / max(perf_counter() - self._started, 1e-9)
        self._progress.update(self._task, completed=count, rate=rate, refresh=True)


def _new_progress() -> Progress:
    try:
        # Lazily: rich is an extra, and only who wants a bar needs it.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "progress=True needs rich: pip install 'flowlike[progress]'"
        ) from error
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} events/s"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
    )
