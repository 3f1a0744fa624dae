"""The benchmark programs, at a small size."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logistic_map import benchmark, columns, memory

from flowlike.errors import KernelError

EXAMPLES = Path(benchmark.__file__).parents[1]


def in_a_process(program: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / program), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


EVERYWHERE = "1,2,3,4,5,6,7,8,c,c-fast,numpy"


def test_all_columns_from_the_command_line(tmp_path: Path) -> None:
    names = list(columns.COLUMNS)
    try:
        for column in columns.COLUMNS.values():
            if column.prepare is not None:
                column.prepare()
        chosen = []
    except (KernelError, ModuleNotFoundError):
        names = EVERYWHERE.split(",")
        chosen = ["--columns", EVERYWHERE]
    found = tmp_path / "found.json"
    printed = in_a_process(
        "logistic_map/benchmark.py",
        *("--size", "0x800", "--stages", "1,2,3", "--runs", "2", "--json", str(found)),
        *chosen,
    )
    assert "2048 numbers, 10 rounds each, p = 6700417, mu = 22; median of 2" in printed
    assert "checked: every result is that of column c" in printed
    report = json.loads(found.read_text())
    assert (report["size"], report["runs"], report["input"]) == (2048, 2, "array")
    flows = [(name, stages) for name in "12345678" for stages in (1, 2, 3)]
    others = [(name, None) for name in names[8:]]
    results = report["results"]
    assert [(each["column"], each["stages"]) for each in results] == flows + others
    plain_c = results[len(flows)]
    for each in results:
        assert len(each["seconds"]) == 2
        assert each["median"] == sum(each["seconds"]) / 2
        assert each["ratio_to_c"] == pytest.approx(
            each["median"] / each["size"] / plain_c["median"] * plain_c["size"]
        )
    lines = [line for line in printed.splitlines() if re.match(r"[1-8c] ", line)]
    assert [line.split()[:3] for line in lines] == [
        *([name, str(stages), "2048"] for name, stages in flows),
        ["c", "-", "2048"],
    ]


def test_lists_give_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "3000", "--stages", "1,2", "--runs", "1", "--input", "list"]
    assert benchmark.main([*options, "--columns", "1,5,6,7,8"]) == 0
    printed = capsys.readouterr().out
    assert "checked" in printed
    assert [line.split()[0] for line in printed.splitlines()[2:13]] == list("c1155667788")


def test_slow_columns_get_fewer_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = columns.Column("slow", columns.COLUMNS["1"].program, most=100)
    monkeypatch.setattr(benchmark, "COLUMNS", {**columns.COLUMNS, "1": slow})
    options = ["--size", "1000", "--stages", "1,2", "--runs", "1", "--columns", "c,1"]
    assert benchmark.main(options) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^c +- +1000 ", printed, re.MULTILINE)
    assert re.search(r"^1 +2 +100 ", printed, re.MULTILINE)
    assert "slow columns got fewer numbers" in printed


@pytest.mark.parametrize("stages", ["1", "2"])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda xs, out, stages: xs[:-1],
        lambda xs, out, stages: np.zeros_like(xs),
        lambda xs, out, stages: xs - 5,
        lambda xs, out, stages: xs + columns.P,
        lambda xs, out, stages: np.empty(0, np.int64),
    ],
    ids=["short", "zeros", "negative", "large", "nothing"],
)
def test_a_wrong_result_ends_it(
    wrong: Any, stages: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    column = columns.Column("wrong", wrong)
    monkeypatch.setattr(benchmark, "COLUMNS", {**columns.COLUMNS, "5": column})
    options = ["--size", "1000", "--runs", "1", "--columns", "5", "--stages", stages]
    assert benchmark.main(options) == 1
    captured = capsys.readouterr()
    assert f"wrong result: column 5 at stages {stages} differs from column c" in captured.err
    assert "checked" not in captured.out


def test_the_order_is_free_only_with_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_c = columns.COLUMNS["c"].program
    column = columns.Column("backwards", lambda xs, out, _: np.array(plain_c(xs, out, 1)[::-1]))
    monkeypatch.setattr(benchmark, "COLUMNS", {**columns.COLUMNS, "5": column})
    options = ["--size", "1000", "--runs", "1", "--columns", "5"]
    assert benchmark.main([*options, "--stages", "2"]) == 0
    assert benchmark.main([*options, "--stages", "1"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "5,9"], "there is no column '9', only 1, 2, 3"),
        (["--size", "0"], "must be 1 or more, not 0"),
        (["--size", "many"], "'many' is no whole number"),
        (["--size", str(2**40)], "where plain C overflows"),
        (["--stages", "1,0"], "must be 1 or more, not 0"),
        (["--stages", "1,,2"], "'' is no whole number"),
        (["--runs", "-1"], "must be 1 or more, not -1"),
        (["--input", "tuple"], "invalid choice"),
    ],
)
def test_bad_arguments(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark.main(options)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_plain_c_is_exact_up_to_the_greatest_size() -> None:
    x = benchmark.GREATEST_SIZE
    assert columns.MU * x * (x + 1) < 2**63


def test_numpy_takes_a_rest_of_a_block() -> None:
    xs = np.arange(1, 2 * columns.BLOCK + 100)
    filled = columns.in_numpy(xs, np.empty_like(xs))
    assert np.array_equal(filled, columns.COLUMNS["c"].program(xs, np.empty_like(xs), 1))


def test_memory_from_the_command_line(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    options = ["--memory", "--size", "0x400000", "--stages", "1,2", "--json", str(found)]
    printed = in_a_process("logistic_map/benchmark.py", *options)
    peaks = json.loads(found.read_text())["memory"]
    assert [peak["stages"] for peak in peaks] == [1, 2]
    for peak, line in zip(peaks, printed.splitlines(), strict=True):
        assert peak["size"] == 0x400000
        # The input and the output are 32 MiB each, and were there at the same time.
        assert peak["before"] + 48 * 2**20 < peak["peak"] < peak["before"] + 200 * 2**20
        assert str(memory.PeakMemory(**peak)) == line


def test_memory_in_words() -> None:
    peak = memory.PeakMemory(size=1_000_000, stages=2, before=40_000_000, peak=66_000_000)
    assert str(peak) == (
        "peak memory of column 8, 1000000 numbers, stages 2: 66.0 MB = input 8.0 MB + "
        "output 8.0 MB + 50.0 MB, of which 40.0 MB are Python, NumPy and flowlike before the start"
    )
