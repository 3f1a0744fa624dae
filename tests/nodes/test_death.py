"""Workers that die, and parents: who is told, and that nothing is left."""

import ctypes
import itertools
import os
import signal
import threading
from time import monotonic

import pytest

from flowlike import Flow, LocalRunner, NodeLost


@pytest.mark.parametrize(
    ("dies", "says", "status"),
    [
        (lambda n: os.kill(os.getpid(), signal.SIGKILL), "was killed by SIGKILL .* memory", -9),
        (lambda n: ctypes.string_at(0), "was killed by SIGSEGV", -11),
        (lambda n: os._exit(3), "has ended with exit status 3", 3),
    ],
)
@pytest.mark.parametrize("options", [{}, {"on_error": "skip"}, {"concurrency": 2}])
def test_a_worker_that_dies_stops_the_flow(dies, says, status, options):
    flow = Flow.from_iterable(range(10), stages=2).map(dies, executor="processes", **options)
    with pytest.raises(NodeLost, match=rf"worker process \d .* {says}.*while it ran map") as caught:
        flow.run()
    assert caught.value.status == status
    assert any("in map(" in note for note in caught.value.__notes__)


def test_a_kill_from_outside_stops_it_within_a_second():
    with LocalRunner() as runner:
        for _ in range(3):  # the worker that was lost is replaced
            flow = Flow.from_iterable(itertools.repeat(0))
            flow = flow.map(lambda n: os.getpid(), executor="processes")
            killed = None
            with pytest.raises(NodeLost, match="SIGKILL"):
                for [pid, *_] in flow.batches(runner=runner):
                    if killed is None:
                        os.kill(pid, signal.SIGKILL)
                        killed = monotonic()
            assert killed is not None
            assert monotonic() - killed < 1


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="waits without reaping")
def test_a_worker_that_died_between_runs_is_replaced():
    flow = Flow.from_iterable([0]).map(lambda n: os.getpid(), executor="processes")
    with LocalRunner() as runner:
        [pid] = flow.to_list(runner=runner)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert flow.to_list(runner=runner) != [pid]


def test_an_exception_elsewhere_ends_calls_that_run():
    def fails(n):
        if n:
            raise ValueError("no")
        threading.Event().wait()

    with pytest.raises(ValueError, match="no"):
        Flow.from_iterable(range(2), stages=2).map(fails, executor="processes").run()
