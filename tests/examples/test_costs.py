"""The measurement of single costs, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import costs
import pytest


def test_every_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    costs.main(["--size", "3000", "--runs", "1", "--json", str(found)])
    rows = json.loads(found.read_text())
    printed = capsys.readouterr().out.splitlines()
    assert all(line.startswith(row["name"]) for line, row in zip(printed, rows, strict=True))
    assert all(row["seconds"] for row in rows)
    names = " ".join(row["name"] for row in rows)
    for part in ("an event in a map", "a batch to the next layer", "a page fault"):
        assert part in names


def test_a_difference_is_that_of_neighbours_in_time() -> None:
    called: list[str] = []
    cost = costs.difference(
        "x", 10, lambda: called.append("more"), lambda: called.append("less"), runs=2
    )
    assert called == ["more", "less"] * 3
    assert len(cost.seconds) == 2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0025, "2.50 ms"), (3e-6, "3.00 us"), (5e-8, "50 ns"), (-2e-8, "-20 ns")],
)
def test_a_cost_is_shown_in_its_unit(seconds: float, shown: str) -> None:
    assert str(costs.Cost("x", [seconds])).endswith(f" {shown}")


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        costs.main(["--size", "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err
