"""One contract, every runner: what the tests of flows run on, and what keeps some of them here.

A test of this folder runs twice: its flows name no runner, and have their replicas once in this
process and once in two worker processes, which are warm for all tests together. So its functions
may return and raise what they want, but what they change here would be changed there. A test that
looks at this process takes notes that may come from elsewhere (``notes``), or is marked
``@here_only(REASON)``, as its module may be. What pytest says after collecting counts them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import settings

from flowlike import ProcessRunner
from flowlike import testing as virtual
from flowlike.event_loop import new_event_loop
from flowlike.flow.run_options import RunOptions

HERE, PROCESSES = "here", "processes"
PLACES = (HERE, PROCESSES)

REASONS = {
    "builds": "nothing runs: what a description says, and what it refuses",
    "clock": "the clock is virtual, or the interleaving is chosen",
    "cost": "runs at the same time start workers of their own: one test of that is enough",
    "executor": "an executor of the user's, or what the event loop and its threads do",
    "identity": "the very same object arrives",
    "memory": "functions change, count or wait for what this process has",
    "order": "one replica is the default here, and its order the source's",
    "room": "what is allocated, buffered or measured here",
}
"""What keeps tests in this process."""

here_only = pytest.mark.here_only
"""``@here_only("memory")``: one of `REASONS`."""

_FEWER = 8  # examples cost that much more in processes

_elsewhere: list[ProcessRunner] = []


@contextmanager
def default_runner(runner: ProcessRunner) -> Iterator[None]:
    """Within the block flows that are run without a runner have this one."""
    original = RunOptions.__init__

    def init(self: RunOptions, given: Any = None, *others: Any, **named: Any) -> None:
        original(self, runner if given is None else given, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunOptions, "__init__", init)
        patch.setattr(f"{__name__}._elsewhere", [runner])
        yield


def run(main: Coroutine[Any, Any, Any], *, seed: int | None = None) -> Any:
    """Run a coroutine: on a virtual clock and seeded here, as it comes where processes are."""
    if not _elsewhere:
        return virtual.run(main, seed=seed)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        result = runner.run(main)
        assert not asyncio.all_tasks(runner.get_loop())
    return result


def interleaved(seeds: int) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """As `flowlike.testing.interleaved`; where processes are, twice as it comes."""

    def decorate(test: Callable[..., Any]) -> Callable[..., None]:
        @functools.wraps(test)
        def under_every_seed(*args: Any, **kwargs: Any) -> None:
            chosen: Iterable[int] = range(2 if _elsewhere else seeds)
            for seed in chosen:
                run(test(*args, **kwargs), seed=seed)

        return under_every_seed

    return decorate


@contextmanager
def fewer_examples(test: Any) -> Iterator[None]:
    """Within the block a law has some of its examples: Hypothesis knows no fixture for it."""
    name = "_hypothesis_internal_use_settings"
    usual = getattr(test, name, None)
    if usual is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test, name, settings(usual, max_examples=1 + usual.max_examples // _FEWER))
        yield
