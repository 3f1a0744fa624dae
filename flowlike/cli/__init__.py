"""The command line: ``flowlike calibrate``, ``flowlike bench`` (the extra ``flowlike[cli]``)."""

from flowlike.cli.entry import main as main

__all__ = ["main"]
