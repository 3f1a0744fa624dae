"""The pictures of profiles show what was measured, and the measuring sees what happens."""

from __future__ import annotations

import doctest
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from pictures import chunks, rooms, threads
from pictures.profiles import (
    FOLDER,
    KERNELS,
    LOOP,
    Place,
    Recorded,
    Span,
    again,
    flows,
    places,
    samples,
    spans,
)
from pictures.profiles import __main__ as command
from pictures.profiles.places import Frame, place_of
from pictures.profiles.samples import count_places
from pictures.profiles.spans import watched

from flowlike import Flow
from flowlike.flow.calling import Caller
from flowlike.flow.native_pool import Job
from flowlike.native import logistic_map

DOCS = FOLDER.parents[1]
AGAIN = f"again ({again.__file__}:20)"
HOME = places.HOME

SPANS = [
    Span(LOOP, "turn", 0, 1000, 900),
    Span(LOOP, "kernel", 200, 600, 400),
    Span("native_0", "split", 1000, 3000, 2000),
    Span("native_0", "kernel", 3000, 9000, 6000),
    Span("native_1", "kernel", 29000, 40000, 11000),
]


@pytest.mark.parametrize("module", [places, spans])
def test_the_examples_of_the_measuring_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


# Threads.


def test_a_thread_is_busy_once_however_many_spans_cover_a_time() -> None:
    run = threads.row("a flow", 0.04, SPANS)
    assert threads.busy(run, LOOP) == 1 / 40
    assert threads.busy(run, "native_0") == 8 / 40
    assert threads.busy(run, "native_1") == 11 / 40


def test_the_picture_of_threads_has_each_span_at_its_place() -> None:
    drawn = threads.picture(Recorded("a machine", [threads.row("a flow", 0.04, SPANS)]))
    areas = {
        style: [
            (float(area.get("x", "")), float(area.get("width", "")))
            for area in ET.fromstring(drawn).iterfind(f".//{{*}}rect[@class='{style}']")
        ]
        for style in ("solid", "grey", "hatched")
    }
    # The first of each is of the legend; 40 ms are 560 wide, and so are the 20 in the middle.
    assert areas["solid"][1:] == [(96, 14)]
    assert areas["hatched"][1:] == [(110, 28)]
    assert areas["grey"][1:] == [(98.8, 5.6), (138, 84), (502, 154), (628, 28)]
    assert "a machine" in drawn
    for share in ("2%", "20%", "28%"):
        assert f">{share}<" in drawn


def test_the_threads_of_a_flow_are_watched_while_it_runs_and_no_longer() -> None:
    methods = Job.run, Caller.do_now
    kernel = logistic_map.bind(num=10, p=6_700_417, mu=22)
    numbers = np.arange(1 << 20)
    with watched() as seen:
        mapped = Flow.from_iterable(numbers, stages=2).partition(stages=2).map_batch(kernel)
        assert len(mapped.to_array()) == len(numbers)
    assert (Job.run, Caller.do_now) == methods
    assert {"turn", "kernel", "split"} == {span.kind for span in seen}
    assert {span.thread for span in seen if span.kind == "turn"} == {LOOP}
    assert any(span.thread != LOOP for span in seen)
    assert all(0 <= span.start <= span.stop for span in seen)
    count = len(seen)
    Flow.from_iterable(numbers, stages=2).map_batch(kernel).to_array()
    assert len(seen) == count


def test_a_flow_that_fails_is_no_longer_watched() -> None:
    method = Job.run
    with pytest.raises(ZeroDivisionError), watched():
        Flow.from_iterable([0], stages=1).map(lambda n: 1 // n).run()
    assert Job.run is method


# Rooms.


def test_a_stack_belongs_to_the_innermost_call_that_is_yours_or_flowlikes() -> None:
    outer = [Frame("main", "mine.py"), Frame("Flow.to_list", f"{HOME}flow/flow.py")]
    for inner, place in (
        (Frame("turn", f"{HOME}stages/running.py"), Place("stages", "running.py")),
        (Frame("take", f"{HOME}operators/windows/pane.py"), Place("operators", "pane.py")),
        (Frame("join", f"{HOME}batches.py"), Place("ground", "batches.py")),
        (Frame("<listcomp>", "<flowlike: fused operators>"), Place("operators", "the fused loop")),
        (Frame("triple", "mine.py"), Place("yours", "triple")),
        (Frame("<lambda>", f"{HOME}flow/blocking.py"), Place("loop", "the event loop")),
    ):
        assert place_of([*outer, inner, Frame("sum", "numpy/sums.py")], "mine.py") == place
    assert place_of([Frame("select", "selectors.py")], "mine.py") == Place("loop", "the event loop")


def test_samples_count_in_the_loop_within_a_run_and_outside_of_native_calls() -> None:
    pool = f"NativePool._serve ({HOME}flow/native_pool.py:160)"
    job = f"Job.run ({HOME}flow/native_pool.py:58)"
    kernel = f"Kernel._run ({HOME}native/kernel.py:359)"
    triple = f"triple ({flows.__file__}:90)"
    found = count_places(
        [
            f"thread (1);main (mine.py:1);{triple} 100",  # before the runs
            f"thread (1);main (mine.py:1);{AGAIN};{triple} 5",
            f"thread (1);main (mine.py:1);{AGAIN};{triple} 2",
            f"thread (1);main (mine.py:1);{AGAIN};{job};{kernel} 50",
            f"thread (2);run (threading.py:1);{pool};{job};{kernel} 50",
            f"thread (2);run (threading.py:1);{pool};_reply (<string>) 3",
        ]
    )
    assert found == {Place("yours", "triple"): 7}


def test_what_is_no_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="'function \\(file:line\\)', not 'nonsense'"):
        count_places(["thread (1);nonsense 5"])


def test_without_the_sampler_nothing_is_measured_and_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        command.main([])
    assert "pip install py-spy" in capsys.readouterr().err


def test_the_sampler_gets_the_flow_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spy = tmp_path / "py-spy"
    stack = f"thread (1);{AGAIN};words_of ({flows.__file__}:95) 4"
    spy.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "own, _, flow = (' '.join(sys.argv)).partition(' -- ')\n"
        "assert flow.endswith('-m pictures.profiles.again word count 1 1024'), flow\n"
        f"pathlib.Path(own.split()[-1]).write_text({stack!r})\n",
        encoding="utf-8",
    )
    spy.chmod(0o700)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: str(spy))
    assert samples.sample("word count", 1, 1024) == {Place("yours", "words_of"): 4}


def test_a_flow_runs_again_in_a_process_of_its_own() -> None:
    program = [sys.executable, "-m", "pictures.profiles.again"]
    subprocess.run([*program, "map_calc5", "0", "1024"], cwd=DOCS, check=True)
    wrong = subprocess.run([*program, "map_calc9", "0", "1"], cwd=DOCS, check=False, stderr=-1)
    assert wrong.returncode == 1


def test_the_shares_of_a_flow_are_all_of_it() -> None:
    seconds = {
        Place("yours", "triple"): 0.02,
        Place("operators", "the fused loop"): 0.03,
        Place("ground", "batches.py"): 0.01,
        Place("flow", "flow.py"): 0.01,
        KERNELS: 0.13,
    }
    flow = rooms.row("a flow", "number", 1000, seconds)
    assert flow["nanoseconds"] == 200_000
    assert rooms.shares(flow) == {
        "your functions": 0.1,
        "operators": 0.15,
        "native": 0.65,
        "stages": 0,
        "flow, and the rest": 0.1,
        "event loop": 0,
    }
    drawn = rooms.picture(Recorded("a machine", [flow]))
    ET.fromstring(drawn)
    assert "kernels 65%, the fused loop 15%, triple 10%, flow/flow.py 5%" in drawn
    assert "200 us of CPU time a number" in drawn


# All of it.


def test_the_command_measures_what_the_pictures_are_drawn_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(flows, "NUMBERS", 1000)
    monkeypatch.setattr(flows, "BYTES_OF_WORDS", 1000)
    seen = {Place("stages", "running.py"): 1, Place("loop", "the event loop"): 3}
    monkeypatch.setattr(command, "sample", lambda *_: samples.Counter(seen))
    command.record(tmp_path, size=1 << 17, runs=2, seconds=0.0, repeats=1)
    for module in (chunks, rooms, threads):
        file = tmp_path / f"{module.__name__.rpartition('.')[2]}.json"
        ET.fromstring(module.picture(Recorded.read(file)))
    for flow in Recorded.read(tmp_path / "rooms.json").rows:
        share = rooms.shares(flow)
        assert share["event loop"] == pytest.approx(3 * share["stages"], rel=0.01)
        assert (share["native"] > 0) == flow["name"].startswith("map_calc")


def test_what_was_recorded_is_of_the_flows_that_there_are() -> None:
    with flows.flows_to_profile(1) as profiled:
        names = [flow.name for flow in profiled]
    assert [flow["name"] for flow in Recorded.read(FOLDER / "rooms.json").rows] == names
    assert [run["name"] for run in Recorded.read(FOLDER / "threads.json").rows] == names[-2:]


def test_spans_are_not_joined_across_another() -> None:
    seen = [Span("a", "split", 0, 5, 5), Span("a", "kernel", 6, 7, 1), Span("a", "split", 8, 9, 1)]
    assert spans.joined(seen, gap=20) == sorted(seen)
    turns = [Span("a", "turn", 4, 6, 2), Span("a", "turn", 7, 9, 2)]
    assert spans.joined([*seen, *turns], gap=1) == sorted([*seen, Span("a", "turn", 4, 9, 4)])


@pytest.mark.parametrize(
    "run", Recorded.read(FOLDER / "threads.json").rows, ids=lambda run: run["name"]
)
def test_no_thread_does_two_things_at_once(run: dict[str, Any]) -> None:
    kept = run["spans"]
    for thread in {key.split()[0] for key in kept} - {LOOP}:
        both = [span for key, each in kept.items() if key.split()[0] == thread for span in each]
        ends = [time for span in sorted(both) for time in span]
        assert ends == sorted(ends)
        assert ends[-1] <= run["microseconds"]
