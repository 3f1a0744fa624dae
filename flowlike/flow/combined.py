"""Partitions whose events are combined before they cross: less is sent, the result is the same."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flowlike.batches import Batch
from flowlike.flow.grouping import GroupSplitter
from flowlike.flow.native_pool import NativePool
from flowlike.flow.options import LayerOptions
from flowlike.flow.routing import Partition, Routing
from flowlike.flow.splitting import Splitter
from flowlike.operators import (
    CountBy,
    GlobalWindow,
    GroupBy,
    GroupByKey,
    Key,
    Layer,
    Reduce,
    ReduceBatch,
)
from flowlike.operators.notes import Place
from flowlike.operators.partial import Partial, make_partial, with_fresh_states
from flowlike.operators.placement import executor_of
from flowlike.operators.windows import Entering
from flowlike.options import is_coroutine_function
from flowlike.stages import Dispatcher, PartitionDispatcher

if TYPE_CHECKING:
    from flowlike.operators import Unique

    Combinable = CountBy | GroupBy | GroupByKey | Reduce | ReduceBatch | Unique

__all__ = ["Combined", "combined"]


@dataclass(frozen=True, slots=True)
class Combined:
    """As a partition; what the layer behind does with the events is begun before they are sent.

    Args:
        routing: the partition.
        operator: of the layer behind.
    """

    LIMIT: ClassVar[int] = Partition.LIMIT

    routing: Partition
    operator: Combinable

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return self.routing.label

    @property
    def ahead(self) -> str:
        """What is done, as plans show it."""
        match self.operator:
            case CountBy():
                what = "counts equal keys"
            case GroupBy() | GroupByKey():
                what = "groups by key"
            case Reduce() | ReduceBatch():
                what = f"applies {self.operator.label} to each batch"
            case _:
                what = f"applies {self.operator.label} to what is sent"
        return f"{what} before {self.label}"

    @property
    def works(self) -> bool:
        """Whether it is more work than to send the events, so that it wants several cores."""
        return not isinstance(self.operator, (CountBy, GroupBy, GroupByKey))

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream."""
        routing, operator = self.routing, self.operator
        splitter = Splitter(routing.key, partitions, routing.label, pool)
        if isinstance(operator, (CountBy, GroupBy, GroupByKey)):
            grouping = GroupSplitter(splitter, operator, partitions)
            return PartitionDispatcher(partitions, split=grouping, elsewhere=splitter.elsewhere)
        operator = with_fresh_states(operator)
        if routing.hash is not None:
            return _PartialDispatcher(operator, partitions, routing.hash)
        # The splitting is little beside the work of the operator: no thread is worth it.
        return _PartialDispatcher(operator, partitions, split=splitter)

    def partition(self, replica: int, partitions: int) -> Hashable | None:
        """What a replica subscribes to: its own partition."""
        return self.routing.partition(replica, partitions)


class _PartialDispatcher(PartitionDispatcher):
    """Makes less of what each partition is to get."""

    __slots__ = ("_operator", "_partials")

    def __init__(
        self, operator: Reduce | ReduceBatch | Unique, partitions: int, *args: Any, **options: Any
    ) -> None:
        super().__init__(partitions, *args, **options)
        self._operator = operator
        self._partials: dict[int, Partial] = {}

    def fresh(self) -> Self:
        """See :meth:`Dispatcher.fresh`."""
        dispatcher = super().fresh()
        dispatcher._partials = {}
        return dispatcher

    def _dealt(self, parts: list[Batch]) -> list[tuple[int, Batch]]:
        return super()._dealt([
            self._partial(number)(part) if len(part) else part for number, part in enumerate(parts)
        ])  # fmt: skip

    def _partial(self, number: int) -> Partial:
        partial = self._partials.get(number)
        if partial is None:
            place = Place(number, len(self.partitions))
            partial = self._partials[number] = make_partial(self._operator, place)
        return partial


def combined(routing: Routing, layer: Layer, options: LayerOptions) -> Combined | None:
    """The routing into a layer that can be combined before it, if nobody can tell.

    What is begun before has to be the first thing that the layer does with its events, in one
    window that fires at the end. ``on_init`` might prepare what its functions need.

    Args:
        routing: into the layer.
        layer: that is behind it.
        options: as they were given for it.
    """
    if (
        not isinstance(routing, Partition)
        or not layer.operators
        or layer.window not in (None, GlobalWindow())
        or options.max_demand != "auto"
        or options.on_init is not None
    ):
        return None
    operator = layer.operators[0]
    match operator:
        case CountBy() | GroupBy():
            fits = routing.key is not None and _is_same(routing.key, operator.key)
        case GroupByKey():
            fits = _is_same(routing.key, 0)
        case Reduce():
            fits = operator.merge is not None
        case ReduceBatch():
            fits = (
                operator.merge is not None
                and operator.on_error == "stop"
                and executor_of(operator, layer.executor) is None
                and not is_coroutine_function(operator.function)
            )
        case _:
            fits = isinstance(operator, Entering) and operator.drops
    return Combined(routing, operator) if fits else None  # type: ignore[arg-type]


def _is_same(one: Key | None, other: Key | None) -> bool:
    """True if both are the same key; functions that only say that they are equal may not be."""
    if isinstance(one, (int, str, MethodType, BuiltinMethodType)):
        return type(one) is type(other) and one == other
    return one is other
