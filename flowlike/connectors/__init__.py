"""Where events come from: sequences, iterators and asynchronous iterators as producers."""

from typing import TYPE_CHECKING

from flowlike.connectors.draining import Drain as Drain
from flowlike.connectors.sequence import SequenceSource as SequenceSource
from flowlike.connectors.source import Source as Source
from flowlike.first_use import on_first_use

if TYPE_CHECKING:
    from flowlike.connectors.async_iterable import AsyncIterableSource as AsyncIterableSource
    from flowlike.connectors.iterable import IterableSource as IterableSource
else:
    __getattr__ = on_first_use(
        __name__,
        async_iterable="AsyncIterableSource",
        iterable="IterableSource",
    )

__all__ = ["AsyncIterableSource", "Drain", "IterableSource", "SequenceSource", "Source"]
