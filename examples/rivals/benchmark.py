"""Measure flowlike beside other libraries: five tasks, done in turns.

Run it with ``make bench-rivals``, or ``python examples/rivals/benchmark.py``; ``--help`` lists the
options. Each library of ``versions.toml`` gets a virtual environment of its own, with flowlike in
it, one after the other; it is removed when its turn is over, unless ``--keep`` is given. A library
and flowlike do the same task in turns, each in a process of its own, and every result is compared
with that of plain Python. What a library does for a task is in its file in ``adapters``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

# Started as a program, only its own folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[1]))

from comparing import add_options, chosen_from, count, write_json
from rivals.environment import Environment, InstallError, Library, build_wheel, read_libraries
from rivals.measuring import Duel, compare
from rivals.side import Side, SideError
from rivals.table import Row, as_json, as_markdown, between_marks
from rivals.tasks import TASKS, Task

__all__ = ["main", "measure"]

HERE = Path(__file__).parent


def measure(
    library: Library, python: Path, tasks: Sequence[Task], runs: int, logs: Path, most: int | None
) -> list[Duel]:
    """All tasks of one library, beside flowlike.

    Args:
        library: which one.
        python: the interpreter of its environment.
        tasks: which ones.
        runs: how often each.
        logs: the folder for what the workers have to say.
        most: the largest size of an input.

    Raises:
        SideError: one side cannot be imported, or flowlike has failed.
    """
    found = []
    for task in tasks:
        # New processes for each task: a pool of one task would be in the way of the next.
        with (
            Side(python, "flowlike", logs / f"{library.name}-flowlike.log") as flowlike,
            Side(python, library.name, logs / f"{library.name}.log") as rival,
        ):
            duel = compare(task, flowlike, rival, runs, most)
        found.append(duel)
        said = "-" if duel.ratio is None else f"{duel.ratio:.3g} x flowlike"
        print(f"{library.title:<14} {task.title:<20} {duel.cannot or said}", flush=True)
    return found


def machine() -> str:
    """Where this runs."""
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} CPUs, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Install, measure and print."""
    libraries = read_libraries(HERE / "versions.toml")
    arguments = _parser(libraries).parse_args(argv)
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    wheel = build_wheel(folder, HERE.parents[1])
    rows = []
    for library in arguments.only:
        environment = Environment(folder / library.name)
        try:
            environment.install(library, wheel)
            duels = measure(
                library,
                environment.python,
                arguments.tasks,
                arguments.runs,
                folder,
                arguments.most,
            )
            rows.append(Row(library, duels, environment.versions()))
        except (InstallError, SideError) as error:
            print(f"{library.title:<14} {error}", file=sys.stderr)
            rows.append(Row(library, failed=str(error)))
        if not arguments.keep:
            environment.remove()
        # After each, so that a long run may be left early.
        _write(rows, arguments.json, arguments.page)
    print(f"\n{as_markdown(rows, machine())}")


def _write(rows: Sequence[Row], result: Path | None, page: Path | None) -> None:
    write_json(result, as_json(rows, machine()))
    if page is not None:
        text = between_marks(page.read_text(encoding="utf-8"), as_markdown(rows, machine()))
        page.write_text(text, encoding="utf-8")


def _parser(libraries: Sequence[Library]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure flowlike beside other libraries.")
    add_options(
        parser, runs=5, only={library.name: library for library in libraries}, noun="library"
    )
    parser.add_argument(
        "--tasks",
        type=chosen_from({task.name: task for task in TASKS}, "task"),
        default=TASKS,
        metavar="A,B",
        help=f"default all: {','.join(task.name for task in TASKS)}",
    )
    parser.add_argument("--most", type=count, metavar="SIZE", help="of any input")
    parser.add_argument("--keep", action="store_true", help="leave the environments where they are")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/rivals"), help="default build/rivals"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the table into this page")
    return parser


if __name__ == "__main__":
    main()
