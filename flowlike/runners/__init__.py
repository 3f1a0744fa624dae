"""Runners: where the replicas of a flow live."""

from flowlike.runners.local import LocalRunner as LocalRunner
from flowlike.runners.processes import ProcessRunner as ProcessRunner

__all__ = ["LocalRunner", "ProcessRunner"]
