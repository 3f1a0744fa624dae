"""What each operator does, one event after the other: no stages, batches, demand or timers.

A state is the list of the events that a reduce has taken since it began anew, and a window has
the events that its kind gives it. What happens to a replica is a log: ``(now, producer, event)``
in order, where an ``event`` of ``END`` is the producer's end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import floor, inf
from typing import Any, NamedTuple

END: Any = object()
Events = list[Any]
Log = list[tuple[float, int, Any]]


def flat_map(events: Events, fn: Callable[[Any], Iterable[Any]]) -> Events:
    return [each for event in events for each in fn(event)]


def unique(events: Events, key: Callable[[Any], Any]) -> Events:
    first: dict[Any, Any] = {}
    for event in events:
        first.setdefault(key(event), event)
    return list(first.values())


def group_by(events: Events, key: Callable[[Any], Any]) -> dict[Any, Events]:
    groups: dict[Any, Events] = {}
    for event in events:
        groups.setdefault(key(event), []).append(event)
    return groups


def join(left: Events, right: Events, key: Callable[[Any], Any], how: str) -> Events:
    lefts, rights = ({key(event) for event in side} for side in (left, right))
    pairs = [(one, other) for one in left for other in right if key(one) == key(other)]
    if how in ("left", "outer"):
        pairs += [(one, None) for one in left if key(one) not in rights]
    if how in ("right", "outer"):
        pairs += [(None, other) for other in right if key(other) not in lefts]
    return pairs


def take_sort(events: Events, n: int, key: Callable[[Any], Any], reverse: bool) -> Events:
    return sorted(events, key=key, reverse=reverse)[:n]


def route(events: Events, hash: Callable[[Any], int | None], stages: int) -> list[Events]:
    return [[event for event in events if hash(event) == number] for number in range(stages)]


class Fired(NamedTuple):
    """What a trigger lets out: the window, the key of a session, the trigger and the state."""

    window_id: Any
    key: Any
    trigger: Any
    state: tuple[Any, ...]


@dataclass(eq=False)
class Open:
    """An open window: from its first time to its end or, of a session, its last time."""

    first: Any
    end: Any
    key: Any = None
    state: Events = field(default_factory=list)
    seen: set[Any] = field(default_factory=set)
    count: int = 0
    changed: bool = False
    due: float | None = None  # when it has been given all late events
    sides: tuple[Events, Events] = field(default_factory=lambda: ([], []))

    def put(self, run: Windows, event: Any, side: int) -> None:
        if run.join is not None:
            met = [each for each in self.sides[1 - side] if each[0] == event[0]]
            self.sides[side].append(event)
            for other in met:
                self.reduce(run, (other, event) if side else (event, other))
        elif run.unique is None or run.unique(event) not in self.seen:
            self.seen.add(run.unique and run.unique(event))
            self.reduce(run, event)

    def reduce(self, run: Windows, event: Any) -> None:
        self.state = [*self.state, event]
        self.changed = True
        self.count += 1
        if run.every is not None and self.count == run.every[0]:
            self.fire(run, ("every", run.every[0]), run.every[1])
        if run.punctuation is not None and run.punctuation[0](event):
            self.fire(run, "punctuation", run.punctuation[1])

    def end_join(self, run: Windows) -> None:
        assert run.join is not None
        for pair in join(*self.sides, lambda event: event[0], run.join):
            if None in pair:
                self.reduce(run, pair)

    def fire(self, run: Windows, trigger: Any, action: str) -> None:
        if trigger == "done" and run.join is not None:
            self.end_join(run)
        run.fired.append(Fired(self.first, self.key, trigger, tuple(self.state)))
        self.changed = False
        if trigger == ("every", run.every and run.every[0]):
            self.count = 0
        if action == "reset":
            self.state = []


@dataclass
class Windows:
    """The windows of one replica: those of a kind say `targets`, `is_over` and `next_end`."""

    producers: int = 1
    every: tuple[int, str] | None = None
    punctuation: tuple[Callable[[Any], bool], str] | None = None
    periodically: tuple[float, str] | None = None
    lateness: tuple[float, str] | None = None
    patience: float | None = None
    unique: Callable[[Any], Any] | None = None
    join: str | None = None  # how; the two producers are its sides
    time: Callable[[Any], Any] = lambda event: event[1]
    open: list[Open] = field(default_factory=list)
    fired: list[Fired] = field(default_factory=list)
    late: Events = field(default_factory=list)

    def run(self, log: Log, end: float) -> list[Fired]:
        self.high = dict.fromkeys(range(self.producers), -inf)
        self.spoke = dict.fromkeys(range(self.producers), 0.0)
        self.ended: set[int] = set()
        self.mark, self.period, self.asked = -inf, inf, -1.0
        for now, producer, event in log:
            self.wait(now)
            if event is END:
                self.ended.add(producer)
                if len(self.ended) < self.producers:  # the last end is that of the input
                    self.move(now)
            else:
                self.take(now, producer, event)
        self.wait(end)
        self.close(list(self.open), "done")
        return self.fired

    def take(self, now: float, producer: int, event: Any) -> None:
        self.high[producer] = max(self.high[producer], self.time(event))
        self.spoke[producer] = now
        self.move(now)
        targets = self.targets(now, event)
        for window in targets:
            window.put(self, event, producer)
        if not targets:
            self.late.append(event)
        self.close([each for each in targets if self.is_full(each)], "done")
        if self.periodically is not None and self.period == inf:
            self.period = (floor(now / self.periodically[0]) + 1) * self.periodically[0]

    def move(self, now: float) -> None:
        idle = {p for p in self.high if self.patience and self.spoke[p] + self.patience <= now}
        counting = [self.high[p] for p in set(self.high) - self.ended - idle]
        self.mark = max(self.mark, min(counting) if counting else max(self.high.values()))
        over = [each for each in self.open if each.due is None and self.is_over(each)]
        if self.lateness is None:
            self.close(over, "done")
            return
        for window in sorted(over, key=lambda each: each.first):
            window.due = now + self.lateness[0]
            window.fire(self, "watermark", self.lateness[1])

    def wait(self, until: float) -> None:
        """All that the clock does, in its order."""
        while (now := self.next_due()) <= until:
            self.close([each for each in self.open if each.due and each.due <= now], "done")
            self.close([each for each in self.open if self.next_end(each) <= now], "done")
            self.move(now)
            if self.periodically is not None and self.period <= now:
                self.period = inf
                for window in sorted(self.open, key=lambda each: each.first):
                    if window.changed:
                        trigger = ("periodically", self.periodically[0])
                        window.fire(self, trigger, self.periodically[1])
            self.asked = now

    def next_due(self) -> float:
        dues = [self.period, *(self.next_end(each) for each in self.open)]
        dues += [each.due for each in self.open if each.due is not None]
        if self.patience is not None:
            quiet = [self.spoke[p] + self.patience for p in set(self.high) - self.ended]
            dues += [due for due in quiet if due > self.asked]
        return min(dues)

    def close(self, windows: list[Open], trigger: str) -> None:
        for window in sorted(windows, key=lambda each: each.first):
            window.fire(self, trigger, "reset")
            self.open.remove(window)

    def targets(self, now: float, event: Any) -> list[Open]:
        raise NotImplementedError

    def is_over(self, window: Open) -> bool:
        return False

    def is_full(self, window: Open) -> bool:
        return False

    def next_end(self, window: Open) -> float:
        return inf


@dataclass
class Global(Windows):
    """One window, which is there from the beginning."""

    def __post_init__(self) -> None:
        self.open = [Open("global", inf)]

    def targets(self, now: float, event: Any) -> list[Open]:
        return self.open


@dataclass
class Count(Windows):
    """``n`` events each."""

    n: int = 1
    taken: int = 0

    def targets(self, now: float, event: Any) -> list[Open]:
        if not self.open:
            self.open = [Open(self.taken // self.n, inf)]
        self.taken += 1
        return list(self.open)

    def is_full(self, window: Open) -> bool:
        return self.taken % self.n == 0


@dataclass
class Periodic(Windows):
    """The events of each ``duration`` of processing time."""

    duration: float = 1.0

    def targets(self, now: float, event: Any) -> list[Open]:
        if not self.open:
            number = floor(now / self.duration)
            self.open = [Open(number, (number + 1) * self.duration)]
        return self.open

    def next_end(self, window: Open) -> float:
        return window.end


@dataclass
class Sliding(Windows):
    """``[k * step, k * step + duration)`` in event time; fixed windows have a step as long."""

    duration: int = 1
    step: int = 1

    def is_over(self, window: Open) -> bool:
        return window.end <= self.mark

    def targets(self, now: float, event: Any) -> list[Open]:
        found = []
        start = self.time(event) // self.step * self.step
        while start + self.duration > self.time(event):
            known = [each for each in self.open if each.first == start]
            if not known and start + self.duration > self.mark:
                known = [Open(start, start + self.duration)]
                self.open += known
            found += known
            start -= self.step
        return found[::-1]


@dataclass
class Sessions(Windows):
    """Events of a key with no more than ``gap`` between two of them."""

    gap: int = 1
    key: Callable[[Any], Any] = lambda event: event[0]

    def is_over(self, window: Open) -> bool:
        return window.end + self.gap < self.mark

    def targets(self, now: float, event: Any) -> list[Open]:
        key, time, gap = self.key(event), self.time(event), self.gap
        near = [w for w in self.open if w.key == key and w.first - gap <= time <= w.end + gap]
        if not near and time + gap < self.mark:
            return []
        near.sort(key=lambda each: each.first)
        one = near[0] if near else Open(time, time, key)
        for other in near[1:]:
            one.state, one.seen = one.state + other.state, one.seen | other.seen
            met = join(one.sides[0], other.sides[1], lambda each: each[0], "inner")
            met += join(other.sides[0], one.sides[1], lambda each: each[0], "inner")
            one.state += met if self.join else []
            one.sides = one.sides[0] + other.sides[0], one.sides[1] + other.sides[1]
            one.changed |= other.changed or bool(met and self.join)
            one.count = (one.count + other.count) % self.every[0] if self.every else 0
        one.first, one.end = min(one.first, time), max([time, *(each.end for each in near)])
        one.due = one.due if self.is_over(one) else None
        self.open = [each for each in self.open if each not in near] + [one]
        return [one]
