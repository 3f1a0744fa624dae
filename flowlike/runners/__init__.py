"""Runners: where the replicas of a flow live."""

from flowlike.runners.local import LocalRunner as LocalRunner

__all__ = ["LocalRunner"]
