"""What a run did: the report that every run returns."""

from __future__ import annotations

from dataclasses import dataclass

from flowlike.stages import StageRef

__all__ = ["RunReport", "StageReport", "report_stage"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """One replica of a layer, or one source.

    Attributes:
        name: of the layer; its replicas share it.
        replica: from 0.
        events_in: how many events it was given (a source: has read).
        events_out: how many events left it.
        late: events that came after their window had closed.
        discarded: events that a full buffer dropped.
        busy: seconds spent in its functions, executors included.
        waiting: the other seconds of its life.
    """

    name: str
    replica: int
    events_in: int
    events_out: int
    late: int
    discarded: int
    busy: float
    waiting: float


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run.

    Attributes:
        wall_time: seconds from start to end.
        events_in: how many events were read from the sources.
        events_out: how many left the last layer.
        late: events that came after their window had closed, in all.
        discarded: events that full buffers dropped, in all.
        peak_buffer: the most events that waited in one buffer at one time.
        stages: one entry for each replica, sources included, upstream first.
    """

    wall_time: float
    events_in: int
    events_out: int
    late: int
    discarded: int
    peak_buffer: int
    stages: tuple[StageReport, ...]


def report_stage(
    name: str, replica: int, ref: StageRef, wall_time: float, *, late: int = 0
) -> StageReport:
    """What one running or ended stage did so far."""
    counts = ref.counts()
    return StageReport(
        name=name,
        replica=replica,
        events_in=counts.events_in,
        events_out=counts.events_out,
        late=late,
        discarded=counts.discarded,
        busy=counts.busy,
        waiting=max(0.0, wall_time - counts.busy),
    )
