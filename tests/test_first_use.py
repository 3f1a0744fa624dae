"""What is imported when it is first used, and what an ordinary flow leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from flowlike.first_use import on_first_use
from flowlike.operators import windows

RARE = {
    "flowlike.connectors.async_iterable",
    "flowlike.flow.explain",
    "flowlike.flow.graph",
    "flowlike.native.calibration",
    "flowlike.native.llvm",
    "flowlike.native.logistic",
    "flowlike.native.opencl",
    "flowlike.nodes.workers",
    "flowlike.observe",
    "flowlike.operators.attempts",
    "flowlike.operators.entries.joining",
    "flowlike.operators.gatherer",
    "flowlike.operators.windows.event_time",
    "flowlike.operators.windows.periodic_window",
    "flowlike.operators.windows.punctuation",
    "flowlike.stages.supervisor",
}

ORDINARY = """
import json, sys
from flowlike import Flow
flow = Flow.from_iterable(range(9)).map(abs).filter(bool).partition(stages=2)
assert flow.reduce(int, lambda total, n: total + n).emit("state").to_list()
print(json.dumps([name for name in sys.modules if name.startswith("flowlike")]))
"""


def run(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_an_ordinary_flow_loads_nothing_that_is_rare() -> None:
    loaded = set(json.loads(run(ORDINARY)))
    assert "flowlike.operators.layer" in loaded
    assert RARE & loaded == set()


def test_what_is_rare_is_there() -> None:
    run("".join(f"import {name}\n" for name in sorted(RARE)))


def test_a_name_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    package = windows
    find = on_first_use(package.__name__, fixed_window="FixedWindow", grid="Grid")
    monkeypatch.delattr(package, "FixedWindow", raising=False)
    found = find("FixedWindow")
    assert vars(package)["FixedWindow"] is found
    assert found.__module__ == "flowlike.operators.windows.fixed_window"


def test_another_name_is_an_attribute_error() -> None:
    find = on_first_use("flowlike.operators.windows", fixed_window="FixedWindow")
    with pytest.raises(AttributeError, match=r"windows' has no .* 'Odd'"):
        find("Odd")


def test_a_window_is_unpickled_where_its_module_was_not_imported() -> None:
    program = """
import pickle, sys
from flowlike import SessionWindow
from operator import itemgetter
print(pickle.dumps(SessionWindow(3, by=itemgetter(0), key=1)).hex())
"""
    pickled = run(program).strip()
    shown = run(f"import pickle; print(pickle.loads(bytes.fromhex({pickled!r})))")
    assert shown.startswith("SessionWindow(3")
