"""The fixtures that pytest finds by itself: their seeds, and how a failure is repeated."""

import asyncio
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio
import pytest

async def main():
    order = []

    async def note(name):
        order.append(name)

    await asyncio.gather(*map(note, "abc"))
    await asyncio.sleep(3600)
    assert "".join(order) != "cba"

def test_order(run_interleaved):
    run_interleaved(main())

@pytest.mark.interleavings(3)
def test_few(run_interleaved):
    run_interleaved(asyncio.sleep(1))
"""


def pytest_in(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_it.py").write_text(PROGRAM)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return tmp_path


def test_a_failure_names_the_seed_and_that_seed_repeats_it(folder):
    said = pytest_in(folder, "--interleavings=60")
    assert said.count("PASSED") + said.count("FAILED test_it") > 60
    failed = sorted(
        line.split("[seed")[1].split("]")[0]
        for line in said.splitlines()
        if line.startswith("FAILED")
    )
    assert failed
    assert f"interleaving: seed={failed[0]} repeats it" in said
    again = pytest_in(folder, f"--interleaving-seed={failed[0]}", "-k", "order")
    assert "1 failed" in again
    assert f"test_order[seed{failed[0]}] FAILED" in again


def test_a_marker_says_how_many_seeds_one_test_has(folder):
    said = pytest_in(folder, "-k", "few")
    assert "3 passed" in said
    said = pytest_in(folder, "--interleavings=0")
    assert "interleavings must be at least 1, not 0" in said


def test_the_kit_is_imported_only_by_those_who_use_it(folder):
    (folder / "test_it.py").write_text(
        "import sys\ndef test():\n    assert 'flowlike.pytest_plugin' in sys.modules\n"
        "    assert 'numpy' not in sys.modules\n"
    )
    assert "1 passed" in pytest_in(folder)


def test_a_virtual_run_costs_no_time(run_virtual):
    async def main():
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(3600):
            await asyncio.sleep(3000)  # noqa: TID251 - the clock is virtual
        return loop.time()

    assert run_virtual(main()) == 3000


def test_an_interleaved_run_has_a_seed(run_interleaved, request):
    async def main():
        return asyncio.get_running_loop().seed

    assert request.node.name.endswith(f"[seed{run_interleaved(main())}]")


FOREIGN = """
import asyncio

from flowlike import Consumer, StageGroup
from flowlike.testing import ProbeConsumer, ProbeProducer

class Stuck(Consumer):
    async def handle_events(self, events, producer):
        await asyncio.Event().wait()

async def between(sink, check):
    source = ProbeProducer()
    async with StageGroup() as group:
        await group.start(sink, subscribe_to=[await group.start(source)])
        source.emit([1, 2])
        await check(source)
        await group.wait()

def test_hours(run_virtual):
    async def check(source):
        await asyncio.sleep(24 * 3600)
        source.finish()
    run_virtual(between(ProbeConsumer(manual=False), check))

def test_probe(run_interleaved):
    sink = ProbeConsumer(manual=False)
    run_interleaved(between(sink, lambda source: sink.expect([1, 3])))

def test_deadlock(run_virtual):
    run_virtual(between(Stuck(), lambda source: asyncio.Event().wait()), patience=0.1)
"""


def test_in_a_project_of_somebody_else(folder):
    (folder / "test_it.py").write_text(FOREIGN)
    said = pytest_in(folder, "--interleavings=2")
    assert "test_hours PASSED" in said
    assert said.count("AssertionError: expected [1, 3], but [1, 2] came") >= 2
    assert "interleaving: seed=1 repeats it" in said
    assert "everything waits, no timer is set" in said
    assert f"Stuck.handle_events at {folder / 'test_it.py'}:9" in said
    assert "3 failed, 1 passed" in said
