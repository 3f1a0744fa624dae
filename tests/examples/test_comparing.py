"""What the measurements have in common."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from comparing import Comparison, Times, add_options, chosen_from, count, in_turns, write_json


def test_who_begins_alternates() -> None:
    turns = []

    def side(name: str, seconds: float) -> float:
        turns.append(name)
        return seconds

    found = in_turns(
        Comparison("a", "b"), lambda: side("a", 1.0), lambda: side("b", 2.0), 3, seconds=float
    )
    assert "".join(turns) == "ab" + "ab" + "ba" + "ab"
    assert (found.ours.wall, found.rivals.wall) == ([1.0] * 3, [2.0] * 3)
    assert "cpu_ratio" not in found.as_row()


def test_results_that_differ_are_no_measurement() -> None:
    called = []
    with pytest.raises(AssertionError, match="odd: the flow and a loop differ"):
        in_turns(
            Comparison("odd", "a loop"),
            lambda: called.append("ours"),
            lambda: called.append("rivals"),
            5,
            same=lambda ours, rivals: False,
        )
    assert called == ["ours", "rivals"]


def test_the_ratio_says_how_much_longer_than_the_rival() -> None:
    found = Comparison("a", "b", Times([4.0, 1.0, 9.0], [2.0]), Times([2.0, 3.0, 1.0], [4.0]))
    assert (found.ratio, found.cpu_ratio) == (2.0, 0.5)
    assert found.as_row()["cpu_ratio"] == 0.5
    assert found.shown(4).split() == ["a", "4000.000", "ms", "b", "2000.000", "ms"]


def test_a_rival_too_quick_for_the_clock_has_a_ratio() -> None:
    found = Comparison("a", "b", Times([0.5], [0.5]), Times([0.0], [0.0]))
    assert found.ratio == found.cpu_ratio == pytest.approx(0.5e9)


def test_a_side_is_timed_by_the_wall_and_by_the_cpus() -> None:
    times = Times()
    assert times.take(lambda: sum(range(100_000))) == 4_999_950_000
    assert times.cpu[0] > 0
    assert times.median == times.least == times.wall[0] > 0


@pytest.mark.parametrize(
    ("text", "says"), [("0", "must be 1 or more, not 0"), ("many", "'many' is no whole number")]
)
def test_a_count(text: str, says: str) -> None:
    assert count("0x400") == 1024
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        count(text)


def test_rows_are_chosen_by_their_names() -> None:
    rows = {"words": 1, "pairs": 2}
    assert chosen_from(rows)("pairs,words,pairs") == (2, 1)
    with pytest.raises(argparse.ArgumentTypeError, match="no row 'sets', only words, pairs"):
        chosen_from(rows, "row")("words,sets")


def test_the_options_of_every_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, runs=3, only={"words": 1, "pairs": 2})
    arguments = parser.parse_args([])
    assert (arguments.runs, arguments.only, arguments.json) == (3, (1, 2), None)
    write_json(arguments.json, [])
    arguments = parser.parse_args(["--only", "pairs", "--json", str(tmp_path / "found.json")])
    write_json(arguments.json, [arguments.only])
    assert json.loads((tmp_path / "found.json").read_text()) == [[2]]
    with pytest.raises(SystemExit):
        parser.parse_args(["--json", str(tmp_path / "nowhere" / "found.json")])
    assert "there is no folder" in capsys.readouterr().err
