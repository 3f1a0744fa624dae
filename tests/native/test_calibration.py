"""Calibration, on a clock that the calibrated function itself moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flowlike.native import Calibration, calibrate, calibration, calibration_cache


class Machine:
    """A function that takes `overhead` + n * `per_item` seconds, and its clock."""

    def __init__(self, overhead: float, per_item: float) -> None:
        self.now = 0.0
        self.calls = 0
        self.overhead = overhead
        self.per_item = per_item

    def __call__(self, n: int) -> None:
        self.calls += 1
        # Every third call is disturbed.
        self.now += (self.overhead + n * self.per_item) * (1 + self.calls % 3 // 2)

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[float, float], Machine]:
    def started(overhead: float, per_item: float) -> Machine:
        made = Machine(overhead, per_item)
        monkeypatch.setattr(calibration.time, "perf_counter", made.perf_counter)
        return made

    monkeypatch.setattr(calibration_cache.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return started


def itself(n: int) -> int:
    return n


Started = Callable[[float, float], Machine]


@pytest.mark.parametrize("exact", [1, 2, 3, 10, 1000, 65_537])
def test_the_largest_chunk_within_the_target(machine: Started, exact: int) -> None:
    function = machine(0.0001, 0.0009 / (exact + 0.5))
    found = calibrate(function, itself)
    assert exact * 31 / 32 <= found.chunk_size <= exact
    assert found.seconds_per_item == pytest.approx(function.per_item)
    assert found.overhead == pytest.approx(0.0001)


def test_a_call_that_always_takes_too_long(machine: Started) -> None:
    assert calibrate(machine(1.0, 0.1), itself).chunk_size == 1


def test_a_call_that_takes_no_time_at_all(machine: Started) -> None:
    found = calibrate(machine(0.0, 0.0), itself)
    assert found == Calibration(calibration.MOST_ITEMS, 0.0, 0.0)


def test_another_target(machine: Started) -> None:
    found = calibrate(machine(0.0, 0.001), itself, target=0.0165, repeats=3)
    assert found.chunk_size == 16
    found = calibrate(machine(0.0, 0.001), itself, target=timedelta(milliseconds=16.5))
    assert found.chunk_size == 16


def test_making_the_input_is_not_counted(machine: Started) -> None:
    function = machine(0.0, 0.0001)

    def slow_input(n: int) -> int:
        function.now += 5
        return n

    assert calibrate(function, slow_input).chunk_size in (9, 10)


def test_a_name_keeps_it(machine: Started, tmp_path: Path) -> None:
    first = machine(0.0001, 0.00001)
    found = calibrate(first, itself, name="my kernel")
    (kept,) = tmp_path.rglob("*.json")
    assert kept.parent == tmp_path / "flowlike" / "calibration"
    assert first.calls > 0

    second = machine(0.5, 0.5)
    assert calibrate(second, itself, name="my kernel") == found
    assert second.calls == 0
    assert calibrate(second, itself, name="another").chunk_size == 1
    assert calibrate(second, itself, name="my kernel", target=5.0).chunk_size == 9
    assert calibrate(second, itself).chunk_size == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"chunk_size": 0}', "null"])
def test_what_was_kept_is_damaged(machine: Started, tmp_path: Path, content: str) -> None:
    found = calibrate(machine(0.0, 0.0001), itself, name="k")
    (kept,) = tmp_path.rglob("*.json")
    kept.write_text(content)
    again = machine(0.0, 0.0001)
    assert calibrate(again, itself, name="k") == found
    assert again.calls > 0


def test_a_cache_that_cannot_be_written(
    machine: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.warns(RuntimeWarning, match="is not kept"):
        found = calibrate(machine(0.0, 0.0001), itself, name="k")
    assert found.chunk_size in (9, 10)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("logistic", "FLOWLIKE_CHUNK_LOGISTIC"), ("my-kernel.2", "FLOWLIKE_CHUNK_MY_KERNEL_2")],
)
def test_the_environment_overrides_all(
    machine: Started, monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    calibrate(machine(0.0, 0.0001), itself, name=name)
    monkeypatch.setenv(variable, "4096")
    function = machine(0.0, 0.0001)
    found = calibrate(function, itself, name=name)
    assert found.chunk_size == 4096
    assert math.isnan(found.seconds_per_item)
    assert math.isnan(found.overhead)
    assert function.calls == 0


@pytest.mark.parametrize("value", ["0", "-5", "many", "1.5", "", "1_000"])
def test_an_override_that_is_no_positive_integer(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FLOWLIKE_CHUNK_K", value)
    with pytest.raises(ValueError, match="FLOWLIKE_CHUNK_K must be a positive integer"):
        calibrate(itself, itself, name="k")


def test_without_a_name_the_environment_says_nothing(
    machine: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWLIKE_CHUNK_", "5")
    assert calibrate(machine(0.0, 0.0001), itself).chunk_size in (9, 10)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="function must be callable"):
        calibrate(5, itself)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="make_input must be callable"):
        calibrate(itself, 5)  # type: ignore[arg-type]
    for target in (0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="target must be"):
            calibrate(itself, itself, target=target)
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        calibrate(itself, itself, repeats=0)
    for name in ("", "--"):
        with pytest.raises(ValueError, match="name must have a letter"):
            calibrate(itself, itself, name=name)
    with pytest.raises(TypeError, match="name must be a str"):
        calibrate(itself, itself, name=5)  # type: ignore[arg-type]


def test_an_exception_of_the_function_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def failing(n: int) -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        calibrate(failing, itself, name="k")
    assert not list(tmp_path.rglob("*"))
