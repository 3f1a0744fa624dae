"""The picture of the benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from logistic_map import benchmark, picture

NEEDED = "needs matplotlib: pip install 'flowlike[plot]'"


def test_one_line_a_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason=NEEDED)
    path = tmp_path / "table.svg"
    options = ["--size", "1000", "--runs", "1", "--columns", "c,c-fast,5,7", "--stages", "1,2,4"]
    assert benchmark.main([*options, "--plot", str(path)]) == 0
    drawn = path.read_text()
    for name in ("c", "c-fast", "5", "7"):
        assert f"<!-- {name} -->" in drawn
    assert "10 rounds of the logistic map on 1000 numbers, median of 1" in drawn


def test_no_two_lines_look_alike_in_grey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pytest.importorskip("matplotlib.figure", reason=NEEDED)
    kept: list[object] = []
    monkeypatch.setattr(figure.Figure, "savefig", lambda self, *_, **__: kept.append(self))
    lines: dict[str, picture.Line] = {str(n): {1: 0.5, 2: 1.0 + n, 8: 2.0} for n in range(14)}
    lines["level"] = {None: 3.0}
    picture.draw(lines, "title", tmp_path / "table.png")
    (axes,) = kept[0].axes  # type: ignore[attr-defined]
    looks = [(line.get_marker(), line.get_color()) for line in axes.lines]
    assert len(set(looks)) == len(looks) == 15
    assert all(red == green == blue for red, green, blue in map(_rgb, looks))
    *_, level = axes.lines
    assert level.get_label() == "level"
    assert level.get_xydata().tolist() == [[1, 3.0], [2, 3.0], [8, 3.0]]


def _rgb(look: tuple[str, str]) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    return to_rgb(look[1])


def test_only_level_lines(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason=NEEDED)
    path = tmp_path / "table.png"
    picture.draw({"c": {None: 1.0}}, "title", path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "says"), [("table.doc", "must end in one of"), ("no/table.png", "there is no folder")]
)
def test_names_it_cannot_have(name: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason=NEEDED)
    with pytest.raises(SystemExit) as ended:
        benchmark.main(["--size", "10", "--columns", "c", "--plot", name])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_without_matplotlib(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SystemExit) as ended:
        benchmark.main(["--size", "10", "--columns", "c", "--plot", "table.png"])
    assert ended.value.code == 2
    assert "pip install 'flowlike[plot]'" in capsys.readouterr().err
