"""Two sides do the same tasks in turns."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from rivals.side import Side, SideError
from rivals.tasks import Task

__all__ = ["Duel", "Turns", "compare"]

LONG_ENOUGH = 0.4
"""Seconds that a task should take; and four times as much to do has to take twice as long, so that
what it costs to start is the smaller part."""

MANY = 10
"""Times as many runs of a task that is over in milliseconds."""

ENOUGH = 15.0
"""Seconds: a library that has taken so long in all has no more turns."""


@dataclass(slots=True)
class Turns:
    """What one side of a duel took.

    Args:
        size: of the input.
        seconds: of every run.
    """

    size: int
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """How much was done in a second."""
        return self.size / self.median


@dataclass(frozen=True, slots=True)
class Duel:
    """A library and flowlike at the same task.

    Args:
        task: its name.
        flowlike: what flowlike took.
        rival: what the library took; None where it cannot do the task.
        how: how the library does it.
        cannot: why it does not.
    """

    task: str
    flowlike: Turns
    rival: Turns | None
    how: str = ""
    cannot: str = ""

    @property
    def ratio(self) -> float | None:
        """How fast the library is as a multiple of flowlike: above 1 it is faster."""
        return None if self.rival is None else self.rival.rate / self.flowlike.rate


def compare(task: Task, flowlike: Side, rival: Side, runs: int, most: int | None = None) -> Duel:
    """Both sides do a task in turns.

    Each side has as much to do as takes it long enough, at most the largest size of the task; so a
    slow library is measured with fewer events, and neither by what it costs to start.

    Args:
        task: which one.
        flowlike: one side.
        rival: the other side.
        runs: how often, at most.
        most: in place of the task's largest size.

    Raises:
        SideError: flowlike has failed.
    """
    ability = rival.abilities[task.name]
    ours = Turns(_size(task, flowlike, most))
    theirs: Turns | None = None
    cannot = ability.get("cannot", "")
    if not cannot:
        try:
            theirs = Turns(_size(task, rival, most))
        except SideError as error:
            cannot = str(error)
    for _ in range(MANY * runs if task.unit == "ms" else runs):
        ours.seconds.append(flowlike.seconds(task.name, ours.size))
        if theirs is not None:
            try:
                theirs.seconds.append(rival.seconds(task.name, theirs.size))
            except SideError as error:
                cannot, theirs = str(error), None
        if theirs is not None and sum(theirs.seconds) > ENOUGH:
            break
    return Duel(task.name, ours, theirs, ability.get("how", ""), cannot)


def _size(task: Task, side: Side, most: int | None) -> int:
    size, largest = task.sizes
    if most is not None:
        largest = min(largest, most)
    size = min(size, largest)
    side.seconds(task.name, size)  # The first time, pools are started and modules imported.
    before, seconds = math.inf, side.seconds(task.name, size)
    while size < largest and (seconds < LONG_ENOUGH or seconds < 2 * before):
        size = min(4 * size, largest)
        before, seconds = seconds, side.seconds(task.name, size)
    return size
