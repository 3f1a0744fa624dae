"""The program ``flowlike``: its version, its benchmarks, and what it says without its extra."""

from __future__ import annotations

import builtins
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowlike.cli import main
from flowlike.cli.bench import PROGRAMS
from flowlike.cli.commands import flowlike

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(flowlike, ["bench", *arguments])


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"flowlike {version('flowlike')}\n"


def test_it_is_installed_as_a_program() -> None:
    (program,) = entry_points(group="console_scripts", name="flowlike")
    assert program.load() is main


def test_it_is_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowlike", "--help"], capture_output=True, text=True, check=True
    )
    assert "calibrate" in done.stdout


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_a_missing_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    really = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return really(name, *rest)

    for name in [name for name in sys.modules if name.startswith("flowlike.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SystemExit, match=rf"needs {missing}: pip install 'flowlike\[cli\]'"):
        main(["--version"])


def test_the_benchmarks_are_listed_and_are_there() -> None:
    result = bench()
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(PROGRAMS)
    for program, _ in PROGRAMS.values():
        assert (ROOT / "examples" / program).is_file()


def test_a_benchmark_runs_with_its_own_arguments(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "overhead.py").write_text(
        f"import pathlib, sys\npathlib.Path({str(ran)!r}).write_text(' '.join(sys.argv[1:]))\n"
        "sys.exit(3)\n"
    )
    result = bench("--examples", str(tmp_path), "overhead", "--", "--runs", "2")
    assert result.exit_code == 3
    assert ran.read_text() == "--runs 2"


def test_bad_arguments(tmp_path: Path) -> None:
    result = bench("nothing")
    assert result.exit_code == 2
    assert "there is no benchmark 'nothing', only logistic, overhead" in result.output
    result = bench("--examples", str(tmp_path), "flows")
    assert result.exit_code == 1
    assert "examples/flow_bars.py is not here" in result.output
