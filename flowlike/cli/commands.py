"""The commands, and what they have in common."""

from __future__ import annotations

from importlib.metadata import version

import click

from flowlike.cli.bench import bench
from flowlike.cli.calibrate import calibrate

__all__ = ["flowlike"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("flowlike"), message="flowlike %(version)s")
def flowlike() -> None:
    """Staged dataflow for Python: tools around it."""


flowlike.add_command(bench)
flowlike.add_command(calibrate)
