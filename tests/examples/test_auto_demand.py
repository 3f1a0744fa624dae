"""The measurement of max_demand="auto", at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import auto_demand
import pytest
from comparing import Times


def test_every_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    auto_demand.main(["--size", "8", "--runs", "2", "--json", str(found)])
    rows = json.loads(found.read_text())
    assert [row["name"] for row in rows] == [case.name for case in auto_demand.CASES]
    printed = capsys.readouterr().out
    for row, case in zip(rows, auto_demand.CASES, strict=True):
        assert list(row["seconds"]) == ["auto", *map(str, case.sizes)]
        assert {len(seconds) for seconds in row["seconds"].values()} == {2}
        assert f"{case.name}: auto takes {row['ratio']:.2f} x the best number" in printed


@pytest.mark.parametrize("case", auto_demand.CASES, ids=lambda case: case.name)
def test_the_result_does_not_depend_on_the_size_of_batches(case: auto_demand.Case) -> None:
    run = case.prepare(20)
    wanted = sorted(run("auto"))
    assert len(wanted) == 20
    assert sorted(run(3)) == wanted


def test_auto_is_compared_with_the_best_number() -> None:
    times: dict[auto_demand.Demand, Times] = {
        "auto": Times([9.0, 3.0]),
        10: Times([2.0, 9.0]),
        1: Times([4.0]),
    }
    found = auto_demand.Found(auto_demand.CASES[0], times)
    assert (found.best, found.ratio) == (10, 1.5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "words"], "there is no 'words', only arrays, lambda, 5 ms"),
        (["--runs", "0"], "must be 1 or more, not 0"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        auto_demand.main(arguments)
    assert says in capsys.readouterr().err
