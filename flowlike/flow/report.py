"""What a run did: the report that every run returns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

__all__ = ["RunReport", "StageReport"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """A replica of a layer, or those that one stage carries; a source; or a stage of your own.

    When a run has ended by itself, the numbers of events add up::

        events_in + produced
            == events_out + filtered + skipped + late + discarded + consumed

    For a layer of map, filter, reject, map_values and each, ``produced`` and ``consumed`` are 0.
    Before the end, what the two sides differ by is still inside.

    Attributes:
        name: of the layer; its replicas share it.
        replica: from 0.
        events_in: how many events it was given (a source: has read).
        events_out: how many events left it.
        filtered: events that a filter, a reject, a unique, or the ``hash`` of a partition behind
            has dropped.
        skipped: events that were dropped because an operator failed and its ``on_error`` said so;
            those that were handed to a function or a stage count, too.
        retried: calls that a ``Retry`` has made again.
        late: events that came after their window had closed.
        discarded: events that a full buffer dropped.
        consumed: events that went into a flat_map, a map_batch, a reduce or a join (late ones not
            counted), or into a stage of your own.
        produced: events that came out of one. Operators that run fused count as one: what a
            flat_map hands on to a reduce or flat_map within the layer may count in neither.
        busy: seconds spent in its functions (executors and awaiting included), in sending, and, for
            a source, in reading.
        waiting: the other seconds of the run.
        batch: how many events a call was to be given at last, what ``max_demand="auto"`` has chosen
            or what a number says; 0 for a source and for what was given nothing.
    """

    name: str
    replica: int
    events_in: int
    events_out: int
    filtered: int
    skipped: int
    retried: int
    late: int
    discarded: int
    consumed: int
    produced: int
    busy: float
    waiting: float
    batch: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run. ``str(report)`` is a table.

    The numbers of events add up as those of each stage do, see :class:`StageReport`.

    Attributes:
        wall_time: seconds from start to end.
        events_in: how many events were read from the sources.
        events_out: how many left the last layer.
        filtered: see :class:`StageReport`; in all, as the following.
        skipped: events that were dropped because an operator failed.
        retried: calls that were made again.
        late: events that came after their window had closed.
        discarded: events that full buffers dropped.
        consumed: events that went into what makes events of events.
        produced: events that came out of it.
        peak_buffer: the most events that waited in one buffer at one time.
        bottleneck: the name of the layer, source or stage that has worked the longest; replicas
            that take turns in the event loop count together, others each for itself. ``None`` if
            nothing has worked.
        stages: one entry for each replica, or for those that one stage carries, upstream first;
            sources are included, and the stages that put the results of an ordered flow in order.
    """

    wall_time: float
    events_in: int
    events_out: int
    filtered: int
    skipped: int
    retried: int
    late: int
    discarded: int
    consumed: int
    produced: int
    peak_buffer: int
    bottleneck: str | None
    stages: tuple[StageReport, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.events_in:,} events in, {self.events_out:,} out, in {self.wall_time:.3f} s"
            + (f"; busiest: {self.bottleneck}" if self.bottleneck else "")
        ]
        columns = [name for name in _COUNTS if name in _ALWAYS or self._has(name)]
        rows = [
            ["", "replicas", *(name.removeprefix("events_") for name in columns), "batch", *_TIMES]
        ]
        for name, stages in groupby(self.stages, attrgetter("name")):
            replicas = list(stages)
            counts = [sum(getattr(each, column) for each in replicas) for column in columns]
            batch = max(each.batch for each in replicas)
            times = [sum(getattr(each, time) for each in replicas) for time in _TIMES]
            rows.append([
                name,
                str(len(replicas)),
                *(f"{count:,}" for count in counts),
                f"{batch:,}" if batch else "",
                *(f"{seconds:.3f} s" for seconds in times),
            ])  # fmt: skip
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *others in rows:
            cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *cells]))
        return "\n".join(lines)

    def _has(self, name: str) -> bool:
        return any(getattr(stage, name) for stage in self.stages)


_COUNTS = (
    "events_in", "events_out", "filtered", "skipped", "retried", "late", "discarded", "consumed",
    "produced",
)  # fmt: skip
_ALWAYS = ("events_in", "events_out")
_TIMES = ("busy", "waiting")
