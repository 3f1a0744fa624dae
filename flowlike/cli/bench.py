"""``flowlike bench``: the benchmark programs of flowlike's repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

__all__ = ["bench"]

PROGRAMS = {
    "logistic": ("logistic_map/benchmark.py", "the table of the logistic map"),
    "overhead": ("overhead.py", "what flowlike itself costs"),
    "flows": ("flow_bars.py", "flows against plain loops"),
    "arrays": ("logistic_map/bars.py", "flows over arrays against threads by hand"),
    "processes": ("process_bars.py", "one operator in worker processes against a loop and a pool"),
    "runners": ("runner_bars.py", "whole flows in worker processes against loops and LocalRunner"),
    "links": ("link_bars.py", "what a message costs from process to process"),
    "stages": ("stage_bars.py", "stages against asyncio.Queue and plain loops"),
    "costs": ("costs.py", "an event, a batch, a hop, a page fault"),
    "auto": ("auto_demand.py", 'max_demand="auto" against every fixed size'),
    "rivals": ("rivals/benchmark.py", "flowlike beside other libraries"),
}


@click.command(
    help="Run the benchmark NAME with its own ARGUMENTS (after --); without a NAME, list them.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--examples",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of the programs. Default: examples/ here, or beside flowlike.",
)
def bench(name: str | None, arguments: tuple[str, ...], examples: Path | None) -> None:
    """Run a benchmark, or list them.

    Raises:
        SystemExit: with the status of the program.
        click.ClickException: the program is not there.
        click.UsageError: there is no such benchmark.
    """
    if name is None:
        for each, (file, says) in PROGRAMS.items():
            click.echo(f"{each:<10} {says} (examples/{file})")
        return
    if name not in PROGRAMS:
        raise click.UsageError(f"there is no benchmark {name!r}, only {', '.join(PROGRAMS)}")
    program = _program(PROGRAMS[name][0], examples)
    done = subprocess.run([sys.executable, str(program), *arguments], check=False)
    raise SystemExit(done.returncode)


def _program(file: str, examples: Path | None) -> Path:
    folders = [examples] if examples else [Path("examples"), Path(__file__).parents[2] / "examples"]
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise click.ClickException(
        f"the benchmarks are not installed with flowlike, and examples/{file} is not here; "
        "run it in a checkout of flowlike's repository, or give --examples FOLDER"
    )
