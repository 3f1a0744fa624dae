"""Flows: the immutable description, its plan, and how it is materialised and run."""

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.flow.flow import Flow as Flow
from flowlike.flow.report import RunReport as RunReport
from flowlike.flow.report import StageReport as StageReport
from flowlike.flow.runner import Runner as Runner
from flowlike.flow.running import RunningFlow as RunningFlow

if TYPE_CHECKING:
    from flowlike.flow.graph import Graph as Graph
else:
    __getattr__ = on_first_use(
        __name__,
        graph="Graph",
    )

__all__ = ["Flow", "Graph", "RunReport", "Runner", "RunningFlow", "StageReport"]
