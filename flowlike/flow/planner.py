"""From the description to a plan: layers, replicas, names. Pure: same flow, same plan."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from flowlike.connectors import Source
from flowlike.errors import FlowBuildError
from flowlike.flow.carriers import ToCarriers, carriers
from flowlike.flow.combiner import Combiner
from flowlike.flow.plan import Input, LayerPlan, Node, Plan, ReorderPlan, SourcePlan, StagePlan
from flowlike.flow.routing import Numbering, Partition, Shuffle
from flowlike.flow.staged import Staged, stage_label
from flowlike.operators import Layer
from flowlike.stages import AutoDemand, StageRef

if TYPE_CHECKING:
    from flowlike.flow.flow import Flow

__all__ = ["cpus", "make_plan"]


def cpus() -> int:
    """How many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_plan(flow: Flow[Any], workers: int | None = None) -> Plan:
    """Plan a flow.

    Args:
        flow: the description.
        workers: how many processes there are for the replicas of a layer; ``None``: they share
            one event loop.

    Raises:
        FlowBuildError: a layer has a window but nothing that it could cut, a stage is used
            twice, or what is to stay in order may be dropped from a full buffer.
    """
    outputs = _Planner(flow, workers).layer(flow)
    last = flow._options.max_demand
    return Plan(outputs, AutoDemand.LIMIT if last == "auto" else last, workers)


class _Planner:
    def __init__(self, flow: Flow[Any], workers: int | None) -> None:
        self._flow = flow
        self._workers = workers
        self._sources = 0
        self._layers = 0
        self._stages = 0
        self._members: set[int] = set()
        self._in_order: set[Node] = set()  # one stage each, as ordered=True has asked for

    def layer(self, flow: Flow[Any]) -> tuple[Node, ...]:
        """The stages that emit the events of ``flow``: a layer without work has none of its own."""
        flow._layer.check()
        inputs: tuple[Input, ...]
        if isinstance(flow._inputs, tuple):
            sources = tuple(self._source(source) for source in flow._inputs)
            if flow._options.ordered:
                self._in_order.update(sources)
            if flow._layer.is_empty and flow._options.on_init is None:
                return sources
            inputs = tuple(Input(source, Shuffle(), 0) for source in sources)
        else:
            inputs = tuple(
                Input(node, routing, side)
                for side, (each, routing) in enumerate(flow._inputs.upstream)
                for node in self.layer(each)
            )
            if flow._inputs.through:
                upstream = tuple(each.node for each in inputs)
                inputs = (Input(self._through(flow._inputs.through, upstream), Shuffle(), 0),)
        self._layers += 1
        operators = flow._layer.operators
        what = operators[0].label if operators else inputs[0].routing.label
        name = f"layer {self._layers}: {what}"
        stages = flow._options.stages or self._replicas(flow._layer)
        if stages > 1:  # a single one needs no exchange
            combiner = Combiner(flow._layer, flow._options, stages, self._workers)
            inputs = tuple(map(combiner.begin, inputs))
        if not self._stays_in_order(flow, inputs):
            return (self._plan(name, flow, stages, inputs),)
        _check_keeps_all(flow, name)
        if stages > 1:
            inputs = (inputs[0]._replace(routing=Numbering()),)
        plan = self._plan(name, flow, stages, inputs)
        last = plan if stages == 1 else ReorderPlan(f"order of layer {self._layers}", plan)
        self._in_order.add(last)
        return (last,)

    def _plan(
        self, name: str, flow: Flow[Any], stages: int, inputs: tuple[Input, ...]
    ) -> LayerPlan:
        layer, options, elsewhere = flow._layer, flow._options, self._workers is not None
        carry = stages
        if not elsewhere:
            routings = [each.routing for each in inputs]
            is_last = flow is self._flow
            carry = carriers(layer, options, stages, routings, threads=cpus(), is_last=is_last)
        if carry != stages:
            inputs = tuple(
                each._replace(routing=ToCarriers(each.routing, carry))
                if isinstance(each.routing, Partition)
                else each
                for each in inputs
            )
        return LayerPlan(name, layer, options, stages, carry, inputs, elsewhere=elsewhere)

    def _replicas(self, layer: Layer) -> int:
        """As many as can run at the same time."""
        if self._workers is not None:
            return self._workers
        return 1 if layer.runs_inline and not layer.has_reduce else cpus()

    def _stays_in_order(self, flow: Flow[Any], inputs: tuple[Input, ...]) -> bool:
        """True if a layer has no state, and all its events come in order from one stage."""
        if flow._layer.has_reduce or flow._layer.entering is not None or len(inputs) > 1:
            return False
        return inputs[0].node in self._in_order and inputs[0].routing == Shuffle()

    def _through(self, members: tuple[Staged, ...], upstream: tuple[Node, ...]) -> StagePlan:
        for member in members:
            if not isinstance(member, StageRef) and id(member) in self._members:
                raise FlowBuildError(
                    f"{member!r:.80} is used twice in this flow, and a stage runs once at a time; "
                    "give each place an instance of its own, or start it yourself and give "
                    "its StageRef"
                )
            self._members.add(id(member))
        self._stages += 1
        return StagePlan(f"stages {self._stages}: {stage_label(members)}", members, upstream)

    def _source(self, source: Source) -> SourcePlan:
        self._sources += 1
        return SourcePlan(f"source {self._sources}: {source.label}", source)


def _check_keeps_all(flow: Flow[Any], name: str) -> None:
    """Refuse a buffer that drops events which others wait for.

    Raises:
        FlowBuildError: it has a size.
    """
    size = flow._options.buffer_size
    if size not in (None, math.inf):
        raise FlowBuildError(
            f"{name} has buffer_size={size} and may drop events, which an ordered flow waits "
            "for: leave buffer_size out (max_demand limits what is held, and nothing is "
            "dropped), or leave out ordered=True"
        )
