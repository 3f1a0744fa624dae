"""``flowlike calibrate``: how many items fit a call that shall take a millisecond."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from flowlike.cli.chunk_picture import draw_chunk_times
from flowlike.cli.chunk_times import ChunkTimes, time_chunks
from flowlike.native import Kernel

__all__ = ["calibrate"]

HELP = """Time a kernel with chunks of growing length, and show which one takes a millisecond.

MODULE:KERNEL is a Kernel or a function of one argument, for instance flowlike.native:logistic_map.
Modules of the current folder are found.
"""

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


@click.command(help=HELP)
@click.argument("kernel", metavar="MODULE:KERNEL")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Of the kernel.")
@click.option(
    "--target",
    type=click.FloatRange(0, min_open=True),
    default=0.001,
    show_default=True,
    help="Seconds that a call may take.",
)
@click.option("--repeats", type=click.IntRange(1), default=10, show_default=True)
@click.option(
    "--input",
    "make_input",
    metavar="MODULE:FUNCTION",
    help="Makes an input of n items. Default: an array of 0, 1, 2, ... in the kernel's dtype.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a picture (.svg, .png, .pdf), too.",
)
def calibrate(
    kernel: str,
    params: tuple[str, ...],
    target: float,
    repeats: int,
    make_input: str | None,
    plot: Path | None,
) -> None:
    """Time a kernel with chunks of growing length, and show which one takes a millisecond.

    Raises:
        click.ClickException: the kernel has failed, or the picture cannot be drawn.
        click.UsageError: an argument is no good.
    """
    function = _with(_named(kernel, "MODULE:KERNEL"), kernel, params)
    inputs = _input_of(function) if make_input is None else _named(make_input, "--input")
    try:
        found = time_chunks(function, inputs, target=target, repeats=repeats)
    except Exception as error:
        raise click.ClickException(
            f"{kernel} has failed: {type(error).__name__}: {error}"
        ) from error
    Console().print(_table(found, kernel))
    if plot is not None:
        try:
            draw_chunk_times(found, kernel, plot)
        except (ModuleNotFoundError, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from error


def _named(name: str, option: str) -> Callable[..., Any]:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise click.UsageError(f"{option} is written module:name, not {name!r}")
    # Where a program is started by its name, Python does not look into the current folder.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise click.UsageError(f"{option}: there is no module {error.name!r}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise click.UsageError(f"{option}: {module} has no {attribute!r}")
        found = getattr(found, part)
    if not callable(found):
        raise click.UsageError(f"{option}: {name} is {found!r:.60}, which cannot be called")
    return found  # type: ignore[no-any-return]


def _with(function: Callable[..., Any], name: str, params: tuple[str, ...]) -> Callable[..., Any]:
    values = dict(map(_param, params))
    if not isinstance(function, Kernel):
        return partial(function, **values) if values else function
    try:
        bound = function.bind(**values)
    except (TypeError, OverflowError) as error:
        raise click.UsageError(f"--param: {error}") from error
    missing = [each for each in bound.params if each not in bound.bound]
    if missing:
        needed = " ".join(f"--param {each}=..." for each in missing)
        raise click.UsageError(f"{name} has parameters without a value; give {needed}")
    return bound


def _param(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise click.UsageError(f"--param is written name=value, not {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError) as error:
        raise click.UsageError(f"--param {name} has to be a literal, not {value!r}") from error


def _input_of(function: Callable[..., Any]) -> Callable[[int], Any]:
    if isinstance(function, Kernel):
        dtype = function.input
        return lambda n: np.arange(n).astype(dtype)
    return lambda n: list(range(n))


def _table(found: ChunkTimes, title: str) -> Table:
    table = Table(title=f"{title}, at most {_time(found.target)} a call", title_justify="left")
    for heading in ("items", "a call", "an item", "lost"):
        table.add_column(heading, justify="right")
    table.add_column()
    for each in found.times:
        is_chosen = each.length == found.chosen
        table.add_row(
            f"{each.length:,}",
            _time(each.seconds),
            _time(each.per_item),
            f"{100 * found.lost(each):.0f} %",
            "<- chosen" if is_chosen else "",
            style="bold" if is_chosen else None,
        )
    return table


def _time(seconds: float) -> str:
    scale, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / scale:.3g} {unit}"
