"""The measurement of flows over arrays, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from logistic_map import bars


def test_every_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    bars.main(["--size", "5000", "--runs", "2", "--json", str(found)])
    printed = capsys.readouterr().out.splitlines()
    rows = json.loads(found.read_text())
    assert [row["name"] for row in rows] == [bar.name for bar in bars.BARS]
    for row, line in zip(rows, printed, strict=True):
        assert line.startswith(row["name"])
        assert f"{row['ratio']:5.2f} x" in line
        assert (len(row["seconds"]), len(row["rival_seconds"])) == (2, 2)
    waiting = rows[[row["name"] for row in rows].index("blocking")]
    assert min(waiting["seconds"] + waiting["rival_seconds"]) >= bars.PAUSE


@pytest.mark.parametrize("rival", [[1, 3], [1, 2, 2], [1, 1, 3]])
def test_results_that_differ_are_no_measurement(rival: list[int]) -> None:
    ours = np.array([1, 2, 3][: len(rival)])
    bar = bars.Bar("odd", 1.0, "a loop", lambda _: bars.Sides(lambda: ours, lambda: rival))
    with pytest.raises(AssertionError, match="odd: the flow and a loop differ"):
        bars.measure(bar, 1, 10)


def test_the_order_of_a_result_is_free() -> None:
    sides = bars.Sides(lambda: np.array([1, 2]), lambda: np.array([2, 1]))
    found = bars.measure(bars.Bar("odd", 1.0, "a loop", lambda _: sides), 3, 10)
    assert (len(found.times.ours.wall), len(found.times.rivals.cpu)) == (3, 3)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--only", "array,sets"], "there is no 'sets', only array, chunks"),
        (["--runs", "0"], "must be 1 or more, not 0"),
        (["--json", "nowhere/at/all.json"], "there is no folder"),
    ],
)
def test_bad_arguments(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bars.main(arguments)
    assert text in capsys.readouterr().err
