"""The program that kills workers, a few times."""

from __future__ import annotations

import killed_workers
import pytest


def test_it_finds_an_error_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    killed_workers.main(["--times", "2"])
    assert capsys.readouterr().out.startswith("2 x NodeLost, median 0.")
