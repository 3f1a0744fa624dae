"""The measurement of flows against plain loops, at a small size."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import flow_bars
import pytest
from comparing import Comparison, Times


def test_every_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    flow_bars.main(["--size", "5000", "--runs", "2", "--json", str(found)])
    printed = capsys.readouterr().out.splitlines()
    rows = json.loads(found.read_text())
    assert [row["name"] for row in rows] == [bar.name for bar in flow_bars.BARS]
    for row, line in zip(rows, printed, strict=True):
        assert line.startswith(row["name"])
        assert f"{row['ratio']:5.2f} x" in line
        assert (row["size"], len(row["seconds"]), len(row["rival_seconds"])) == (5000, 2, 2)
        assert min(row["seconds"] + row["rival_seconds"]) > 0


def test_only_some(capsys: pytest.CaptureFixture[str]) -> None:
    flow_bars.main(["--size", "100", "--runs", "1", "--only", "words,pairs"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["words", "pairs"]


@pytest.mark.parametrize("bar", flow_bars.BARS, ids=lambda bar: bar.name)
def test_both_sides_do_something(bar: flow_bars.Bar) -> None:
    with bar.prepare(3000) as sides:
        shown = sides.shown(sides.flow())
        assert shown
        assert shown == sides.shown(sides.rival())
        assert shown != sides.shown(type(sides.rival())())


def test_results_that_differ_are_no_measurement() -> None:
    sides = flow_bars.Sides(lambda: [1], lambda: [2], sum)
    bar = flow_bars.Bar("odd", 10, "things", 1.0, "a loop", lambda size: nullcontext(sides))
    with pytest.raises(AssertionError, match="odd: the flow and a loop differ"):
        flow_bars.measure(bar, runs=1)


def test_the_ratio_says_how_fast_the_flow_is() -> None:
    found = flow_bars.Found(
        flow_bars.BARS[0],
        10,
        Comparison("a", "b", Times([4.0, 1.0, 9.0], [2.0]), Times([2.0, 3.0, 1.0], [3.0])),
    )
    assert (found.ratio, found.cpu_ratio) == (0.5, 1.5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--only", "words,letters"], "there is no 'letters', only integers, pairs"),
        (["--runs", "0"], "must be 1 or more, not 0"),
        (["--json", "nowhere/at/all.json"], "there is no folder"),
    ],
)
def test_bad_arguments(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flow_bars.main(arguments)
    assert text in capsys.readouterr().err
