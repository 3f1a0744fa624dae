"""One kernel call for several windows, and its result cut back into windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from flowlike.batches import join
from flowlike.native import Kernel

__all__ = ["call_over", "cut", "fits"]

# A kernel call costs about as much as copying this many elements into fresh memory.
_WORTH_A_CALL = 512


def fits(kernel: Kernel, batch: Any) -> bool:
    """True if the kernel takes the batch as it is, so that batches of this kind can be joined."""
    return isinstance(batch, np.ndarray) and batch.ndim == 1 and batch.dtype == kernel.input


def call_over(kernel: Kernel, pieces: list[Any]) -> Any:
    """The result of an elementwise kernel for several arrays as one array.

    Long pieces are not copied: the kernel writes each result at its place.
    """
    total = sum(map(len, pieces))
    if len(pieces) == 1 or total < len(pieces) * _WORTH_A_CALL:
        return kernel(join(pieces))
    result = kernel.empty(total)
    start = 0
    for piece in pieces:
        stop = start + len(piece)
        kernel(piece, out=result[start:stop])
        start = stop
    return result


def cut(result: Any, sizes: list[int]) -> list[Any]:
    """The result as views of these sizes."""
    if len(set(sizes)) == 1:
        # Rows of a view with two dimensions are made faster than slices.
        return list(result.reshape(len(sizes), sizes[0]))
    views = []
    start = 0
    for size in sizes:
        views.append(result[start : start + size])
        start += size
    return views
