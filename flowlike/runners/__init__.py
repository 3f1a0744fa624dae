"""Runners: where the replicas of a flow live."""

from flowlike.flow.runner import set_default_runner
from flowlike.runners.local import LocalRunner as LocalRunner

__all__ = ["LocalRunner"]

set_default_runner(LocalRunner)
