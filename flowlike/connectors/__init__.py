"""Where events come from: sequences, iterators and asynchronous iterators as producers."""

from flowlike.connectors.async_iterable import AsyncIterableSource as AsyncIterableSource
from flowlike.connectors.draining import Drain as Drain
from flowlike.connectors.iterable import IterableSource as IterableSource
from flowlike.connectors.sequence import SequenceSource as SequenceSource
from flowlike.connectors.source import Source as Source

__all__ = ["AsyncIterableSource", "Drain", "IterableSource", "SequenceSource", "Source"]
