"""What a flow can read from, described without opening it."""

from __future__ import annotations

import io
import os
import stat
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np

from flowlike import connectors
from flowlike.batches import is_batch
from flowlike.connectors.sequence import SequenceSource
from flowlike.errors import SourceExhausted
from flowlike.stages import Dispatcher, Producer

__all__ = ["Source"]

_AT_HAND = frozenset({bytearray, bytes, deque, dict, frozenset, set, str, tuple})
"""Types whose events are all in memory, so that nobody needs to watch how long they take."""


class Source:
    """One source of a flow: anything iterable, made into a producer at every run.

    Args:
        source: an array or other batch, any iterable, or an async iterable.
        read_in: how a synchronous iterator is read: "loop", "thread", or "auto" (in the loop until
            one ``next()`` took more than 2 ms, then in a thread).

    Raises:
        TypeError: ``source`` cannot be iterated.
    """

    __slots__ = ("_exhausted", "_read_in", "_source")

    def __init__(self, source: Any, read_in: str = "auto") -> None:
        if isinstance(source, np.ndarray) and source.ndim == 0:
            raise TypeError(
                f"a source must be iterable, and an array needs an axis that counts the events; "
                f"{source!r} has none, give it as a list of one"
            )
        if not (is_batch(source) or isinstance(source, (Iterable, AsyncIterable, Sequence))):
            try:
                iter(source)  # the old sequence protocol, which has no type to be seen by
            except TypeError:
                raise TypeError(
                    f"a source must be iterable (a list, range, array, generator, file, async "
                    f"iterable ...), not {source!r:.80}"
                ) from None
        self._source = source
        self._read_in = read_in
        self._exhausted = False

    def __repr__(self) -> str:
        return f"<Source {self.label}>"

    @property
    def label(self) -> str:
        """A short text for plans: the type, and the size where it is known."""
        name = type(self._source).__name__
        size = self.size
        return name if size is None else f"{name} of {size}"

    @property
    def size(self) -> int | None:
        """How many events there are, if that is known beforehand."""
        return len(self._source) if is_batch(self._source) else None

    def check(self, again: bool = False) -> None:
        """Check that it can be opened.

        Args:
            again: it is to be opened a second time in one run.

        Raises:
            SourceExhausted: a one-shot iterator that was opened before, or is to be
                opened twice.
        """
        if again and self._is_one_shot:
            raise SourceExhausted(
                f"the source {self._source!r:.80} is a one-shot iterator, and this flow reads it "
                "twice (a flow that is merged or joined with itself is read once for each "
                "place); give it something that can be iterated again, such as a list"
            )
        if self._exhausted:
            raise SourceExhausted(
                f"the source {self._source!r:.80} is a one-shot iterator and was started before; "
                "give the flow something that can be iterated again (a list, a range, an "
                "object with __iter__), or build a new flow"
            )

    @property
    def _is_one_shot(self) -> bool:
        """True if it is an iterator, which can be read once."""
        source = self._source
        if isinstance(source, AsyncIterator):
            return source.__aiter__() is source
        return isinstance(source, Iterator) and iter(source) is source

    @property
    def makes_its_events(self) -> bool:
        """True for an object of which it is known only that it can be iterated, again and again.

        So it is no collection that holds its events: it opens a file, asks a server, or counts.
        """
        source = self._source
        if is_batch(source) or isinstance(source, (Sized, Iterator, AsyncIterator)):
            return False
        return isinstance(source, (Iterable, AsyncIterable))

    @property
    def empty(self) -> np.ndarray[Any, Any] | None:
        """An empty array of the kind that the source has; ``None`` if it is no array."""
        return self._source[:0] if isinstance(self._source, np.ndarray) else None

    def held(self, dispatcher: Dispatcher) -> Producer[Any]:
        """A producer for a run, which waits until it is told to hand demand on.

        Args:
            dispatcher: chooses who gets what.

        Raises:
            SourceExhausted: a one-shot iterator, opened a second time.
        """
        producer = self.open()
        producer.dispatcher = dispatcher
        producer.demand = "accumulate"
        return producer

    def open(self) -> Producer[Any]:
        """A producer that reads the source from its start.

        Raises:
            SourceExhausted: a one-shot iterator, opened a second time.
        """
        source = self._source
        if is_batch(source):
            return SequenceSource(source)
        is_async = isinstance(source, AsyncIterable)
        iterator = source.__aiter__() if is_async else iter(source)
        if iterator is source:
            self.check()
            self._exhausted = True
        if is_async:
            return connectors.AsyncIterableSource(iterator)
        at_hand = self._read_in == "auto" and (type(source) in _AT_HAND or _is_on_disk(source))
        return connectors.IterableSource(iterator, "loop" if at_hand else self._read_in)


def _is_on_disk(source: Any) -> bool:
    """True for an open file with a disk behind it, which no line is waited for."""
    if not isinstance(source, (io.TextIOWrapper, io.BufferedReader, io.FileIO)):
        return False
    try:
        return stat.S_ISREG(os.fstat(source.fileno()).st_mode)
    except (OSError, ValueError):  # it is of another kind, or closed
        return False
