"""The laws of a supervisor with a task for every event, in random interleavings."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from laws.graphs import pass_time, seeds

from flowlike import ConsumerSupervisor, Producer, StageGroup, Subscribe
from flowlike.testing import run, settled


class Slip(Exception):
    """What a worker raises that was told to."""


class Numbered(Producer[int]):
    """``limit`` numbers from ``start`` on, as they are asked for."""

    demand = "accumulate"  # until the supervisor has been started

    def __init__(self, start: int, limit: int) -> None:
        self.next, self.end = start, start + limit

    def handle_demand(self, demand: int) -> list[int]:
        events = [*range(self.next, min(self.next + demand, self.end))]
        self.next += len(events)
        if self.next == self.end:
            self.finish()
        return events


class Work:
    """Writes down what becomes of every event.

    Args:
        outcomes: what the first, second, ... task of an event does ("ok", "slip" or "cancel"),
            by the event modulo their number; after the last it is "ok".
        paces: seconds that a task takes, likewise.
    """

    def __init__(self, outcomes: list[list[str]], paces: list[float]) -> None:
        self.outcomes, self.paces = outcomes, paces
        self.begun: defaultdict[int, list[float]] = defaultdict(list)
        self.done: list[int] = []
        self.last: dict[int, str] = {}  # what has become of the last task of an event
        self.failed: defaultdict[int, list[str]] = defaultdict(list)
        self.running = self.most = 0

    async def __call__(self, event: int) -> None:
        plan = self.outcomes[event % len(self.outcomes)]
        attempt = len(self.begun[event])
        self.begun[event].append(asyncio.get_running_loop().time())
        self.last[event] = "cut"
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await pass_time(self.paces[event % len(self.paces)])
            outcome = plan[attempt] if attempt < len(plan) else "ok"
            self.last[event] = outcome
            if outcome != "ok":
                self.failed[event].append(outcome)
                raise Slip if outcome == "slip" else asyncio.CancelledError
            self.done.append(event)
        finally:
            self.running -= 1

    def restarts(self) -> list[float]:
        """When tasks were started that were not the first of their event."""
        return sorted(time for times in self.begun.values() for time in times[1:])


@given(
    seed=seeds,
    limits=st.lists(st.integers(0, 25), min_size=1, max_size=3),
    most=st.integers(1, 5),
    demand=st.sampled_from([1, 3, 1000]),
    restart=st.sampled_from(["temporary", "transient", "permanent"]),
    max_restarts=st.sampled_from([0, 2, 1000]),
    outcomes=st.lists(
        st.lists(st.sampled_from(["slip", "cancel", "slip"]), max_size=3), min_size=1, max_size=5
    ),
    paces=st.lists(st.sampled_from([0, 0.01, 0.3, 2]), min_size=1, max_size=4),
    stop=st.sampled_from([None, None, 0, 0.01, 1]),
)
def test_every_event_has_one_task_that_ended_well_or_is_counted(
    seed: int,
    limits: list[int],
    most: int,
    demand: int,
    restart: str,
    max_restarts: int,
    outcomes: list[list[str]],
    paces: list[float],
    stop: float | None,
) -> None:
    work = Work(outcomes, paces)
    if restart == "permanent" and stop is None:
        stop = 3  # an event is never done
    supervisor = ConsumerSupervisor(
        work, most, restart=restart, max_restarts=max_restarts, within=1.0
    )

    async def main() -> tuple[Any, Any, int]:
        refs = []
        error: Any = None
        try:
            async with StageGroup() as group:
                for index, limit in enumerate(limits):
                    refs.append(await group.start(Numbered(1000 * index, limit)))
                to = [Subscribe(ref, max_demand=demand) for ref in refs]
                ref = await group.start(supervisor, subscribe_to=to)
                refs.append(ref)
                for producer in refs[:-1]:
                    await producer.demand("forward")
                if stop is None:
                    await group.wait()
                else:
                    await pass_time(stop)
                    await settled()
                    well = 0 if restart == "permanent" else len(work.done)
                    gone = well + supervisor.given_up + supervisor.running
                    waiting = ref.counts().events_in - gone
                    assert waiting == 0 or (waiting > 0 and supervisor.running == most)
                    await ref.stop()
        except (Slip, RuntimeError) as caught:
            error = caught
            assert isinstance(error, Slip) or restart == "permanent", "only then it must go on"
        return error, refs[-1].counts(), sum(ref.counts().events_out for ref in refs)

    error, counts, made = run(main(), seed=seed, patience=0.5)
    assert work.most <= most
    assert (work.running, supervisor.running) == (0, 0)
    ended_well = set(work.done)
    if restart != "permanent":
        assert len(ended_well) == len(work.done), "no event is done twice"
        assert len(work.done) + supervisor.given_up + counts.lost == made
    else:
        # Only what ended well as the supervisor ended is none of these: nothing else is done.
        well = made - supervisor.given_up - counts.lost
        assert 0 <= well <= sum(work.last[event] == "ok" for event in work.begun)
        assert (error is not None) == (supervisor.given_up > 0)
    times = work.restarts()
    crowd = max((sum(t - 1.0 < each <= t for each in times) for t in times), default=0)
    assert crowd <= max_restarts
    if error is not None:
        assert restart != "temporary"
        assert error.__notes__[-1].startswith(f"workers were restarted more than {max_restarts}")
    for event, times_begun in work.begun.items():
        failed = work.failed[event]
        if restart == "temporary":
            assert len(times_begun) == 1
        elif restart == "transient":
            assert failed[:-1] == ["slip"] * len(failed[:-1]), "only a crash is started again"
            assert len(times_begun) <= len(failed) + 1
    if stop is None and error is None and restart != "permanent":
        assert made == sum(limits)
        assert counts.lost == 0
        given_up = [event for event in work.begun if event not in ended_well]
        assert len(given_up) == supervisor.given_up
        assert all(work.failed[event] for event in given_up)
