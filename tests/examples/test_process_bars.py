"""The measurement of worker processes, at a small size."""

from __future__ import annotations

import process_bars
import pytest


def test_every_side(capsys: pytest.CaptureFixture[str]) -> None:
    process_bars.main(["--events", "300", "--runs", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["loop", "pool", "warm", "cold"]
    assert lines[0].endswith("1.00 x the loop")


def test_sides_that_differ_are_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(process_bars, "sum", lambda numbers: object(), raising=False)
        with pytest.raises(AssertionError, match="the sides differ"):
            process_bars.measure(10, 1)
