"""The measurement of links between processes, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import link_bars
import numpy as np
import pytest


def test_every_row(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    link_bars.main(["--times", "2", "--runs", "1", "--json", str(file)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(link_bars.ROWS)
    assert "wanted: 100 us" in lines[0]
    assert [row["name"] for row in json.loads(file.read_text())] == list(link_bars.ROWS)


def test_what_comes_back_changed_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_bars, "there_and_back", lambda *_: (1.0, np.arange(3)))
    with pytest.raises(AssertionError, match=r"small: .* differ"):
        next(link_bars.measure([link_bars.ROWS["small"]], 1, 1))


def test_a_row_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        link_bars.main(["--only", "huge"])
    assert "there is no row 'huge', only small" in capsys.readouterr().err
