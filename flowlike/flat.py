"""Batches of plain values in pickles, at the speed of their copying."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from itertools import chain
from types import NoneType
from typing import Any, NoReturn

__all__ = ["flat"]

_PLAIN = frozenset({bool, bytes, complex, float, int, NoneType, str})

_LEAST = 16
"""Events that are worth a look, and so many are looked at."""

_LONG = 1 << 10
"""Bytes of an event of which it is good to remember that it was there before."""

_SLACK = 4
"""How many times as long as those that were looked at the events may be."""

_ROOM = 1 << 20  # bytes beyond that


def flat(batch: Any) -> Any:
    """The batch, or something in its place that is pickled faster and unpickled as the same.

    Most of the cost of a pickle is to remember each value, should it come again. For events that
    are text, or tuples or dicts of plain values, that is not worth it: what two of them share may
    as well be two. What a few events of the batch are tells of the others. A batch of which that
    is not true, because some hold instances of classes or something very long, is pickled as ever.

    >>> batch = [("to", 1), ("be", 2)] * 8
    >>> pickle.loads(pickle.dumps(flat(batch), 5)) == batch
    True
    """
    if type(batch) is not list or len(batch) < _LEAST or type(batch[0]) in _UNREMEMBERED:
        return batch
    some = batch[:: len(batch) // _LEAST]
    if not all(map(_is_plain, some)):
        return batch
    length = len(_dumped(some)) // len(some)
    if length > _LONG:
        return batch
    return _Flat(batch, _SLACK * length * len(batch) + _ROOM)


_UNREMEMBERED = frozenset({bool, float, int, NoneType})
"""Types whose values no pickle remembers."""


class _Flat:
    """Pickled as a pickle that remembers nothing.

    Args:
        batch: the events.
        most: bytes that it may take.
    """

    __slots__ = ("_batch", "_most")

    def __init__(self, batch: list[Any], most: int) -> None:
        self._batch = batch
        self._most = most

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        try:
            data = _dumped(self._batch, self._most)
        except (_Unfit, ValueError, RecursionError):  # the second: something that holds itself
            return _itself, (self._batch,)
        return pickle.loads, (pickle.PickleBuffer(data),)


class _Unfit(Exception):
    """A batch has to be pickled as ever."""


class _Unremembering(pickle.Pickler):
    def reducer_override(self, value: Any) -> NoReturn:
        """Asked about all that is no value or container of Python's own.

        Raises:
            _Unfit: always.
        """
        raise _Unfit


class _Room(io.BytesIO):
    """A file that takes so many bytes."""

    most = 0

    def write(self, data: Any) -> int:
        """Write.

        Raises:
            _Unfit: it is full.
        """
        if self.tell() > self.most:
            raise _Unfit
        return super().write(data)


def _dumped(events: list[Any], most: int = _ROOM) -> memoryview:
    file = _Room()
    file.most = most
    pickler = _Unremembering(file, 5)
    pickler.fast = True
    pickler.dump(events)
    return file.getbuffer()


def _is_plain(event: Any) -> bool:
    if type(event) is tuple:
        return all(type(each) in _PLAIN or _is_plain(each) for each in event)
    if type(event) is dict:
        return all(type(each) in _PLAIN for each in chain(event, event.values()))
    return type(event) in _PLAIN


def _itself(batch: list[Any]) -> list[Any]:
    return batch
