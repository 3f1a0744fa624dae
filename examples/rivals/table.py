"""The results as a table in Markdown, and as JSON."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rivals.environment import Library
from rivals.measuring import Duel, Turns
from rivals.tasks import TASKS, Task

__all__ = ["Row", "as_json", "as_markdown", "between_marks"]


@dataclass(frozen=True, slots=True)
class Row:
    """A library and what it did.

    Args:
        library: which one.
        duels: one for each task that was tried.
        versions: what was installed beside it.
        failed: why there are none.
    """

    library: Library
    duels: Sequence[Duel] = ()
    versions: dict[str, str] = field(default_factory=dict)
    failed: str = ""


def as_markdown(rows: Sequence[Row], machine: str) -> str:
    """A table: a row for each library and one for flowlike, a column for each task.

    Args:
        rows: the libraries.
        machine: where it was measured.
    """
    tried = {duel.task for row in rows for duel in row.duels}
    tasks = [task for task in TASKS if task.name in tried]
    lines = [
        f"{machine}.",
        "",
        "| | " + " | ".join(_heading(task) for task in tasks) + " |",
        "|---|" + "--:|" * len(tasks),
        "| **flowlike** | " + " | ".join(_ours(task, rows) for task in tasks) + " |",
    ]
    for row in rows:
        duels = {duel.task: duel for duel in row.duels}
        cells = [_cell(task, duels.get(task.name)) for task in tasks]
        lines.append(f"| {_name(row)} | " + " | ".join(cells) + " |")
    failed = [f"- {row.library.title}: not installed. {row.failed}" for row in rows if row.failed]
    notes = [
        f"- {row.library.title}, {_title(duel)}: {duel.cannot}."
        for row in rows
        for duel in row.duels
        if duel.cannot
    ]
    if failed or notes:
        lines += ["", "Not measured:", "", *failed, *notes]
    return "\n".join([*lines, "", "How each library does it:", "", *_how(rows)]) + "\n"


def as_json(rows: Sequence[Row], machine: str) -> dict[str, Any]:
    """All times and versions.

    Args:
        rows: the libraries.
        machine: where it was measured.
    """
    return {
        "machine": machine,
        "rows": [
            {
                **asdict(row),
                "duels": [{**asdict(duel), "ratio": duel.ratio} for duel in row.duels],
            }
            for row in rows
        ],
    }


def between_marks(page: str, text: str) -> str:
    """A page with the text between its marks replaced.

    Args:
        page: has a line ``<!-- measured -->`` and a line ``<!-- end -->``.
        text: what is to stand between them.

    Raises:
        ValueError: the page has no such lines.
    """
    found = re.search(
        r"(?<=^<!-- measured -->\n).*?(?=^<!-- end -->$)", page, re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise ValueError("the page has to have a line <!-- measured --> and a line <!-- end -->")
    return page[: found.start()] + f"\n{text}\n" + page[found.end() :]


def _heading(task: Task) -> str:
    return f"{task.title}, ms" if task.unit == "ms" else f"{task.title}, {task.unit}/s"


def _title(duel: Duel) -> str:
    return next(task.title for task in TASKS if task.name == duel.task)


def _name(row: Row) -> str:
    pinned = [each.split("==")[1] for each in row.library.requires[:1]]
    return " ".join([row.library.title, *pinned])


def _ours(task: Task, rows: Sequence[Row]) -> str:
    turns = [duel.flowlike for row in rows for duel in row.duels if duel.task == task.name]
    seconds = statistics.median(second for each in turns for second in each.seconds)
    return f"**{_amount(task, Turns(turns[0].size, [seconds]))}**"


def _cell(task: Task, duel: Duel | None) -> str:
    if duel is None or duel.rival is None or duel.ratio is None:
        return "-"
    shown = f"{_amount(task, duel.rival)} ({_short(duel.ratio)} x)"
    return f"**{shown}**" if duel.ratio > 1 else shown


def _amount(task: Task, turns: Turns) -> str:
    if task.unit == "ms":
        return _short(turns.median * 1e3)
    rate = turns.rate
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if rate >= limit:
            return f"{_short(rate / limit)}{unit}"
    return _short(rate)


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def _how(rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        said = [f"{_title(duel)}: {duel.how}" for duel in row.duels if duel.how]
        if said:
            lines += [f"- **{row.library.title}**"]
            lines += [f"    - {each}" for each in said]
    return lines
