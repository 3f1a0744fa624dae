"""The keys of whole batches, and what is said about an event whose key fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from flowlike.batches import Batch
from flowlike.operators.keys import Key, key_function
from flowlike.operators.notes import Place, describe_batch, describe_event, unhashable

__all__ = ["KeyReader"]


class KeyReader:
    """Takes the key out of every event of a batch.

    Args:
        key: as a user gives it; None: the event itself.
        label: the operator, for notes.
        place: the replica, for notes.
    """

    __slots__ = ("_function", "_key", "_label", "_place")

    def __init__(self, key: Key | None, label: str, place: Place) -> None:
        self._key = key
        self._function = None if key is None else key_function(key)
        self._label = label
        self._place = place

    def keys(self, batch: Batch, events: Sequence[Any]) -> Sequence[Any]:
        """The keys.

        Args:
            batch: the events as they came; columns of arrays are read as arrays.
            events: the same one by one.

        Raises:
            RuntimeError: the user's function raised ``StopIteration``.
        """
        function = self._function
        if function is None:
            return events
        if isinstance(batch, np.ndarray) and (column := self._column(batch)) is not None:
            return column.tolist()  # type: ignore[no-any-return]
        source = iter(events)
        try:
            keys = list(map(function, source))
        except Exception as error:
            # The iterator has moved past the event that is being worked on.
            position = len(events) - source.__length_hint__() - 1  # type: ignore[attr-defined]
            self._place.note(error, self._label, describe_event(events[position]))
            raise
        if len(keys) < len(events):  # map takes StopIteration for the end of the events
            stopped = RuntimeError(f"{self._label} raised StopIteration, which ends nothing here")
            self._place.note(stopped, self._label, describe_event(events[len(keys)]))
            raise stopped
        return keys

    def refuse(self, error: Exception, keys: Sequence[Any], events: Sequence[Any]) -> NoReturn:
        """Say of which event the key could not be looked up, for an error raised meanwhile.

        Raises:
            TypeError: the first key that cannot be hashed.
        """
        for key, event in zip(keys, events, strict=True):
            try:
                hash(key)
            except TypeError:
                refusal = unhashable(self._label, key)
                self._place.note(refusal, self._label, describe_event(event))
                raise refusal from error
            except Exception as broken:
                self._place.note(broken, self._label, describe_event(event))
                raise
        self._place.note(error, self._label, describe_batch(events))
        raise error

    def _column(self, batch: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        key = self._key
        if isinstance(key, str) and batch.dtype.names and key in batch.dtype.names:
            return batch[key]
        if isinstance(key, int) and batch.ndim == 2 and -batch.shape[1] <= key < batch.shape[1]:
            return batch[:, key]
        return None
