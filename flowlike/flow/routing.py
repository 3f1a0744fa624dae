"""Routing points: how events get from the replicas of one layer to those of the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from flowlike.flow.native_pool import NativePool
from flowlike.flow.splitting import Splitter
from flowlike.operators import Key, key_function
from flowlike.operators.operator import function_name
from flowlike.options import check_callable
from flowlike.stages import (
    DemandDispatcher,
    Dispatcher,
    NumberingDispatcher,
    PartitionDispatcher,
)

if TYPE_CHECKING:
    from flowlike.flow.carriers import ToCarriers
    from flowlike.flow.combined import Combined

__all__ = ["Dispatched", "JoinSide", "Numbering", "Partition", "Routing", "Shuffle"]


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Whoever has demand gets the next batch."""

    LIMIT: ClassVar[int] = 1 << 24
    """Events that all replicas together ask for and have not handled, under "auto"."""

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return "shuffle"

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream."""
        return DemandDispatcher()

    def partition(self, replica: int, partitions: int) -> int | None:
        """What a replica subscribes to: no partition in particular."""
        return None


@dataclass(frozen=True, slots=True)
class Numbering:
    """As a shuffle; the batches are numbered, so that their results can be put in order."""

    LIMIT: ClassVar[int] = Shuffle.LIMIT

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return "shuffle, numbered"

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of the one stage upstream."""
        return NumberingDispatcher()

    def partition(self, replica: int, partitions: int) -> int | None:
        """What a replica subscribes to: no partition in particular."""
        return None


@dataclass(frozen=True, slots=True)
class Partition:
    """Every event goes to the partition that the hash of its key names.

    Args:
        key: a function, an index or a name; ``None``: the event itself.
        hash: in place of ``key``: maps an event to a partition, or to ``None`` to drop it.

    Raises:
        TypeError: ``key`` or ``hash`` is none of these.
        ValueError: both are given.
    """

    # Parts of a batch are copies, not views as other batches may be: fewer are in flight.
    LIMIT: ClassVar[int] = 1 << 22

    key: Key | None = None
    hash: Callable[[Any], int | None] | None = None

    def __post_init__(self) -> None:
        if self.key is not None:
            key_function(self.key)
        if self.hash is not None:
            check_callable("hash", self.hash)
            if self.key is not None:
                raise ValueError("give partition either key or hash, not both")

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        if self.hash is not None:
            return f"partition(hash={function_name(self.hash)})"
        return "partition()" if self.key is None else f"partition(key={function_name(self.key)})"

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream."""
        if self.hash is not None:
            return PartitionDispatcher(partitions, self.hash)
        if partitions == 1 and self.key is None:
            return DemandDispatcher()  # no hash is needed to find the only one
        splitter = Splitter(self.key, partitions, self.label, pool)
        return PartitionDispatcher(partitions, split=splitter, elsewhere=splitter.elsewhere)

    def partition(self, replica: int, partitions: int) -> int | None:
        """What a replica subscribes to: its own partition."""
        return None if partitions == 1 and self.hash is None and self.key is None else replica


@dataclass(frozen=True, slots=True)
class JoinSide:
    """One side of a join: events go to the replica that the hash of their key names.

    Args:
        name: the argument that the key is: "left_key" or "right_key".
        key: a function, an index or a name.

    Raises:
        TypeError: ``key`` is none of these.
    """

    LIMIT: ClassVar[int] = Partition.LIMIT

    name: str
    key: Key

    def __post_init__(self) -> None:
        key_function(self.key, f"join's {self.name}")

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return f"join({self.name}={function_name(self.key)})"

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream."""
        if partitions == 1:
            return DemandDispatcher()  # no hash is needed to find the only one
        splitter = Splitter(self.key, partitions, self.label, pool)
        return PartitionDispatcher(partitions, split=splitter, elsewhere=splitter.elsewhere)

    def partition(self, replica: int, partitions: int) -> int | None:
        """What a replica subscribes to: its own partition."""
        return None if partitions == 1 else replica


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A dispatcher of the user's choice; every stage upstream has a copy.

    Args:
        by: an instance; it is copied, never used itself.

    Raises:
        TypeError: it is no dispatcher, or a class.
    """

    LIMIT: ClassVar[int] = Partition.LIMIT

    by: Dispatcher

    def __post_init__(self) -> None:
        missing = [name for name in _PROTOCOL if not callable(getattr(self.by, name, None))]
        if isinstance(self.by, type) or missing:
            raise TypeError(
                "dispatcher must be an instance such as BroadcastDispatcher(), or of a class with "
                f"the methods of Dispatcher, not {self.by!r:.80}"
            )

    @property
    def label(self) -> str:
        """The routing as plans show it."""
        return type(self.by).__name__

    def fit(self, stages: int | None) -> int | None:
        """The number of replicas of a layer for which ``stages`` was given.

        Raises:
            ValueError: a `PartitionDispatcher` has another number of partitions.
        """
        if not isinstance(self.by, PartitionDispatcher):
            return stages
        count = len(self.by.partitions)
        if stages is not None and stages != count:
            raise ValueError(
                f"each replica reads one partition, but stages={stages} and the "
                f"PartitionDispatcher has {count} partitions; leave stages out, or give {count}"
            )
        return count

    def dispatcher(self, partitions: int, pool: NativePool | None = None) -> Dispatcher:
        """The dispatcher of every stage upstream, which copies it as it starts."""
        return self.by

    def partition(self, replica: int, partitions: int) -> Hashable | None:
        """What a replica subscribes to: its own partition, where there are any."""
        return self.by.partitions[replica] if isinstance(self.by, PartitionDispatcher) else None


Routing: TypeAlias = (
    "Combined | Dispatched | JoinSide | Numbering | Partition | Shuffle | ToCarriers"
)

_PROTOCOL = ("ask", "cancel", "dispatch", "fresh", "kept", "subscribe", "wanted")
