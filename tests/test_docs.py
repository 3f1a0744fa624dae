"""The examples of README.md and docs/ run as they are written.

Each page is a program of its own: its ``python`` blocks run in order and share one
namespace. A block that begins with ``>>>`` is a session whose answers are compared. A
block is left out only where the line before it is the comment ``<!-- not run: why -->``, or
``<!-- needs numba -->`` (or another of `NEEDS`) on a machine without it.
"""

import doctest
import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flowlike.errors import KernelError
from flowlike.native.opencl_device import OpenCLDevice

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]
FENCE = re.compile(
    r"^(?P<skip><!-- not run: [^\n]+ -->\n)?(<!-- needs (?P<needs>[^\n]+) -->\n)?"
    r"```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


def has_opencl() -> bool:
    try:
        OpenCLDevice.chosen(None)
    except (KernelError, ModuleNotFoundError):
        return False
    return True


NEEDS: dict[str, Callable[[], bool]] = {"numba": has_numba, "an OpenCL device": has_opencl}


class Block(NamedTuple):
    """One example: its text, and the number of lines above it on its page."""

    code: str
    above: int


def blocks(page: str) -> list[Block]:
    """The examples of a page that are to run, in order."""
    return [
        Block(found["code"], page.count("\n", 0, found.start("code")))
        for found in FENCE.finditer(page)
        if not found["skip"] and (not found["needs"] or NEEDS[found["needs"]]())
    ]


def run(block: Block, name: str, namespace: dict[str, Any]) -> None:
    """Run one example; an error, or another answer than the one shown, points into the page."""
    if not block.code.startswith(">>> "):
        code = "\n" * block.above + block.code
        exec(compile(code, name, "exec"), namespace)
        return
    session = doctest.DocTestParser().get_doctest(block.code, namespace, name, name, block.above)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(session, out=said.append, clear_globs=False)
    namespace.update(session.globs)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        run(block, str(page), namespace)


PAGE = """
```python
two = 2
```
<!-- not run: it would raise -->
```python
raise SystemExit
```
```python
>>> two + 1
3
```
```text
two = 3
```
"""


def test_blocks_of_a_page_share_their_names() -> None:
    namespace: dict[str, Any] = {}
    found = blocks(PAGE)
    assert [block.above for block in found] == [2, 9]
    for block in found:
        run(block, "page", namespace)
    assert namespace["two"] == 2


def test_a_block_needs_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<!-- needs numba -->\n```python\n1\n```\n```python\n2\n```\n"
    for there, found in ((True, ["1\n", "2\n"]), (False, ["2\n"])):
        monkeypatch.setitem(NEEDS, "numba", lambda there=there: there)
        assert [block.code for block in blocks(page)] == found


def test_another_answer_than_the_one_shown_fails() -> None:
    with pytest.raises(AssertionError, match="line 8"):
        run(Block(">>> 1 + 1\n3\n", above=7), "page", {})


def test_an_error_points_into_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Block("1 / 0\n", above=41), "page", {})
    assert caught.traceback[-1].lineno + 1 == 42


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:examples|flowlike|native|tests)/[\w/]+\.\w+)`", text)
    assert [name for name in named if not (ROOT / name).is_file()] == []
    for what, name in re.findall(r"`(\w+)`\s+in\s+`([\w/]+\.\w+)`", text):
        assert what in (ROOT / name).read_text(encoding="utf-8"), f"{name} has no {what}"


REFERENCE = ROOT / "docs" / "reference"
DOCUMENTED = re.compile(r"^\.\. auto\w+:: (\S+)$", re.MULTILINE)


@pytest.mark.parametrize("package", ["flowlike", "flowlike.native", "flowlike.testing"])
def test_the_reference_has_every_public_name(package: str) -> None:
    public = {f"{package}.{name}" for name in importlib.import_module(package).__all__}
    written: list[str] = []
    for page in REFERENCE.glob("*.md"):
        written += DOCUMENTED.findall(page.read_text(encoding="utf-8"))
    assert public - set(written) == set()
    assert len(written) == len(set(written)), "each name has one place"
