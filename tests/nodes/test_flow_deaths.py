"""Workers in which a flow lives die, at any moment: who is told, and what goes on."""

import asyncio
import ctypes
import functools
import itertools
import os
import signal
from contextlib import nullcontext
from time import monotonic

import pytest

from flowlike import Flow, NodeLost, ProcessRunner
from flowlike.nodes.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def runner():
    """Two warm workers for all tests of this file: those that died are replaced."""
    with ProcessRunner(2) as warm:
        yield warm


@pytest.fixture(autouse=True)
def nothing_left():
    """The workers of this file outlive its tests."""


@pytest.fixture(autouse=True)
def goes_on(runner):
    """After each test the runner is as good as before, with as many files open."""
    assert sorted(numbers(9).map(abs).partition().map(abs).to_list(runner=runner)) == list(range(9))
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    yield
    assert sorted(numbers(9).map(abs).partition().map(abs).to_list(runner=runner)) == list(range(9))
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def numbers(count=1000, **options):
    return Flow.from_iterable(range(count), **options)


def dies_at(event, death):
    return lambda n: death() if n == event else n


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def crashed():
    ctypes.string_at(0)


def exited():
    os._exit(3)


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (3,)


class Unfit:
    """Can be pickled, and not be read again."""

    def __reduce__(self):
        return (int, ("unfit",))


class Refuses:
    def __reduce__(self):
        raise TypeError("not to be pickled")


def state(size, batch):
    return size + len(batch)


PHASES = {
    "on_init": numbers(stages=1, on_init=lambda replica, replicas: os._exit(3)).map(abs),
    "import": numbers(stages=1).map(functools.partial(max, Deadly())),
    "first": numbers(1).map(lambda n: os._exit(3)),
    "key": numbers().map(abs).partition(key=dies_at(500, exited)).count_by(),
    "after an exchange": numbers().partition().map(dies_at(500, exited)).partition().count_by(),
    "a batch arrives": (
        numbers(max_demand=1).map(lambda n: Deadly()).partition(key=lambda deadly: 1).map(id)
    ),
    "a state": numbers().partition(stages=1).reduce_batch(int, state).map_state(os._exit),
    "the end": numbers()
    .partition(stages=1)
    .reduce_batch(int, state)
    .emit("state")
    .map_state(os._exit),
}


@pytest.mark.parametrize("phase", PHASES)
def test_in_any_phase(runner, phase):
    with pytest.raises(NodeLost, match=r"worker process \d+ \(pid \d+\) has ended with") as caught:
        PHASES[phase].run(runner=runner, timeout=20)
    assert caught.value.status in (3, 1000 % 256)
    assert "layer" in str(caught.value)
    assert not hasattr(caught.value, "__notes__"), "the others were only told of it"


@pytest.mark.parametrize(
    ("death", "says", "status"),
    [
        (killed, "was killed by SIGKILL .*memory", -9),
        (crashed, "was killed by SIGSEGV", -11),
        (exited, "has ended with exit status 3", 3),
    ],
)
def test_in_any_way(runner, death, says, status):
    flow = numbers(max_demand=10).map(dies_at(500, death)).partition().count_by()
    with pytest.raises(NodeLost, match=rf"{says}.* with layer 1: map\(.*\), replica \d") as caught:
        flow.run(runner=runner, timeout=20)
    assert caught.value.status == status
    assert caught.value.node in str(caught.value)


def test_all_of_them(runner):
    with pytest.raises(NodeLost, match="SIGKILL") as caught:
        numbers(max_demand=1).map(lambda n: killed()).run(runner=runner, timeout=20)
    assert len(getattr(caught.value, "__notes__", ())) <= 1


async def test_while_draining(runner):
    gate = asyncio.Event()

    async def source():
        yield 1
        gate.set()
        await asyncio.Event().wait()

    flow = Flow.from_iterable(source()).partition(stages=1).reduce_batch(int, state)
    with pytest.raises(NodeLost, match="status 1"):
        async with flow.map_state(os._exit).start(runner=runner) as running:
            await gate.wait()
            await running.stop()


def test_from_outside_it_is_noticed_within_a_second(runner):
    killed_at = None
    flow = Flow.from_iterable(itertools.repeat(0)).map(lambda n: os.getpid())
    with pytest.raises(NodeLost, match="SIGKILL"):
        for [pid, *_] in flow.batches(runner=runner, timeout=20):
            if killed_at is None:
                os.kill(pid, signal.SIGKILL)
                killed_at = monotonic()
    assert killed_at is not None
    assert monotonic() - killed_at < 1


def test_with_a_child_that_holds_its_links_open(runner, tmp_path):
    mark = tmp_path / "child"

    def forks(n):
        child = os.fork()
        if not child:
            signal.pause()
        mark.write_text(str(child))
        killed()

    try:
        with pytest.raises(NodeLost, match="SIGKILL"):
            numbers(1).map(forks).run(runner=runner, timeout=20)
    finally:
        os.kill(int(mark.read_text()), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="waits without reaping")
def test_between_runs(runner):
    pids = set(numbers(max_demand=1).map(lambda n: os.getpid()).to_list(runner=runner))
    killed_one = pids.pop()
    os.kill(killed_one, signal.SIGKILL)
    os.waitid(os.P_PID, killed_one, os.WEXITED | os.WNOWAIT)
    again = set(numbers(max_demand=1).map(lambda n: os.getpid()).to_list(runner=runner))
    assert killed_one not in again
    assert pids < again


@pytest.mark.parametrize("leaves", [True, False])
def test_one_that_is_stopped_holds_nothing(runner, leaves):
    def stops(n):
        os.kill(os.getpid(), signal.SIGSTOP)

    flow = numbers(10**9, stages=2, max_demand=10).map(dies_at(5, lambda: stops(0)))
    if leaves:
        for batch in flow.batches(runner=runner):
            assert batch
            break
    else:
        with pytest.raises(TimeoutError):
            flow.run(runner=runner, timeout=0.1)


def test_a_start_that_fails_is_what_is_raised(runner):
    def fails(replica, replicas):
        raise ZeroDivisionError("in on_init")

    for _ in range(5):
        flow = numbers(stages=1, on_init=fails).map(abs).partition().map(abs)
        with pytest.raises(ZeroDivisionError, match="in on_init") as caught:
            flow.run(runner=runner, timeout=20)
        assert not any("after it" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("flow", "says"),
    [
        (numbers(9).map(lambda n: Refuses()), "sent to stage 'collector' in the parent process"),
        (numbers(9).map(lambda n: Refuses()).partition(key=int).map(id), "key"),
        (Flow.from_iterable([Refuses()]).map(id), "sent to stage 'layer 1: map(id), replica"),
        (numbers(1).map(lambda n: Unfit()), "to 'collector' was unpickled"),
        (Flow.from_iterable([Unfit()]).map(id), "to 'layer 1: map(id), replica"),
        (numbers().map(functools.partial(max, Unfit())), "while layer 1: map(max) was unpickled"),
    ],
)
def test_what_cannot_cross_says_where(runner, flow, says):
    with pytest.raises((TypeError, ValueError)) as caught:
        flow.run(runner=runner, timeout=20) if says == "key" else flow.to_list(runner=runner)
    assert says == "key" or any(says in note for note in caught.value.__notes__)


@pytest.mark.parametrize("has", [8, 13, 40])
def test_a_parent_without_descriptors(has, monkeypatch):
    resource = pytest.importorskip("resource")
    pids = []
    original = WorkerProcess.__init__

    def init(self, number):
        original(self, number)
        pids.append(self.pid)

    monkeypatch.setattr(WorkerProcess, "__init__", init)
    before = set(map(int, os.listdir("/dev/fd")))  # noqa: PTH208
    free = (number for number in itertools.count() if number not in before)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = next(itertools.islice(free, has, None))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
    flow = numbers(9).map(abs).partition().map(abs)
    try:
        with pytest.raises(OSError, match="Too many open files") if has < 25 else nullcontext():
            flow.run(runner=ProcessRunner(2))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(os.listdir("/dev/fd")) == len(before)  # noqa: PTH208
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_in_the_middle_of_exchanges_it_is_the_death_that_is_told(runner):
    """The other worker notices too, and may say so first."""
    flow = Flow.from_iterable(range(10**12)).partition(stages=4).map(abs).partition(stages=4)
    for at in range(8):
        killed = None
        with pytest.raises(NodeLost, match="SIGKILL") as caught:
            for batch in flow.map(lambda n: (n, os.getpid())).batches(runner=runner):
                if killed is None and batch[0][0] >= 1000 * at:
                    killed = batch[0][1]
                    os.kill(killed, signal.SIGKILL)
        assert caught.value.status == -signal.SIGKILL
        assert not hasattr(caught.value, "__notes__")
