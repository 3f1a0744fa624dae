"""The measurement of stages, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stage_bars


def test_every_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "found.json"
    stage_bars.main(["--events", "20", "--runs", "1", "--json", str(written)])
    printed = capsys.readouterr().out.splitlines()
    assert [line[:40].strip() for line in printed] == [
        *(f"1 producer, 1 consumer, max_demand {demand}" for demand in (1, 100, 1000, 10_000)),
        "2 consumers, own hash",
        "2 consumers, broadcast",
        "128 producers x 128 consumers",
        "idle producer",
        "idle consumer",
        "subscription",
    ]
    rows = json.loads(written.read_text())
    assert [row["name"] for row in rows] == [line[:40].strip() for line in printed]
    assert all(line.endswith(" x") for line in printed[:-3])
    assert all(float(line.split()[-2]) > 0 for line in printed)


def test_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    stage_bars.main(["--events", "20", "--runs", "1", "--only", "partition"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("2 consumers, own hash")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "queue,letters"], "there is no 'letters', only queue, partition"),
        (["--runs", "0"], "must be 1 or more, not 0"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stage_bars.main(arguments)
    assert says in capsys.readouterr().err


async def test_a_side_that_loses_events_is_told() -> None:
    """The consumers count what has come."""
    numbers = stage_bars.Numbers
    stage_bars.Numbers = type(
        "Short", (numbers,), {"__init__": lambda self, n: numbers.__init__(self, n - 1)}
    )
    try:
        with pytest.raises(AssertionError, match="9 events came of 10"):
            await stage_bars.one_to(1, 10, 5)
    finally:
        stage_bars.Numbers = numbers
