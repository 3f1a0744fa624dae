"""What a layer begins before its exchange: the stages upstream do it, and less is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowlike.flow.combined import Combined, combined
from flowlike.flow.options import LayerOptions
from flowlike.flow.plan import Input, LayerPlan, Node, SourcePlan
from flowlike.flow.routing import Partition
from flowlike.operators import CountBy, GlobalWindow, GroupBy, GroupByKey, Layer

__all__ = ["Combiner"]


@dataclass(frozen=True, slots=True)
class Combiner:
    """Has a part of what a layer does done before its exchange, if nobody can tell.

    Args:
        layer: behind the exchange.
        options: as they were given for it.
        stages: how many replicas it has, more than one.
        workers: how many processes they live in; ``None``: they share one event loop.
    """

    layer: Layer
    options: LayerOptions
    stages: int
    workers: int | None

    def begin(self, each: Input) -> Input:
        """An input of the layer, with what can be done before the exchange done there.

        A limit on the demand or the buffer is one on events, which what is combined would evade.

        Args:
            each: the input as it is without.
        """
        node = each.node
        if isinstance(node, LayerPlan) and (
            node.options.max_demand != "auto" or node.options.buffer_size is not None
        ):
            return each
        plain: LayerPlan | None = None
        if isinstance(node, LayerPlan) and not node.layer.reducing and not node.layer.entering:
            plain = node
        if plain and each.routing == Partition() and self._only_counts:
            return each._replace(node=replace(plain, combine_for=each.routing.label))
        routing = combined(each.routing, self.layer, self.options)
        if routing is None or not self._is_wide(node, routing):
            return each
        operator = routing.operator
        if plain and isinstance(operator, (GroupBy, GroupByKey)):
            return each._replace(
                node=replace(plain, combine_for=each.routing.label, grouping=operator)
            )
        return each._replace(routing=routing)

    @property
    def _only_counts(self) -> bool:
        """True if nothing but the number of equal events matters to the layer, only at the end."""
        layer = self.layer
        return (
            layer.reducing == CountBy()
            and not layer.before
            and layer.entering is None
            and layer.window in (None, GlobalWindow())
            and self.options.max_demand == "auto"
        )

    def _is_wide(self, node: Node, routing: Combined) -> bool:
        """True if what is done before the exchange can use as many cores as behind it."""
        if isinstance(node, SourcePlan):
            return not routing.works
        if not isinstance(node, LayerPlan):
            return False
        return not routing.works or self.workers is None or node.stages >= self.stages
