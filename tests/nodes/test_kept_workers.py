"""Workers that a runner keeps: who has them, and that they end with it."""

import asyncio
import gc
import logging
import os
from ast import literal_eval
from pathlib import Path
from threading import Thread

import pytest

from flowlike import Flow, LocalRunner, ProcessRunner

RUNNERS = [ProcessRunner, LocalRunner]


def pids_of(runner):
    """The workers of a flow that does the same work whatever its runner is."""
    flow = Flow.from_iterable(range(100), max_demand=1)
    return set(flow.map(lambda n: os.getpid(), executor="processes").to_list(runner=runner))


@pytest.mark.parametrize("make", RUNNERS)
def test_runs_at_once_have_workers_of_their_own(make):
    found = []

    def run(runner):
        found.append(pids_of(runner))

    with make() as runner:
        kept = pids_of(runner)
        threads = [Thread(target=run, args=(runner,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 2
        assert pids_of(runner) <= kept
    assert not found[0] & found[1] or found[0] | found[1] <= kept, "one after the other"


@pytest.mark.parametrize("make", RUNNERS)
async def test_runs_in_one_loop_that_were_both_made_before_one_began(make):
    with make() as runner:
        flow = Flow.from_iterable(range(100)).map(abs, executor="processes").partition().count_by()
        async with flow.start(runner=runner) as one, flow.start(runner=runner) as other:
            reports = await asyncio.gather(one.wait(), other.wait())
    assert [report.consumed for report in reports] == [100, 100]


@pytest.mark.parametrize("make", RUNNERS)
def test_a_run_that_goes_on_behind_the_block_keeps_its_workers(make, nothing_left):
    flow = Flow.from_iterable(iter(int, 1)).map(abs, executor="processes")
    with make() as runner:
        batches = flow.batches(runner=runner)
        assert list(next(batches))
    assert [len(next(batches)) > 0 for _ in range(3)] == [True] * 3
    batches.close()


@pytest.mark.parametrize("make", RUNNERS)
def test_a_runner_that_is_forgotten(make, nothing_left):
    runner = make()
    runner.__enter__()
    assert pids_of(runner) <= set(nothing_left)
    del runner
    gc.collect()
    for pid in nothing_left:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("make", RUNNERS)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_has_workers_of_its_own(make, tmp_path):
    mark = tmp_path / "pids"
    with make() as runner:
        kept = pids_of(runner)
        child = os.fork()
        if not child:
            try:
                mark.write_text(repr(pids_of(runner)))
                runner.__exit__()
                gc.collect()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        of_the_fork = literal_eval(mark.read_text())
        assert of_the_fork
        assert not of_the_fork & kept
        assert pids_of(runner) <= kept


def test_a_path_among_the_strings_of_sys_path(monkeypatch):
    monkeypatch.syspath_prepend(Path("nowhere"))
    assert Flow.from_iterable([-1]).map(abs).to_list(runner=ProcessRunner(1)) == [1]


def test_levels_of_loggers_are_those_of_this_run(caplog):
    log = logging.getLogger("levels.of.a.run")
    with ProcessRunner(1) as runner:
        for level in (logging.DEBUG, logging.ERROR, logging.NOTSET):
            log.setLevel(level)

            def say(_, level=level):
                log = logging.getLogger("levels.of.a.run")
                log.debug("debug of %s", level)
                log.warning("warning of %s", level)

            Flow.from_iterable([0]).each(say).run(runner=runner)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["debug of 10", "warning of 10", "warning of 0"]
