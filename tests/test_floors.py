"""The shape of the house: imports never point up, and no room grows into two."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flowlike"

FLOORS = {
    "arrow": 0,
    "batches": 0,
    "clock": 0,
    "errors": 0,
    "event_loop": 0,
    "flat": 0,
    "hooks": 0,
    "memory": 0,
    "options": 0,
    "counted": 0,
    "carried": 0,
    "envelopes": 0,
    "first_use": 0,
    "grouped": 0,
    "numbered": 0,
    "parted": 0,
    "pickling": 0,
    "pieces": 0,
    "reduced": 0,
    "native": 1,
    "operators": 2,
    "stages": 3,
    "connectors": 4,
    "nodes": 4,
    "observe": 4,
    "recovery": 4,
    "flow": 5,
    "runners": 6,
    "__main__": 8,
    "cli": 7,
    "testing": 7,
    "pytest_plugin": 8,
}

# Values in, values out: what the world does reaches these as an argument.
PURE = (
    "flowlike.operators",
    "flowlike.stages.buffer",
    "flowlike.stages.demand",
    "flowlike.stages.dispatchers",
    "flowlike.flow.combiner",
    "flowlike.flow.explain",
    "flowlike.flow.graph",
    "flowlike.flow.layered_layout",
    "flowlike.flow.plan",
    "flowlike.flow.planner",
)
WORLDLY = {"asyncio", "multiprocessing", "queue", "selectors", "socket", "threading", "time"}

LINE_LIMIT = 450
MOSTLY_DOCUMENTATION = {PACKAGE / "flow" / "flow.py"}


def module_name(path: Path) -> str:
    """The dotted name under which ``path`` is imported."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module, importer: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and target of each import, wherever it stands; ``from a import b`` gives ``a.b``."""
    package = importer if is_package else importer.rpartition(".")[0]
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=module, names=names, level=level):
                ancestors = package.split(".")
                anchor = ancestors[: len(ancestors) - level + 1] if level else []
                for alias in names:
                    yield node.lineno, ".".join([*anchor, *filter(None, [module]), alias.name])
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(target)), *_],
            ):
                yield node.lineno, target


def room_of(module: str) -> str | None:
    """The room of a flowlike module; ``None`` for the front door and foreign modules."""
    package, _, rest = module.partition(".")
    return rest.split(".")[0] if package == "flowlike" and rest else None


def breaches(source: str, importer: str, *, is_package: bool = False) -> list[str]:
    """One sentence for each import of a flowlike module that its floor forbids."""
    room = room_of(importer)
    if room is None:
        return []  # The front door shows every room.
    is_pure = importer in PURE or importer.startswith(tuple(f"{module}." for module in PURE))
    found = []
    for line, target in imports(ast.parse(source), importer, is_package=is_package):
        other = room_of(target)
        if target.partition(".")[0] != "flowlike" or other == room:
            if is_pure and target.partition(".")[0] in WORLDLY:
                found.append(f"{importer}:{line} is pure and imports {target}")
            continue
        if other not in FLOORS:
            found.append(f"{importer}:{line} imports {target}, past the doors of the rooms")
        elif FLOORS[other] > FLOORS[room]:
            found.append(f"{importer}:{line} imports {target}, which is above it")
        elif FLOORS[other] == FLOORS[room] > 0:
            found.append(f"{importer}:{line} imports {target}, a room beside it")
    return found


def code_lines(source: str) -> int:
    """Lines of ``source`` without those of its docstrings."""
    documented = 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())) as text, *_]:
                    documented += (text.end_lineno or text.lineno) - text.lineno + 1
    return len(source.splitlines()) - documented


def python_files(*folders: str) -> list[Path]:
    """The Python files under ``folders`` of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def shown(path: Path) -> str:
    """``path`` as a test id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_is_there(module: str) -> None:
    place = PACKAGE.parent.joinpath(*module.split("."))
    assert place.is_dir() or place.with_suffix(".py").is_file(), "it moved: say where to"


@pytest.mark.parametrize("path", python_files("flowlike"), ids=shown)
def test_imports_never_point_up(path: Path) -> None:
    module = module_name(path)
    room = room_of(module)
    assert room is None or room in FLOORS, f"give the room {room!r} a floor"
    source = path.read_text(encoding="utf-8")
    assert breaches(source, module, is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize("path", python_files("flowlike", "examples", "tests"), ids=shown)
def test_a_file_is_one_room(path: Path) -> None:
    if path not in MOSTLY_DOCUMENTATION:
        assert code_lines(path.read_text(encoding="utf-8")) <= LINE_LIMIT, "this is two rooms"


@pytest.mark.parametrize(
    ("importer", "source", "says"),
    [
        ("flowlike.stages.buffer", "import flowlike.flow.flow", "above it"),
        ("flowlike.stages.buffer", "from flowlike.flow import Flow", "above it"),
        ("flowlike.stages.buffer", "from ..flow import Flow", "above it"),
        ("flowlike.stages.buffer", "def f():\n    from flowlike import runners", "above it"),
        ("flowlike.stages.buffer", "if TYPE_CHECKING:\n    import flowlike.cli", "above it"),
        ("flowlike.stages.buffer", "importlib.import_module('flowlike.flow')", "above it"),
        ("flowlike.observe.stats", "import flowlike.recovery.epochs", "beside it"),
        ("flowlike.stages.buffer", "from flowlike import Flow", "past the doors"),
        ("flowlike.stages.buffer", "import flowlike", "past the doors"),
        ("flowlike.operators.fuse", "import time", "is pure"),
        ("flowlike.stages.buffer", "from time import monotonic", "is pure"),
        ("flowlike.operators.fuse", "from concurrent.futures import Executor", None),
        ("flowlike.stages.buffer", "from flowlike.operators import Layer", None),
        ("flowlike.stages.buffer", "from .mailbox import Mailbox", None),
        ("flowlike.options", "from flowlike.errors import FlowBuildError", None),
        ("flowlike.flow.run", "import asyncio", None),
        ("flowlike", "from flowlike.runners import LocalRunner", None),
    ],
)
def test_the_rule_sees_every_way_to_import(importer: str, source: str, says: str | None) -> None:
    found = breaches(source, importer)
    assert len(found) == (says is not None)
    assert says is None or says in found[0]


def test_the_plan_of_the_house_is_right() -> None:
    page = (ROOT / "docs" / "design" / "house.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", page, re.MULTILINE)
    shown = {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}
    assert shown == {room: floor for room, floor in FLOORS.items() if room != "__main__"}
    table = page[page.index("| file in `flowlike/nodes/`") :]
    named = re.findall(r"`(\w+\.py)`", table[: table.index("\n\n")])
    files = [path.name for path in (PACKAGE / "nodes").glob("[!_]*.py")]
    assert sorted(named) == sorted(files)


def test_docstrings_do_not_count_as_code() -> None:
    assert code_lines('"""One.\n\nTwo.\n"""\n\ndef f():\n    """Three."""\n    return 4\n') == 3
