"""Parents of workers that are killed, interrupted, or just scripts: nothing of theirs is left."""

import os
import select
import signal
import subprocess
import sys
import textwrap

import pytest

RUNS = {
    "executor": "map(lambda p: work(p.x), executor='processes').to_list()",
    "runner": "map(lambda p: work(p.x)).to_list(runner=ProcessRunner(1))",
}


def script(run, body):
    """A program that prints the pid of its worker, and goes on."""
    return textwrap.dedent(
        """
        import itertools, os, signal, sys, threading, time
        from flowlike import Flow, ProcessRunner

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
            found = flow.map(Point).{run}
            print(type(found[0]) is Point)
        except Own as error:
            print("caught", error)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    ).format(run=RUNS[run], body=body)


def start(run, body):
    return subprocess.Popen(
        [sys.executable, "-c", script(run, body)],
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
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
@pytest.mark.parametrize("run", RUNS)
def test_classes_of_a_script_without_a_guard_cross_both_ways(run, body, says):
    process = start(run, body)
    out, _ = process.communicate(timeout=30)
    assert out.splitlines()[1:] == [says]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process of another")
@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(100)",
        "\n    while True: pass",
        pytest.param(
            "sum(itertools.repeat(1))",  # it never gives the GIL to another thread
            marks=pytest.mark.skipif(sys.platform != "linux", reason="others have no such signal"),
        ),
    ],
)
@pytest.mark.parametrize("run", RUNS)
def test_a_parent_that_is_killed_leaves_no_worker(run, body):
    process = start(run, body)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for_end(pid)


@pytest.mark.parametrize("run", RUNS)
def test_ctrl_c_ends_the_flow_and_its_workers(run):
    process = start(run, "time.sleep(100)")
    pid = int(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
