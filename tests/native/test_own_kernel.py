"""The example of a user's own kernel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_kernel.celsius import BrokenSensor, celsius_kernel, main
from own_kernel.compiling import compiled


def test_it_is_built_once(tmp_path: Path) -> None:
    for _ in range(2):
        celsius = celsius_kernel(tmp_path).bind(gain=0.5, offset=-40.0)
        assert celsius(np.array([0, 100], np.int16)).tolist() == [-40.0, 10.0]
        assert len(list(tmp_path.iterdir())) == 1


def test_its_statuses(tmp_path: Path) -> None:
    celsius = celsius_kernel(tmp_path)
    with pytest.raises(BrokenSensor, match="sensor is broken"):
        celsius(np.array([5, -(2**15)], np.int16), gain=1.0, offset=0.0)
    with pytest.raises(ValueError, match="gain must not be 0"):
        celsius(np.array([5], np.int16), gain=0.0, offset=0.0)


def test_a_change_of_the_source_is_another_module(tmp_path: Path) -> None:
    source, declarations = tmp_path / "one.c", tmp_path / "one.cdef"
    declarations.write_text("int number(void);")
    for number in (1, 2):
        source.write_text(f"int number(void) {{ return {number}; }}")
        assert compiled(source, declarations, tmp_path / "built").lib.number() == number


def test_main(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out
    assert "degrees: [19.0, 21.25, 22.0]" in printed
    assert "100000 readings through a flow, on average 20.75" in printed
    assert "TypeError: celsius: the array must be of dtype int16" in printed
    assert "BrokenSensor" in printed
