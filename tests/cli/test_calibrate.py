"""``flowlike calibrate``: the table, the picture, and what is said of bad arguments."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowlike.cli.chunk_times import ChunkTime, ChunkTimes, time_chunks
from flowlike.cli.commands import flowlike

LOGISTIC = "flowlike.native:logistic_map"
PARAMS = ("--param", "num=10", "--param", "p=6700417", "--param", "mu=22")


def calibrate(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(flowlike, ["calibrate", *arguments])


def test_the_table_marks_the_chosen_length() -> None:
    result = calibrate(LOGISTIC, *PARAMS, "--target", "0.0002", "--repeats", "2")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert f"{LOGISTIC}, at most 200 us a call" in lines[0]
    assert len([line for line in lines if "<- chosen" in line]) == 1


def test_a_plain_function_and_an_input_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_mine.py").write_text(
        "def scaled(texts, *, by=1):\n    return [text * by for text in texts]\n"
        "def texts(n):\n    assert n > 0\n    return ['a'] * n\n"
    )
    monkeypatch.chdir(tmp_path)
    result = calibrate(
        "of_mine:scaled", "--param", "by=2", "--input", "of_mine:texts",
        "--target", "0.0001", "--repeats", "1",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "<- chosen" in result.output


def test_numbers_are_the_input_of_a_function() -> None:
    result = calibrate("builtins:sum", "--target", "0.0001", "--repeats", "1")
    assert result.exit_code == 0, result.output


def test_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "found.svg"
    result = calibrate("builtins:sum", "--target", "1e-5", "--repeats", "1", "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert "<svg" in picture.read_text()


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    plot = str(tmp_path / "found.svg")
    result = calibrate("builtins:sum", "--target", "1e-5", "--repeats", "1", "--plot", plot)
    assert result.exit_code == 1
    assert "pip install 'flowlike[plot]'" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["logistic_map"], "MODULE:KERNEL is written module:name, not 'logistic_map'"),
        (["no.such:kernel"], "there is no module 'no'"),
        (["flowlike.native:nothing"], "flowlike.native has no 'nothing'"),
        (["math:pi"], "which cannot be called"),
        ([LOGISTIC], "give --param num=... --param p=... --param mu=..."),
        ([LOGISTIC, "--param", "num"], "--param is written name=value, not 'num'"),
        ([LOGISTIC, "--param", "num=ten"], "--param num has to be a literal, not 'ten'"),
        ([LOGISTIC, "--param", "num=1.5"], "num must be"),
        ([LOGISTIC, "--param", "tum=1"], "tum"),
        (["builtins:sum", "--target", "0"], "0.0 is not in the range x>0"),
        (["builtins:sum", "--input", "here"], "--input is written module:name"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str) -> None:
    result = calibrate(*arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_a_function_that_fails_is_named() -> None:
    result = calibrate("builtins:ord", "--repeats", "1")
    assert result.exit_code == 1
    assert "builtins:ord has failed: TypeError" in result.output


def test_lengths_grow_until_four_times_the_target() -> None:
    lengths: list[int] = []

    def make(n: int) -> range:
        lengths.append(n)
        return range(n)

    found = time_chunks(sum, make, target=2e-5, repeats=1)
    timed = [each.length for each in found.times]
    assert timed == sorted(timed)
    assert found.chosen in timed
    others = [length for length in timed if length != found.chosen]
    powers = [4**exponent for exponent in range(len(timed))]
    assert others in (powers[: len(others)], [each for each in powers if each != found.chosen])
    assert set(timed) <= set(lengths)


def test_what_is_lost_is_measured_against_the_cheapest_item() -> None:
    short, long = ChunkTime(10, 4e-3), ChunkTime(1000, 0.1)
    found = ChunkTimes(0.1, 1000, (short, long))
    assert found.lost(long) == 0
    assert found.lost(short) == pytest.approx(0.75)
