"""Arrays in memory that is used again: a fresh page costs more than the arithmetic on it.

The first touch of a page makes the system find and clear one, half a microsecond for 4 KiB
at best. A kernel whose result is copied on at once needs no fresh memory for the next one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["LARGEST", "Recycler", "SMALLEST", "empty"]

SMALLEST = 1 << 16
"""Bytes: below this the allocator itself recycles."""

LARGEST = 1 << 24
"""Bytes: above this pages are large and few, and too much memory would lie idle."""

_KEPT = 1 << 25  # bytes that may lie idle in all

_Array = np.ndarray[Any, Any]


class Recycler:
    """Hands out arrays and takes their memory back when the last view of one is gone.

    It may be used from several threads.

    Args:
        kept: the most bytes that lie idle; memory that comes back beyond it is freed.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._idle: dict[int, list[_Array]] = {}

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> _Array:
        """An uninitialised C-contiguous array, as ``numpy.empty``."""
        size = math.prod(shape) * dtype.itemsize
        if not SMALLEST <= size <= LARGEST or dtype.hasobject:
            return np.empty(shape, dtype)
        block = self._block(size)
        lease = _Lease(self, block, size)
        return np.asarray(lease).view(dtype).reshape(shape)

    def _block(self, size: int) -> _Array:
        """Idle memory of this size or up to an eighth more, or new."""
        step = 1 << (size.bit_length() - 4)
        rounded = -(-size // step) * step
        idle = self._idle.setdefault(rounded, [])
        try:
            return idle.pop()
        except IndexError:  # asking first would leave another thread time to take the last
            return np.empty(rounded, np.uint8)

    def take_back(self, block: _Array) -> None:
        """Keep a block for the next array, unless enough lie idle."""
        # Counted afresh each time: a running count would need a lock, and a collection can come
        # back here while the same thread holds it.
        sizes = tuple(self._idle)
        idle = sum(map(int.__mul__, sizes, map(len, map(self._idle.__getitem__, sizes))))
        if idle + len(block) <= self._kept:
            self._idle[len(block)].append(block)


class _Lease:
    """Owns a block as long as an array or a view of it lives."""

    __slots__ = ("__array_interface__", "_block", "_recycler")

    def __init__(self, recycler: Recycler, block: _Array, size: int) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (block.__array_interface__["data"][0], False),
        }
        self._recycler = recycler
        self._block = block

    def __del__(self) -> None:
        self._recycler.take_back(self._block)


_recycler = Recycler(_KEPT)


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> _Array:
    """An uninitialised array in memory that may have been used before, as ``numpy.empty``."""
    return _recycler.empty(shape, np.dtype(dtype))
