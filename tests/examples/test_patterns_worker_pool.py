"""The pattern of a pool: one supervised task for every event."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patterns import worker_pool
from patterns.worker_pool import WorkerPool

from flowlike import StageGroup
from flowlike.testing import ProbeProducer, settled


class Work:
    """Takes 10 s an event; fails so often for each as it is told."""

    def __init__(self, fails: dict[object, int] | None = None) -> None:
        self.fails = {} if fails is None else fails
        self.begun: list[tuple[float, object]] = []
        self.cancelled: list[object] = []
        self.running = self.most = 0

    async def __call__(self, event: object) -> None:
        self.begun.append((asyncio.get_running_loop().time(), event))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(10)  # noqa: TID251 - the clock is virtual
        except asyncio.CancelledError:
            self.cancelled.append(event)
            raise
        finally:
            self.running -= 1
        if self.fails.get(event, 0) > 0:
            self.fails[event] -= 1
            raise OSError(f"failed {event}")


async def run_pool(pool, events, finish=True):
    source = ProbeProducer()
    async with StageGroup() as group:
        ref = await group.start(pool, subscribe_to=[await group.start(source)])
        source.emit(events)
        if finish:
            source.finish()
        return await ref.wait()


def test_so_many_at_a_time_and_all_of_them(run_interleaved):
    work = Work()
    pool = WorkerPool(work, 3)
    assert run_interleaved(run_pool(pool, range(8))) == "normal"
    assert (pool.done, pool.failed, work.most) == (8, [], 3)
    assert sorted(event for _, event in work.begun) == list(range(8))


def test_it_asks_for_as_many_as_it_has_places(run_virtual):
    async def main():
        source, pool = ProbeProducer(), WorkerPool(Work(), 3)
        async with StageGroup() as group:
            producer = await group.start(source)
            await group.start(pool, subscribe_to=[producer])
            await source.expect_demand(3)
            source.emit([1, 2])
            await source.expect_demand(1)
            await asyncio.sleep(11)  # noqa: TID251 - the clock is virtual
            await source.expect_demand(3)
            assert pool.done == 2

    run_virtual(main())


def test_what_fails_is_tried_again_after_a_growing_pause(run_virtual, caplog):
    work = Work({"b": 3})
    pool = WorkerPool(work, 1, tries=4, backoff=1.0)
    run_virtual(run_pool(pool, ["a", "b", "c"]))
    assert work.begun == [(0, "a"), (10, "b"), (21, "b"), (33, "b"), (47, "b"), (57, "c")]
    assert (pool.done, pool.failed) == (3, [])
    assert caplog.text.count("a worker has crashed") == 3


def test_what_has_used_up_its_tries_is_put_aside(run_virtual):
    work = Work({"b": 9})
    pool = WorkerPool(work, 2, tries=3)
    assert run_virtual(run_pool(pool, ["a", "b", "c", "d"])) == "normal"
    assert pool.done == 3
    [(event, error)] = pool.failed
    assert event == "b"
    assert str(error) == "failed b"
    assert [event for _, event in work.begun].count("b") == 3


def test_equal_events_have_tries_of_their_own(run_virtual):
    work = Work({"a": 3})
    pool = WorkerPool(work, 2, tries=2)
    run_virtual(run_pool(pool, ["a", "a"]))
    assert (pool.done, len(pool.failed)) == (1, 1)


def test_too_many_crashes_end_the_pool(run_virtual):
    work = Work(dict.fromkeys(range(100), 9))
    pool = WorkerPool(work, 10, tries=5, max_restarts=3, within=60)
    with pytest.raises(OSError, match="failed") as caught:
        run_virtual(run_pool(pool, range(100)))
    assert "workers were restarted more than 3 times" in str(caught.value.__notes__)
    assert work.running == 0
    assert len(work.cancelled) <= 10


def test_a_pool_that_is_stopped_cancels_its_tasks(run_interleaved):
    async def main():
        work, source = Work(), ProbeProducer()
        async with StageGroup() as group:
            producer = await group.start(source)
            ref = await group.start(WorkerPool(work, 2), subscribe_to=[producer])
            source.emit([1, 2])
            await settled()
            await ref.stop()
            assert sorted(work.cancelled) == [1, 2]

    run_interleaved(main())


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"tries": 0}, ValueError, "tries must be 1 or more, not 0"),
        ({"backoff": -1}, ValueError, "backoff must be 0 seconds or more, not -1"),
        ({"size": 0}, ValueError, "max_concurrency must be at least 1, not 0"),
        ({"work": 5}, TypeError, "work must be a coroutine function, not 5"),
    ],
)
def test_bad_options(options, error, text):
    given = {"work": Work(), "size": 1, **options}
    with pytest.raises(error, match=text):
        WorkerPool(given.pop("work"), given.pop("size"), **given)


def run_program(*arguments: str, feed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, worker_pool.__file__, *arguments],
        input=feed,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_commands(tmp_path):
    script = f'echo "$1" >> {tmp_path}/tried; [ "$1" != bad ]'
    ran = run_program(
        *("--jobs", "3", "--tries", "2", "--backoff", "0", "--", "sh", "-c", script, "sh", "{}"),
        feed="one\n\n two words \nbad\n$(three)",
    )
    assert ran.returncode == 1
    tried = (tmp_path / "tried").read_text(encoding="utf-8").splitlines()
    assert sorted(tried) == sorted(["one", "two words", "bad", "bad", "$(three)"])
    assert ran.stderr.count("has ended with status 1") == 3
    assert "put aside 'bad'" in ran.stderr
    assert ran.stderr.endswith("3 done, 1 failed\n")


def test_a_command_that_is_not_there(tmp_path):
    path = tmp_path / "input"
    path.write_text("a", encoding="utf-8")
    ran = run_program("--input", str(path), "--", "/no/such/command", "{}", feed="")
    assert ran.returncode == 1
    assert "put aside 'a': [Errno 2]" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["echo"], "must say with {} where the line goes: ['echo']"),
        ([], "required: COMMAND"),
        (["--jobs", "0", "echo", "{}"], "must be 1 or more, not 0"),
        (["--backoff", "nan", "echo", "{}"], "must be 0 or more seconds, not nan"),
    ],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit):
        worker_pool.main(arguments)
    assert text in capsys.readouterr().err


def test_no_input(tmp_path, capsys):
    assert worker_pool.main(["--input", str(tmp_path / "missing"), "echo", "{}"]) == 1
    assert "missing" in capsys.readouterr().err


def test_ctrl_c_takes_the_processes_along(interrupted, tmp_path):
    script = f"echo $$ > {tmp_path}/pid; echo started; exec sleep 1000"
    status, rest, errors = interrupted(
        *("worker_pool", "--", "sh", "-c", script, "{}"), feed="a\n", after="started"
    )
    assert (status, rest, errors) == (130, "", "worker_pool: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


def test_a_cancelled_command_is_dead(tmp_path):
    async def main():
        fifo = tmp_path / "pid"
        os.mkfifo(fifo)
        script = f"echo $$ > {fifo}; exec sleep 1000"
        task = asyncio.create_task(worker_pool.run_command(["sh", "-c", script, "{}"], "a"))
        pid = int(await asyncio.to_thread(Path(fifo).read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(main())
    for thread in threading.enumerate():  # asyncio's own, one a process, is about to end
        if thread.name.startswith("asyncio-waitpid"):
            thread.join()
