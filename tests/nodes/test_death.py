"""Workers that die, and parents: who is told, and that nothing is left."""

import ctypes
import itertools
import os
import select
import signal
import subprocess
import sys
import textwrap
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


def script(body):
    """A program that prints the pid of its worker, and goes on."""
    return textwrap.dedent(
        """
        import os, signal, sys, threading, time
        from flowlike import Flow

        class Own(Exception):
            pass

        class Point:
            def __init__(self, x):
                self.x = x

        def work(n):
            print(os.getpid(), flush=True)
            {body}
            return Point(n)

        flow = Flow.from_iterable(range(1), stages=1)
        try:
            found = flow.map(Point).map(lambda p: work(p.x), executor="processes").to_list()
            print(type(found[0]) is Point)
        except Own as error:
            print("caught", error)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    ).format(body=body)


def start(body):
    return subprocess.Popen(
        [sys.executable, "-c", script(body)], stdout=subprocess.PIPE, text=True, process_group=0
    )


def wait_for_end(pid):
    """Wait until a process that is not ours is gone; a test that waits too long is ended."""
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        assert poll.poll(10_000), "the worker has outlived its parent"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("body", "says"), [("pass", "True"), ("raise Own('mine')", "caught mine")])
def test_classes_of_a_script_without_a_guard_cross_both_ways(body, says):
    process = start(body)
    out, _ = process.communicate(timeout=30)
    assert out.splitlines()[1:] == [says]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process of another")
@pytest.mark.parametrize("body", ["time.sleep(100)", "\n    while True: pass"])
def test_a_parent_that_is_killed_leaves_no_worker(body):
    process = start(body)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for_end(pid)


def test_ctrl_c_ends_the_flow_and_its_workers():
    process = start("time.sleep(100)")
    pid = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
