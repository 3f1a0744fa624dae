"""Random windows with their triggers, twice: as the library's and as the reference's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from laws import reference
from laws.reference import END

from flowlike import (
    Continue,
    CountWindow,
    Fire,
    FixedWindow,
    GlobalWindow,
    PeriodicWindow,
    SessionWindow,
    SlidingWindow,
)

# Events are (key, time, number). Instants are whole seconds and all durations of processing time
# are odd eighths, so that the clock and an event never come at once.
KEYS = 4
actions = st.sampled_from(["keep", "reset"])
eighths = st.integers(2, 60).map(lambda n: n + 0.125)
kinds = st.one_of(
    st.tuples(st.just("global")),
    st.tuples(st.just("count"), st.integers(1, 8)),
    st.tuples(st.just("periodic"), eighths),
    st.tuples(st.just("fixed"), st.integers(1, 20)),
    st.tuples(st.just("sliding"), st.integers(1, 8), st.integers(0, 12)),
    st.tuples(st.just("session"), st.integers(1, 9)),
)
rare = partial(st.one_of, st.none(), st.none())
windows = st.fixed_dictionaries(
    {
        "kind": kinds,
        "cutting": st.one_of(
            st.none(),
            st.tuples(st.just("every"), st.integers(1, 6), actions),
            st.tuples(st.just("punctuation"), st.integers(2, 6), actions),
        ),
        "periodically": rare(st.tuples(eighths.map(lambda n: n + 0.25), actions)),
        "lateness": rare(st.tuples(eighths.map(lambda n: n + 0.5), actions)),
        "patience": rare(eighths.map(lambda n: n + 0.0625)),
    }
)
BY_TIME = ("fixed", "sliding", "session")


def fives(n: int, action: str) -> Callable[[Any, Any], Any]:
    """A punctuation after each event whose number is a multiple of n."""

    def decide(batch: Any, seen: int) -> Any:
        for place, event in enumerate(batch):
            if event[2] % n == 0:
                taken = place + 1
                return Fire("punctuation", batch[:taken], batch[taken:], seen + taken, action)
        return Continue(seen + len(batch))

    return decide


def described(given: dict[str, Any], late: list[Any]) -> Any:
    """The library's window."""
    window: Any
    match given["kind"]:
        case ("global",):
            window = GlobalWindow()
        case ("count", n):
            window = CountWindow(n)
        case ("periodic", duration):
            window = PeriodicWindow(duration)
        case ("fixed", duration):
            window = FixedWindow(duration, by=1)
        case ("sliding", step, more):
            window = SlidingWindow(step + more, step, by=1)
        case (_, gap):
            window = SessionWindow(gap, by=1, key=given.get("key"))
    match given["cutting"]:
        case ("every", n, action):
            window = window.trigger_every(n, action)
        case ("punctuation", n, action):
            window = window.trigger(int, fives(n, action))
    if given["periodically"]:
        window = window.trigger_periodically(*given["periodically"])
    if given["kind"][0] in BY_TIME:
        window = window.on_late(late.append)
        if given["lateness"]:
            window = window.allowed_lateness(*given["lateness"])
        if given["patience"]:
            window = window.idle_timeout(given["patience"])
    return window


def referred(
    given: dict[str, Any], producers: int, unique: Any = None, join: str | None = None
) -> reference.Windows:
    """The reference's."""
    options: dict[str, Any] = {
        "producers": producers,
        "unique": unique,
        "join": join,
        "periodically": given["periodically"],
    }
    match given["cutting"]:
        case ("every", n, action):
            options["every"] = (n, action)
        case ("punctuation", n, action):
            options["punctuation"] = (lambda event, n=n: event[2] % n == 0, action)
    if given["kind"][0] in BY_TIME:
        options |= {name: given[name] for name in ("lateness", "patience")}
    match given["kind"]:
        case ("global",):
            return reference.Global(**options)
        case ("count", n):
            return reference.Count(n=n, **options)
        case ("periodic", duration):
            return reference.Periodic(duration=duration, **options)
        case ("fixed", duration):
            return reference.Sliding(duration=duration, step=duration, **options)
        case ("sliding", step, more):
            return reference.Sliding(duration=step + more, step=step, **options)
        case (_, gap):
            return reference.Sessions(gap=gap, **options)


# What happens: (seconds since the last, producer, key, time), or an end.
steps = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(0, 2),
        st.one_of(
            st.none(),
            st.tuples(st.integers(0, KEYS - 1), st.integers(-10, 50)),
            st.tuples(st.integers(0, KEYS - 1), st.integers(-10, 50)),
            st.tuples(st.integers(0, KEYS - 1), st.integers(-10, 50)),
        ),
    ),
    max_size=40,
)


def log_of(told: list[Any], producers: int) -> reference.Log:
    """Events and ends at whole seconds; two producers never act in the same one."""
    log: reference.Log = []
    now, last, open_ends = 1, 0, set(range(producers))
    for number, (seconds, producer, event) in enumerate(told):
        if producer not in open_ends or (event is None and len(open_ends) == 1):
            continue
        now += max(seconds, int(producer != last))
        last = producer
        if event is None:
            now, last = now + 1, -1
            open_ends.remove(producer)
            log.append((now, producer, END))
        else:
            log.append((now, producer, (*event, number)))
    for producer in sorted(open_ends):
        now += 3
        log.append((now, producer, END))
    return log


async def until(now: float) -> None:
    """Wait until the virtual clock is there."""
    loop = asyncio.get_running_loop()
    if loop.time() < now:
        reached: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(now, reached.set_result, None)
        try:
            await reached
        finally:
            timer.cancel()


async def source(log: reference.Log, producer: int) -> AsyncIterator[Any]:
    """Give a producer's events at their times, and end at its time."""
    for now, whose, event in log:
        if whose != producer:
            continue
        await until(now)
        if event is END:
            return
        yield event
