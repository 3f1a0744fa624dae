"""The table of all operators has all of them, as they are."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from flowlike import Flow
from flowlike.flow.options import LayerKeywords

DOCS = Path(__file__).parents[1] / "docs"
TABLE = (DOCS / "reference" / "operators.md").read_text("utf-8")
CALL = re.compile(r"`(\w+\([^`]*\))`")
SWITCHES = {"executor", "concurrency", "on_error"}

METHODS = {
    name: getattr(Flow, name)
    for name, member in vars(Flow).items()
    if not name.startswith("_") and (callable(member) or isinstance(member, classmethod))
}


def rows() -> list[dict[str, str]]:
    """Each row as a dict of the column to what is written there."""
    found: list[dict[str, str]] = []
    columns: list[str] = []
    for line in TABLE.splitlines():
        if not line.startswith("| "):
            columns = [] if not line.startswith("|--") else columns
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not columns:
            columns = cells
            continue
        assert len(cells) == len(columns), line
        found.append(dict(zip(columns, cells, strict=True)))
    return found


def calls() -> list[tuple[str, str, dict[str, str]]]:
    """Every call that stands in a first column: its name, its text, its row."""
    return [
        (call.partition("(")[0], call, row)
        for row in rows()
        for call in CALL.findall(next(iter(row.values())))
    ]


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """The parameters of a method, without ``self``."""
    return {
        each: parameter
        for each, parameter in inspect.signature(METHODS[name]).parameters.items()
        if each != "self"
    }


def test_every_method_has_one_row() -> None:
    names = [name for name, _, _ in calls()]
    assert sorted(names) == sorted(METHODS)


@pytest.mark.parametrize(("name", "call", "row"), calls(), ids=lambda value: str(value)[:20])
def test_a_row_says_what_the_method_takes(name: str, call: str, row: dict[str, str]) -> None:
    known = parameters(name)
    written = ast.parse(call, mode="eval").body
    assert isinstance(written, ast.Call)
    shown = [argument.id for argument in written.args if isinstance(argument, ast.Name)]
    shown += [str(keyword.arg) for keyword in written.keywords]
    if "in → out" in row or "in → state" in row or "state → what leaves" in row:
        assert shown == [each for each in known if each not in SWITCHES]
        assert set(re.findall(r"`(\w+)`", row["may have"])) == SWITCHES & set(known)
    else:
        assert set(shown) <= set(known)
        needed = {each for each, parameter in known.items() if is_needed(parameter)}
        assert needed <= set(shown)
    for keyword in written.keywords:
        assert ast.literal_eval(keyword.value) == known[str(keyword.arg)].default


def is_needed(parameter: Any) -> bool:
    """Whether a call must give it."""
    return parameter.default is parameter.empty and parameter.kind != parameter.VAR_KEYWORD


def test_the_options_of_a_layer_are_all_there() -> None:
    (listed,) = re.findall(r"takes the options of a layer: (.*?);", TABLE, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(LayerKeywords.__annotations__)
    for name, _, row in calls():
        if "who gets an event" in row:
            assert ("layer" in parameters(name)) == (name != "take_sort")


@pytest.mark.parametrize("name", METHODS)
def test_who_comes_from_elixir_finds_it(name: str) -> None:
    page = (DOCS / "howto" / "coming-from-elixir.md").read_text("utf-8")
    assert re.search(rf"\b{name}\b", page)
