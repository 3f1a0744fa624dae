"""Worker processes: plain Python functions on all cores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from flowlike.flow.placement import Placement
from flowlike.flow.plan import Plan
from flowlike.flow.planner import cpus
from flowlike.flow.spread import Spread
from flowlike.nodes.hosts import Hosts
from flowlike.options import check_count

__all__ = ["ProcessRunner"]


@dataclass(frozen=True, slots=True)
class ProcessRunner:
    """Runs the layers of a flow in worker processes, so that plain Python uses all cores.

    Every layer has as many replicas as there are workers, unless ``stages=`` says otherwise. The
    workers hand batches to each other directly. A source that makes its events (it can be iterated
    again and has no length) is read in a worker; other sources, stages of your own and the
    caller's end stay in this process. Functions are pickled (lambdas and closures too), and so are
    events; a function that cannot be is refused by name before anything runs. What a function
    changes or remembers, it does in its worker.

    The workers of a run end with it. Within a ``with`` block of the runner they stay warm for its
    next run, one run at a time, and end with the block.

    Args:
        workers: how many; default: the CPUs that this process may use.

    Raises:
        TypeError: ``workers`` is no integer.
        ValueError: it is less than 1.

    Example:
        >>> from flowlike import Flow, ProcessRunner
        >>> words = Flow.from_iterable(["to be", "or not", "to be"]).flat_map(str.split)
        >>> with ProcessRunner(2) as runner:
        ...     sorted(words.partition().count_by().to_list(runner=runner))
        ...     len(words.to_list(runner=runner))
        [('be', 2), ('not', 1), ('or', 1), ('to', 2)]
        6
    """

    workers: int = field(default_factory=cpus)
    _kept: list[Hosts] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_count("workers", self.workers)

    def __enter__(self) -> Self:
        if self._kept:
            raise RuntimeError("this ProcessRunner is in a with block already; make another one")
        self._kept.append(Hosts(self.workers))
        return self

    def __exit__(self, *error: object) -> None:
        self._kept.pop().close()

    def place(self, plan: Plan) -> Placement:
        """See `Runner`."""
        return Spread(plan, self.workers, next(iter(self._kept), None))
