"""What a failure policy is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Failure"]


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that an operator has given up.

    Attributes:
        operator: as plans and notes show it, such as "map(parse)".
        replica: which one of the layer's, from 0.
        event: what the function was called with; of map_batch and reduce_batch the batch.
        exception: what the last call has raised.
        attempt: how many calls were made, 1 without a `Retry`.

    Example:
        >>> from flowlike import Flow
        >>> failures = []
        >>> Flow.from_iterable(["1", "two"]).map(int, on_error=failures.append).to_list()
        [1]
        >>> failures[0].operator, failures[0].event, type(failures[0].exception)
        ('map(int)', 'two', <class 'ValueError'>)
    """

    operator: str
    replica: int
    event: Any
    exception: Exception
    attempt: int
