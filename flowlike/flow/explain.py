"""A plan as text."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from flowlike.flow.combined import Combined
from flowlike.flow.plan import LayerPlan, Plan, ReorderPlan, StagePlan
from flowlike.operators import executor_name
from flowlike.operators.reordering import BATCHES_AHEAD, EVENTS_AHEAD
from flowlike.stages import AutoDemand

__all__ = ["describe_layer", "describe_order", "explain_plan"]


def explain_plan(plan: Plan) -> str:
    """Sources and layers, upstream first: operators that run as one stand on one line.

    Last, how many events may have been asked for and not handled, in all.
    """
    lines = []
    for node in plan.nodes:
        lines.append(node.name)
        behind, _ = plan.behind(node)
        if isinstance(node, LayerPlan):
            lines.extend(f"    {line}" for line in describe_layer(node, plan.workers))
        elif isinstance(node, ReorderPlan):
            lines.append(f"    from   {node.layer.name}, in the order of its source")
            lines.extend(f"    {line}" for line in describe_order(node))
        elif isinstance(node, StagePlan) and node.upstream:
            lines.append(f"    from   {', '.join(each.name for each in node.upstream)}")
        if isinstance(behind, Combined):
            lines.append(f"    ahead  {behind.ahead}")
    lines.append("collector")
    lines.append(f"    from   {', '.join(output.name for output in plan.outputs)}")
    lines.append(f"    holds  at most {_events(plan.caller_holds)}")
    lines.append(f"in flight: at most {_events(plan.in_flight)}")
    return "\n".join(lines)


def describe_layer(plan: LayerPlan, workers: int | None) -> list[str]:
    """What a layer reads, how many replicas it has, what these ask for and hold, and do.

    Args:
        plan: of the layer.
        workers: how many processes its replicas are spread over, if they are.
    """
    options = plan.options
    replicas = "1 stage" if plan.stages == 1 else f"{plan.stages} stages"
    if plan.carriers != plan.stages:
        replicas = f"{plan.stages} replicas in {plan.carriers} stages"
    if workers is not None:
        used = min(workers, plan.stages)
        replicas += " in a worker process" if used == 1 else f" in {used} worker processes"
    demand = plan.max_demand
    if isinstance(demand, AutoDemand):
        asked = (
            f"auto, at most {demand.limit} of each producer, "
            f"in batches that take about {demand.target * 1e3:g} ms"
        )
        if demand.patience > demand.target:
            asked += f" (up to {demand.patience * 1e3:g} ms for {demand.FEW} events or less)"
        if demand.least > 1:
            asked += f", {demand.least} or more"
    else:
        least = demand // 2 if options.min_demand is None else options.min_demand
        asked = f"{demand} of each producer, again at {least}"
    lines = []
    for routing, inputs in groupby(plan.inputs, key=attrgetter("routing")):
        lines.append(f"from   {', '.join(each.node.name for each in inputs)}, by {routing.label}")
    lines += [
        f"in     {replicas}",
        f"demand {asked}",
        f"holds  at most {_events(plan.in_flight)}",
    ]
    if plan.layer.window is not None:
        lines.append(f"window {plan.layer.window!r}")
    lines += [
        f"{executor_name(group.executor):<6} {' -> '.join(group.labels)}"
        for group in plan.layer.groups
    ]
    if plan.combine_for is not None:
        what = "counts equal events" if plan.grouping is None else "groups by key"
        lines.append(f"ahead  {what} before {plan.combine_for}")
    return lines


def describe_order(plan: ReorderPlan) -> list[str]:
    """How far the replicas may be ahead of each other."""
    ahead = f"{BATCHES_AHEAD} batches or {_events(EVENTS_AHEAD)}"
    if plan.limit <= EVENTS_AHEAD:
        ahead = _events(plan.limit)
    return [f"ahead  by {ahead} of each replica", f"holds  at most {_events(plan.in_flight)}"]


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"
