"""Flows: the immutable description, its plan, and how it is materialised and run."""

from flowlike.flow.flow import Flow as Flow
from flowlike.flow.graph import Graph as Graph
from flowlike.flow.report import RunReport as RunReport
from flowlike.flow.report import StageReport as StageReport
from flowlike.flow.runner import Runner as Runner
from flowlike.flow.running import RunningFlow as RunningFlow

__all__ = ["Flow", "Graph", "RunReport", "Runner", "RunningFlow", "StageReport"]
