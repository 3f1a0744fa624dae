"""Measuring beside other libraries, with a fake one and nothing to install."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rivals import benchmark
from rivals.environment import Environment, InstallError, Library, read_libraries
from rivals.measuring import Duel, Turns, compare
from rivals.side import Side, SideError
from rivals.table import Row, as_json, as_markdown, between_marks
from rivals.tasks import TASKS

EXAMPLES = Path(__file__).parents[2] / "examples"
RIVALS = EXAMPLES / "rivals"
ADAPTERS = sorted((RIVALS / "adapters").glob("with_*.py"))
PYTHON = Path(sys.executable)

FAKE = '''
import sys, threading
from rivals.tasks import count_lines, kernel, spin_all

print("what libraries print is no answer")
CANNOT = {"start": "it never starts"}

def pipeline(numbers):
    """Adds
    numbers."""
    print("nor is this")
    return sum(number + 1 for number in numbers if number % 2)

def word_count(path):
    return {}

def logistic(numbers):
    raise ValueError("no numbers")

def two_cores(numbers):
    threading.Event().wait()
'''


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    """A side that does one task, and each other one badly."""
    adapters = tmp_path / "rivals" / "adapters"
    adapters.mkdir(parents=True)
    (adapters / "with_fake.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Side(PYTHON, "fake", tmp_path / "fake.log", patience=20) as side:
        yield side


def test_a_side_says_what_it_can_do(fake: Side) -> None:
    assert fake.abilities["pipeline"] == {"how": "Adds numbers."}
    assert fake.abilities["start"] == {"cannot": "it never starts"}
    assert list(fake.abilities) == [task.name for task in TASKS]


def test_a_task_that_is_done(fake: Side) -> None:
    assert 0 < fake.seconds("pipeline", 100) < 20


def test_a_wrong_result_is_no_result(fake: Side) -> None:
    with pytest.raises(SideError, match=r"wrong result: \{\}"):
        fake.seconds("word_count", 100)
    assert fake.seconds("pipeline", 10) > 0


def test_an_error_is_told(fake: Side) -> None:
    with pytest.raises(SideError, match="ValueError: no numbers"):
        fake.seconds("logistic", 100)


def test_what_does_not_end_is_ended(fake: Side) -> None:
    fake._patience = 0.2
    with pytest.raises(SideError, match=r"no result within 0\.2 s"):
        fake.seconds("two_cores", 1)
    with pytest.raises(SideError, match=r"its process has ended; see fake\.log"):
        fake.seconds("pipeline", 1)


def test_an_adapter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SideError, match=r"its process has ended; see nobody\.log"):
        Side(PYTHON, "nobody", tmp_path / "nobody.log")
    assert "with_nobody" in (tmp_path / "nobody.log").read_text()


def test_both_sides_take_turns(fake: Side, tmp_path: Path) -> None:
    with Side(PYTHON, "flowlike", tmp_path / "flowlike.log") as flowlike:
        duels = {
            task.name: compare(task, flowlike, fake, runs=2, most=1000)
            for task in TASKS
            if task.name not in {"two_cores", "logistic"}
        }
    pipeline = duels["pipeline"]
    assert pipeline.rival is not None
    assert (pipeline.rival.size, len(pipeline.rival.seconds)) == (1000, 2)
    assert pipeline.ratio == pipeline.rival.rate / pipeline.flowlike.rate
    assert duels["word_count"].rival is None
    assert duels["word_count"].cannot == "wrong result: {}"
    assert duels["start"].cannot == "it never starts"
    assert len(duels["start"].flowlike.seconds) == 20


def test_plain_python_and_flowlike_do_every_task(tmp_path: Path) -> None:
    library = Library("plain_python", "plain Python", ())
    duels = benchmark.measure(library, PYTHON, TASKS, 1, tmp_path, most=2000)
    assert [duel.task for duel in duels] == [task.name for task in TASKS]
    assert [duel.cannot for duel in duels] == [""] * len(TASKS)
    assert all(duel.ratio for duel in duels)


ROWS = [
    Row(
        Library("quick", "Quick", ("quick==1.2", "other==3")),
        [
            Duel("pipeline", Turns(1000, [1.0]), Turns(4_000_000, [2.0]), how="at once"),
            Duel("start", Turns(10, [0.5]), Turns(10, [0.0012]), how="at once"),
        ],
    ),
    Row(
        Library("slow", "Slow", ("slow==2",)),
        [
            Duel("pipeline", Turns(1000, [3.0]), Turns(30, [3.0]), how="slowly"),
            Duel("start", Turns(10, [0.5]), None, cannot="it never starts"),
        ],
    ),
    Row(Library("none", "None", ("none==0",)), failed="ERROR: no such version"),
]


def test_the_table() -> None:
    text = as_markdown(ROWS, "a machine")
    assert text.splitlines()[:8] == [
        "a machine.",
        "",
        "| | a map and a filter, events/s | 10 events, ms |",
        "|---|--:|--:|",
        "| **flowlike** | **500** | **500** |",
        "| Quick 1.2 | **2 M (2,000 x)** | **1.2 (417 x)** |",
        "| Slow 2 | 10 (0.03 x) | - |",
        "| None 0 | - | - |",
    ]
    assert "- None: not installed. ERROR: no such version\n" in text
    assert "- Slow, 10 events: it never starts.\n" in text
    assert "- **Slow**\n    - a map and a filter: slowly\n" in text


def test_all_times_are_kept() -> None:
    kept = json.loads(json.dumps(as_json(ROWS, "a machine")))
    assert kept["rows"][0]["duels"][0]["ratio"] == 2000
    assert kept["rows"][2]["failed"] == "ERROR: no such version"


def test_the_table_stands_between_its_marks() -> None:
    page = "above\n<!-- measured -->\nold\n<!-- end -->\nbelow\n"
    assert between_marks(page, "new\n") == (
        "above\n<!-- measured -->\n\nnew\n\n<!-- end -->\nbelow\n"
    )
    with pytest.raises(ValueError, match="<!-- measured -->"):
        between_marks("no marks", "new")


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda path: path.stem)
def test_an_adapter_does_each_task_or_says_why_not(adapter: Path) -> None:
    tree = ast.parse(adapter.read_text(encoding="utf-8"))
    said: dict[str, bool] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                said[name] = bool(ast.get_docstring(node))
            case ast.Assign(targets=[ast.Name(id="start")], value=ast.Name(id="pipeline")):
                said["start"] = True
            case ast.Assign(targets=[ast.Name(id="CANNOT")], value=value):
                said.update(dict.fromkeys(ast.literal_eval(value), True))
    assert {task.name: said.get(task.name) for task in TASKS} == {task.name: True for task in TASKS}


def test_every_library_has_an_adapter_and_a_version(tmp_path: Path) -> None:
    names = {library.name for library in read_libraries(RIVALS / "versions.toml")}
    assert names | {"flowlike"} == {path.stem.removeprefix("with_") for path in ADAPTERS}
    (tmp_path / "versions.toml").write_text('[a]\ntitle = "A"\nrequires = ["a>=1"]\n')
    with pytest.raises(ValueError, match="has to pin a with ==, not 'a>=1'"):
        read_libraries(tmp_path / "versions.toml")


def test_what_pip_says_is_the_reason(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "environment")
    nothing = tmp_path / "nothing-1-py3-none-any.whl"
    with pytest.raises(InstallError, match=r"ERROR: .*nothing-1-py3-none-any\.whl"):
        environment.install(Library("none", "None", ()), nothing)
    environment.remove()
    assert not (tmp_path / "environment").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "nobody"], "there is no library 'nobody', only plain_python"),
        (["--tasks", "sorting"], "there is no task 'sorting', only pipeline"),
        (["--runs", "0"], "must be 1 or more, not 0"),
    ],
)
def test_bad_arguments(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert says in capsys.readouterr().err
