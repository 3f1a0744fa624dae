"""Runners: where the replicas of a flow live."""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.runners.local import LocalRunner as LocalRunner

if TYPE_CHECKING:
    from flowlike.runners.processes import ProcessRunner as ProcessRunner
else:
    __getattr__ = on_first_use(__name__, processes="ProcessRunner")

__all__ = ["LocalRunner", "ProcessRunner"]
