"""The measurement of flowlike's own cost, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import overhead
import pytest


def test_every_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    overhead.main(["--size", "1000", "--runs", "1", "--json", str(found)])
    printed = capsys.readouterr().out.splitlines()
    comparisons = json.loads(found.read_text())
    assert [each["name"] for each in comparisons] == [
        "1000 numbers, map, filter, sum(flow)",
        "1000 numbers, map, filter, sum(to_list())",
        "1000 numbers, map, filter, sum(map(sum, batches()))",
        "1000 numbers, map, filter, reduce(int, add)",
        "1000 numbers, map in threads, 2 stages, ordered",
        "10 events, partition, reduce, 2 stages",
        "the same in a running loop",
        "import flowlike",
        "from flowlike import Flow",
    ]
    for each, line in zip(comparisons, printed, strict=True):
        assert line.startswith(each["name"])
        assert line.endswith(f"ratio {each['ratio']:.2f}")
        assert min(each["seconds"] + each["rival_seconds"]) > 0


def test_the_ratio_is_that_of_the_medians() -> None:
    comparison = overhead.Comparison("ours", "theirs", [1.0, 2.0, 9.0], [5.0, 4.0, 0.1])
    assert comparison.ratio == 0.5


def test_both_sides_take_turns() -> None:
    turns = []

    def side(name: str, seconds: float) -> float:
        turns.append(name)
        return seconds

    found = overhead.in_turns("a", lambda: side("a", 1.0), "b", lambda: side("b", 2.0), runs=2)
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert (found.seconds, found.rival_seconds) == ([1.0, 1.0], [2.0, 2.0])


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        overhead.main(["--runs", "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err
