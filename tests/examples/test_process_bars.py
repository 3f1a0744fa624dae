"""The measurement of worker processes, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import process_bars
import pytest


def test_every_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "found.json"
    process_bars.main(["--events", "300", "--runs", "1", "--json", str(written)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["loop", "pool", "warm", "cold"]
    assert lines[0].endswith("1.00 x the loop")
    rows = json.loads(written.read_text())
    assert [(row["name"], len(row["seconds"])) for row in rows] == [
        (name, 1) for name in ("loop", "pool", "warm", "cold")
    ]


def test_sides_that_differ_are_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(process_bars, "sum", lambda numbers: object(), raising=False)
        with pytest.raises(AssertionError, match="the sides differ"):
            process_bars.measure(10, 1)


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        process_bars.main(["--events", "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err
