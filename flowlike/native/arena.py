"""One result that many calls write piece by piece, so that nothing has to be copied behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from flowlike import memory

__all__ = ["Arena"]

_Array = np.ndarray[Any, Any]


class Arena:
    """Memory for the rows of one array, handed out in consecutive pieces.

    What is written in several threads is touched there for the first time, so the page faults
    of the result happen in all of them at once. It may be used from several threads. Calls that
    come one after the other, as those of one replica do, get rows one behind the other.

    Args:
        capacity: how many rows there is room for. More are handed out, in memory elsewhere.

    >>> from flowlike.native import logistic_map
    >>> arena = Arena(5)
    >>> kernel = logistic_map.bind(num=1, p=97, mu=22).writing_into(arena.empty)
    >>> parts = [kernel([1, 2, 3]), kernel([4, 5])]
    >>> arena.written
    array([44, 35, 70, 52, 78])
    """

    __slots__ = ("_array", "_capacity", "_lock", "_used")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._array: _Array | None = None  # of the kind that is asked for first
        self._used = 0
        self._lock = Lock()

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> _Array:
        """An uninitialised C-contiguous array, as ``numpy.empty``: the next rows, if they fit."""
        with self._lock:
            array = self._array
            if array is None:
                array = self._array = np.empty((self._capacity, *shape[1:]), dtype)
            start, stop = self._used, self._used + shape[0]
            if array.dtype != dtype or array.shape[1:] != shape[1:] or stop > len(array):
                return memory.empty(shape, dtype)
            self._used = stop
        return array[start:stop]

    @property
    def written(self) -> _Array | None:
        """All rows that were handed out; ``None``: none were, so nobody knows their kind.

        An array that does not need half of the memory is copied, for a view keeps all of it.
        """
        array, end = self._array, self._used
        if array is None or end == len(array):
            return array
        return array[:end] if 2 * end > len(array) else array[:end].copy()

    def find(self, rows: _Array) -> range | None:
        """Which rows these are, in the order in which they were handed out; ``None``: no such."""
        array = self._array
        if array is None or rows.base is not array or rows.dtype != array.dtype:
            return None
        if rows.shape[1:] != array.shape[1:] or rows.strides != array.strides:
            return None
        size = array.itemsize * math.prod(array.shape[1:])
        if size == 0:
            return None
        start = (_address(rows) - _address(array)) // size
        return range(start, start + len(rows))

    def rows(self, found: range) -> _Array:
        """The rows of that place.

        Raises:
            ValueError: nothing was handed out so far.
        """
        if self._array is None:
            raise ValueError("no rows have been handed out, so there are none to be shown")
        return self._array[found.start : found.stop]

    def whole(self, pieces: Sequence[range]) -> _Array | None:
        """All rows that were handed out, if the pieces are just these, in whatever order."""
        end = 0
        for piece in sorted(pieces, key=_start):
            if piece.start != end:
                return None
            end = piece.stop
        return self.written if end == self._used else None


def _start(piece: range) -> int:
    return piece.start


def _address(array: _Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
