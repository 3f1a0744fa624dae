"""The example that counts words."""

from __future__ import annotations

import doctest
import io
from collections import Counter
from pathlib import Path

import pytest
import word_count

LINES = ["The cat, the dog:", "", "THE cat's 2 dogs -- don't_know"]
COUNTS = {"the": 3, "cat": 1, "dog": 1, "cat's": 1, "2": 1, "dogs": 1, "don't": 1, "know": 1}


@pytest.mark.parametrize("stages", [1, 2, 5, None])
def test_counts(stages: int | None) -> None:
    assert word_count.count_words([LINES], stages) == COUNTS


def test_several_sources_are_counted_together() -> None:
    words = [f"w{n % 100}" for n in range(5000)]
    sources = [words[:10], words[10:], []]
    assert word_count.count_words(sources, 3) == Counter(words)


def test_most_frequent_of_equal_count_by_the_alphabet() -> None:
    assert word_count.most_frequent(COUNTS, 3) == [("the", 3), ("2", 1), ("cat", 1)]


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("b a\nb", encoding="utf-8")
    two.write_text("c ä b", encoding="utf-8")
    assert word_count.main([str(one), str(two), "--top", "2", "--stages", "2"]) == 0
    assert capsys.readouterr().out == "       3 b\n       1 a\n"


def test_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("to be or\nnot to be\n"))
    assert word_count.main(["--top", "1"]) == 0
    assert capsys.readouterr().out == "       2 be\n"


def test_a_file_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert word_count.main([str(tmp_path / "missing")]) == 1
    assert "missing" in capsys.readouterr().err
    (tmp_path / "no text").write_bytes(b"a\xff")
    assert word_count.main([str(tmp_path / "no text")]) == 1
    captured = capsys.readouterr()
    assert "can't decode byte 0xff" in captured.err
    assert "source 1" in captured.err
    assert not captured.out


@pytest.mark.parametrize("option", ["--top", "--stages"])
def test_bad_arguments(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        word_count.main([option, "0"])
    assert "must be 1 or more, not 0" in capsys.readouterr().err


def test_the_docstrings() -> None:
    found = doctest.testmod(word_count)
    assert found.attempted > 0
    assert not found.failed
