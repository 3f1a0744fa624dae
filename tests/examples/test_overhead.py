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


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        overhead.main(["--runs", "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err
