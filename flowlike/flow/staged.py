"""Stages of the user's own in a flow: instances that it starts, or ones that run already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from flowlike.stages import Consumer, Producer, ProducerConsumer, StageRef, Subscribe
from flowlike.stages.peer import Peer

__all__ = ["Into", "Staged", "check_into", "check_producers", "check_through", "stage_label"]

Staged: TypeAlias = Producer[Any] | ProducerConsumer[Any, Any] | StageRef
"""An instance belongs to the flow, a ``StageRef`` to somebody else."""


def check_producers(stages: Iterable[Any]) -> tuple[Staged, ...]:
    """The producers of ``from_stages``.

    Raises:
        TypeError: one of them is none.
        ValueError: there is none at all.
    """
    found = _several("from_stages", "producer", stages)
    for stage in found:
        if isinstance(stage, StageRef) and not stage.emits:
            raise TypeError(f"stage {stage.name!r} is a consumer and emits nothing")
        _check(stage, "from_stages", Producer)
    return found


def check_through(stages: Iterable[Any]) -> tuple[Staged, ...]:
    """The producer-consumers of ``through_stages``.

    Raises:
        TypeError: one of them is none.
        ValueError: there is none at all.
    """
    found = _several("through_stages", "stage", stages)
    for stage in found:
        if isinstance(stage, StageRef) and not (stage.emits and stage.consumes):
            raise TypeError(f"stage {stage.name!r} is no ProducerConsumer")
        _check(stage, "through_stages", ProducerConsumer)
    return found


@dataclass(frozen=True, slots=True)
class Into:
    """The end of ``into_stages``: one consumer, and how it subscribes.

    Attributes:
        consumer: an instance, or where it runs.
        options: of a ``Subscribe`` that was given.
    """

    consumer: Consumer[Any] | StageRef
    options: Subscribe | None

    def subscribe(self, to: Peer) -> Subscribe:
        """How it subscribes to a stage of the flow."""
        return Subscribe(to) if self.options is None else replace(self.options, to=to)


def check_into(consumers: Iterable[Any]) -> tuple[Into, ...]:
    """The consumers of ``into_stages``.

    Raises:
        TypeError: one of them is none.
        ValueError: there is none at all.
    """
    found = []
    for given in _several("into_stages", "consumer", consumers):
        consumer: Any = given.to if isinstance(given, Subscribe) else given
        if isinstance(consumer, StageRef) and not consumer.consumes:
            raise TypeError(f"stage {consumer.name!r} is a producer and consumes nothing")
        _check(consumer, "into_stages", Consumer, ", StageRefs and Subscribes")
        found.append(Into(consumer, given if isinstance(given, Subscribe) else None))
    return tuple(found)


def _several(call: str, noun: str, stages: Any) -> tuple[Any, ...]:
    if not isinstance(stages, Iterable):
        raise TypeError(f"{call} takes several stages: give {call}([...]), not {stages!r:.80}")
    found = tuple(stages)
    if not found:
        raise ValueError(f"{call} needs at least one {noun}, got none")
    return found


def _check(stage: Any, call: str, kind: type, others: str = " and StageRefs") -> None:
    if not isinstance(stage, (kind, StageRef)):
        raise TypeError(f"{call} takes instances of {kind.__name__}{others}, not {stage!r:.80}")


def stage_label(stages: tuple[Staged, ...]) -> str:
    """A short text for plans."""
    first = stages[0]
    name = first.name if isinstance(first, StageRef) else type(first).__name__
    return name if len(stages) == 1 else f"{name} and {len(stages) - 1} more"
