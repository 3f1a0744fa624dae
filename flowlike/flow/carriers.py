"""How many stages carry the replicas of a layer, and the way to those that carry several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from flowlike.batches import Batch
from flowlike.flow.native_pool import NativePool
from flowlike.flow.options import LayerOptions
from flowlike.flow.routing import Numbering, Partition, Routing, Shuffle
from flowlike.flow.splitting import Splitter
from flowlike.operators import Layer
from flowlike.parted import Parted
from flowlike.stages import Dispatcher, PartitionDispatcher

if TYPE_CHECKING:
    from flowlike.stages.dispatchers.partition import Reply

__all__ = ["ToCarriers", "carriers"]

_A_THREAD = 2
"""Stages for each thread of kernels: while one is served by the loop, another has work for it."""


def carriers(
    layer: Layer,
    options: LayerOptions,
    stages: int,
    routings: Sequence[Routing],
    *,
    threads: int,
    is_last: bool,
) -> int:
    """How many stages carry the replicas of a layer: one for each, as a rule.

    Kernels run in as many threads as there are cores, however many replicas call them. So where a
    layer does nothing else, a few stages carry many replicas: those without a state share what
    comes, and of those with one each stage carries several, whose results leave with others'.
    Without a state there are never fewer stages than keep the threads busy.
    That they do must not show: where watermarks are told by replicas, say, or where there are
    limits for each of them, every replica is a stage.

    Args:
        layer: its operators.
        options: as they were given.
        stages: how many replicas.
        routings: the ways into it.
        threads: for kernels.
        is_last: whether nobody but the caller takes what leaves.
    """
    plain = (
        layer.is_native
        and not layer.policies
        and all(group.executor in (None, "native") for group in layer.groups)
        and options.max_demand == "auto"
        and options.buffer_size is None
        and options.on_init is None
    )
    if not plain:
        return stages
    if all(isinstance(each, (Shuffle, Numbering)) for each in routings):
        # One for each thread would leave it idle while a batch is on its way back. A single
        # replica keeps the order, which several would not.
        alone = layer.has_reduce or stages == 1 or stages < threads
        return stages if alone else _A_THREAD * threads
    shares = is_last and all(_by_key(each) for each in routings)
    return min(stages, _A_THREAD * threads) if shares else stages


def _by_key(routing: Routing) -> bool:
    return isinstance(routing, Partition) and routing.hash is None


@dataclass(frozen=True, slots=True)
class ToCarriers:
    """As a partition; each stage behind it carries several neighbouring partitions.

    Args:
        routing: the partition.
        carriers: how many stages.
    """

    LIMIT: ClassVar[int] = Partition.LIMIT

    routing: Partition
    carriers: int

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return self.routing.label

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream."""
        carriers = self.carriers
        splitter = Splitter(self.routing.key, partitions, self.label, pool)

        def split(batch: Batch) -> list[Batch]:
            return list[Batch](Parted.dealt(splitter(batch), carriers))

        def elsewhere(batch: Batch, reply: Reply) -> bool:
            def deal(
                parts: list[Batch] | None, error: BaseException | None, seconds: float
            ) -> None:
                dealt = None if parts is None else list[Batch](Parted.dealt(parts, carriers))
                reply(dealt, error, seconds)

            return splitter.elsewhere(batch, deal)

        return PartitionDispatcher(carriers, split=split, elsewhere=elsewhere)

    def partition(self, replica: int, partitions: int) -> int:
        """What the stage of that number subscribes to: all that it carries."""
        return replica
