"""From what the stages of a run have counted to its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowlike.flow.placement import Started
from flowlike.flow.plan import LayerPlan, Node, Plan, StagePlan
from flowlike.flow.replica import ReplicaCounts
from flowlike.flow.report import RunReport, StageReport

__all__ = ["bottleneck", "report_run"]


def report_run(
    plan: Plan,
    stages: Mapping[Node, Sequence[Started]],
    replicas: Mapping[Started, Callable[[], ReplicaCounts]],
    wall_time: float,
) -> RunReport:
    """What a run did so far.

    Args:
        plan: of the run.
        stages: those that the flow has started, by the part of the plan that they run.
        replicas: what the programs of those count that are replicas of layers.
        wall_time: seconds since the start.
    """
    found = tuple(
        _report_stage(node, replica, ref, replicas.get(ref), wall_time)
        for node, refs in stages.items()
        for replica, ref in enumerate(refs)
    )
    sources = {node.name for node in plan.sources}
    # What a stage that is not the flow's has made was not for the flow alone.
    for staged in plan.stages:
        if not staged.upstream:
            sources.update(layer.name for layer in plan.layers if staged in layer.upstream)
    outputs = {node.name for node in plan.outputs}
    return RunReport(
        wall_time=wall_time,
        events_in=sum(stage.events_in for stage in found if stage.name in sources),
        events_out=sum(stage.events_out for stage in found if stage.name in outputs),
        filtered=sum(stage.filtered for stage in found),
        skipped=sum(stage.skipped for stage in found),
        retried=sum(stage.retried for stage in found),
        late=sum(stage.late for stage in found),
        discarded=sum(stage.discarded for stage in found),
        consumed=sum(stage.consumed for stage in found),
        produced=sum(stage.produced for stage in found),
        peak_buffer=max(
            (ref.counts().peak_buffer for refs in stages.values() for ref in refs), default=0
        ),
        bottleneck=bottleneck(plan, found),
        stages=found,
    )


def _report_stage(
    node: Node,
    number: int,
    ref: Started,
    counted: Callable[[], ReplicaCounts] | None,
    wall_time: float,
) -> StageReport:
    counts = ref.counts()
    filtered = skipped = retried = late = consumed = produced = 0
    if counted is not None:
        of_program = counted()
        filtered, skipped, retried, consumed, produced = of_program.tally
        if of_program.late is not None:
            late = of_program.late
            # All that is left went into the state, and all that has left came out of it. Where
            # windows overlap an event may be filtered in each, so that it can be less than none.
            entered = counts.events_in + produced - consumed - filtered - skipped - late
            consumed += max(0, entered)
            produced += counts.made + max(0, -entered)
    elif isinstance(node, StagePlan) and node.upstream:
        consumed, produced = counts.events_in, counts.made
    # What a dispatcher sends to nobody is filtered, and what it sends to several is made by it.
    unsent = counts.made - counts.events_out - counts.discarded - counts.held
    return StageReport(
        name=node.name,
        replica=number,
        events_in=counts.events_in,
        events_out=counts.events_out,
        filtered=filtered + max(0, unsent),
        skipped=skipped,
        retried=retried,
        late=late,
        discarded=counts.discarded,
        consumed=consumed,
        produced=produced + max(0, -unsent),
        busy=counts.busy,
        waiting=max(0.0, wall_time - counts.busy),
        batch=counts.batch,
    )


def bottleneck(plan: Plan, stages: Sequence[StageReport]) -> str | None:
    """The name of the layer, source or stage that has worked the longest.

    Replicas that take turns in the event loop count together; of those that can work at the same
    time the busiest counts.

    Args:
        plan: says which of them are which.
        stages: what each of them did.
    """
    at_once = {
        node.name
        for node in plan.nodes
        if isinstance(node, LayerPlan) and not node.layer.runs_inline
    }
    loads: dict[str, float] = {}
    for stage in stages:
        before = loads.get(stage.name, 0.0)
        both = max(before, stage.busy) if stage.name in at_once else before + stage.busy
        loads[stage.name] = both
    busiest = max(loads, key=loads.__getitem__, default=None)
    return busiest if busiest is not None and loads[busiest] > 0 else None
