"""The measurement of ProcessRunner, at a small size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import runner_bars


def test_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "found.json"
    runner_bars.main(["--size", "500", "--runs", "1", "--workers", "2", "--json", str(written)])
    lines = capsys.readouterr().out.splitlines()
    names = [row.name for row in runner_bars.ROWS]
    assert [line.split()[0] for line in lines] == names
    assert [row["name"] for row in json.loads(written.read_text())] == names


@pytest.mark.parametrize("parts", [1, 2, 3, 20])
def test_the_parts_of_a_file_are_the_whole(tmp_path: Path, parts: int) -> None:
    path = tmp_path / "lines.txt"
    text = "".join("ä" * (n % 7) + f"{n}\n" for n in range(50)) + "no newline at the end"
    path.write_text(text, encoding="utf-8")
    found = [line for n in range(parts) for line in runner_bars.Part(path, n, parts)]
    assert "".join(found) == text


def test_bad_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        runner_bars.main(["--only", "letters"])
    assert "there is no 'letters', only" in capsys.readouterr().err
