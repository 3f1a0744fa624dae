"""The faces of the packages: ``__all__`` says what is there, no less and no more."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted((ROOT / "flowlike").rglob("__init__.py"))
FRONT = ROOT / "flowlike" / "__init__.py"
MODULES = sorted(
    path for path in (ROOT / "flowlike").rglob("*.py") if not path.name.startswith("_")
)


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    """The dotted name under which ``path`` is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def literal_all(tree: ast.Module) -> list[str]:
    """The list that is written as ``__all__``, refused unless written out once."""
    written = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(name, ast.Name) and name.id == "__all__" for name in node.targets)
    ]
    assert len(written) == 1, "__all__ is written once"
    names = ast.literal_eval(written[0])
    assert isinstance(names, list)
    return names


def shown(path: Path) -> str:
    """``path`` as a test id."""
    return str(path.relative_to(ROOT))


def shown_by(node: ast.ImportFrom) -> list[str]:
    """The names of ``from room import X as X``."""
    assert all(alias.name == alias.asname for alias in node.names), "import X as X"
    return [alias.name for alias in node.names]


def homes_of(node: ast.Assign) -> dict[str, str]:
    """The names of ``on_first_use`` with their modules in the package."""
    call = node.value
    assert isinstance(call, ast.Call)
    assert ast.unparse(call.func) == "on_first_use"
    return {
        name: str(home.arg)
        for home in call.keywords
        for name in ast.literal_eval(home.value).split()
    }


@pytest.mark.parametrize("path", [path for path in PACKAGES if path != FRONT], ids=shown)
def test_a_package_shows_what_it_imports_and_defines_nothing(path: Path) -> None:
    tree = parse(path)
    if not tree.body:
        return  # An empty face shows nothing.
    shows = []
    for node in tree.body:
        match node:
            case ast.ImportFrom(module="__future__" | "typing" | "flowlike.first_use"):
                pass
            case ast.ImportFrom():
                shows += shown_by(node)
            case ast.If(
                test=ast.Name(id="TYPE_CHECKING"), body=seen, orelse=[ast.Assign() as late]
            ):
                package = module_name(path)
                assert {name: f"{package}.{home}" for name, home in homes_of(late).items()} == {
                    name: str(each.module)
                    for each in seen
                    if isinstance(each, ast.ImportFrom)
                    for name in shown_by(each)
                }
                shows += homes_of(late)
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                pass
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case _:
                pytest.fail(f"line {node.lineno}: a face defines nothing")
    assert literal_all(tree) == sorted(shows)


def test_the_front_door_shows_each_name_from_the_room_that_type_checkers_see() -> None:
    tree = parse(FRONT)
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert literal_all(tree) == sorted(seen)
    front = importlib.import_module("flowlike")
    for name, room in seen.items():
        assert getattr(front, name) is getattr(importlib.import_module(str(room)), name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = front.Nothing


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_a_module_has_what_its_all_names(path: Path) -> None:
    names = literal_all(parse(path))
    assert names == sorted(set(names))
    module = importlib.import_module(module_name(path))
    assert [name for name in names if not hasattr(module, name)] == []


def undocumented(tree: ast.Module) -> list[str]:
    """The public definitions of a module, and of its public classes, without a docstring."""
    missing = [] if ast.get_docstring(tree) else ["the module"]

    def look(body: list[ast.stmt], inside: str) -> None:
        for node in body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("_") or any(
                isinstance(mark, ast.Name) and mark.id in {"overload", "override"}
                for mark in node.decorator_list
            ):
                continue
            if not ast.get_docstring(node):
                missing.append(inside + node.name)
            if isinstance(node, ast.ClassDef):
                look(node.body, f"{inside}{node.name}.")

    look(tree.body, "")
    return missing


@pytest.mark.parametrize("path", [*PACKAGES, *MODULES], ids=shown)
def test_every_public_definition_has_a_docstring(path: Path) -> None:
    tree = parse(path)
    assert not tree.body or undocumented(tree) == []


@pytest.mark.parametrize("path", PACKAGES, ids=shown)
def test_what_a_package_shows_says_what_it_is(path: Path) -> None:
    package = importlib.import_module(module_name(path))
    shows = [getattr(package, name) for name in getattr(package, "__all__", ())]
    defined = [shown for shown in shows if inspect.isclass(shown) or inspect.isroutine(shown)]
    silent = [shown for shown in defined if not inspect.getdoc(shown)]
    assert silent == []


def test_an_undocumented_method_is_seen() -> None:
    source = '"""M."""\nclass A:\n    """A."""\n    def f(self): ...\n    def _g(self): ...\n'
    assert undocumented(ast.parse(source)) == ["A.f"]
