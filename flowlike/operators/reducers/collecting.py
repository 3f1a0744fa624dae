"""The reducer that keeps the events of a window as one batch."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from flowlike.arrow import is_arrow
from flowlike.batches import Batch, as_batch, join
from flowlike.operators.outputs import Outputs
from flowlike.operators.reducers.reducer import Reducer

__all__ = ["Chunk", "Collecting", "views", "windows_of"]

Chunk: TypeAlias = tuple[Batch, int, int]
"""A batch, and the start and the stop of the part that belongs to the window."""


class Collecting(Reducer):
    """`CollectBatch`: a list of chunks, which are only joined when a trigger fires.

    Chunks know their place in their batch, so that neighbours become one view again.

    Args:
        empty: what a window without events gives as long as no array was seen.
    """

    def __init__(self, empty: Batch) -> None:
        self._empty = empty

    def init(self) -> list[Chunk]:
        """No chunks."""
        return []

    def step(self, state: Any, batch: Batch, start: int, stop: int, outputs: Outputs) -> Any:
        """The state after ``batch[start:stop]``."""
        if isinstance(batch, np.ndarray):
            empty = self._empty
            if (
                not isinstance(empty, np.ndarray)
                or empty.dtype != batch.dtype
                or empty.shape[1:] != batch.shape[1:]
            ):
                self._empty = np.empty((0, *batch.shape[1:]), batch.dtype)
        elif is_arrow(batch):
            self._empty = batch[:0]
        elif isinstance(batch, range):
            # How a range was cut must not show: equal windows are to be equal lists.
            batch = list(batch[start:stop])
            start, stop = 0, len(batch)
        elif stop - start < len(batch):
            # A view of a list would keep all of it alive.
            batch = batch[start:stop]
            start, stop = 0, stop - start
        state.append((batch, start, stop))
        return state

    def show(self, state: list[Chunk], keep: bool) -> Batch:
        """The events as one batch; of an empty window an empty batch."""
        if not state:
            return self._empty[:0]
        if len(state) == 1:
            return _view(*state[0])
        return join(views(state))

    def merge(self, one: list[Chunk], other: list[Chunk]) -> list[Chunk]:
        """The chunks of the one, then those of the other."""
        return one + other

    def adopt(self, state: Any, who: str) -> list[Chunk]:
        """A batch that ``on_trigger`` returned.

        Raises:
            TypeError: it is no batch.
        """
        batch = as_batch(state, f"{who}, for the new state of collect_batch(),")
        return [(batch, 0, len(batch))] if len(batch) else []


def views(chunks: list[Chunk]) -> list[Batch]:
    """The chunks as batches, with neighbours of one batch as one view."""
    merged: list[Chunk] = []
    for chunk in chunks:
        batch, start, stop = chunk
        if merged:
            last, first, end = merged[-1]
            if last is batch and end == start:
                merged[-1] = (batch, first, stop)
                continue
        merged.append(chunk)
    return [_view(*chunk) for chunk in merged]


def windows_of(chunks: list[Chunk], sizes: list[int]) -> list[list[Chunk]]:
    """The chunks as consecutive windows of these sizes."""
    windows = []
    pending = iter(chunks)
    batch, start, stop = next(pending)
    for size in sizes:
        window: list[Chunk] = []
        missing = size
        while missing:
            if start == stop:
                batch, start, stop = next(pending)
            end = min(start + missing, stop)
            window.append((batch, start, end))
            missing -= end - start
            start = end
        windows.append(window)
    return windows


def _view(batch: Batch, start: int, stop: int) -> Batch:
    if start > 0 or stop < len(batch):
        batch = batch[start:stop]
    if isinstance(batch, np.ndarray) and not batch.flags.c_contiguous:
        # Several chunks would be contiguous after the join; one alone is not to differ.
        return np.ascontiguousarray(batch)
    return batch
