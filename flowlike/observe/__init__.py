"""Watching a flow while it runs."""

from flowlike.observe.progress import ProgressBar as ProgressBar

__all__ = ["ProgressBar"]
