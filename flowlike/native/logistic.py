"""The logistic map as a kernel: the article's example, and a test of exact native work."""

from __future__ import annotations

import operator
import os
from array import array as packed
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flowlike.native._kernels import ffi, lib
from flowlike.native.kernel import Kernel

__all__ = ["LogisticMap", "logistic_map", "logistic_map_naive", "paths"]

_INT64 = np.dtype(np.int64)
_LEAST, _GREATEST = -(2**63), 2**63 - 1


class LogisticMap(Kernel):
    """A kernel on int64 that also takes integers as a list or range, and bytes of int64.

    A list or range gives an array; bytes (``bytes``, ``bytearray``, ``memoryview``) give
    bytes. An element that is no integer is a ``TypeError``, one beyond int64 an
    ``OverflowError``, bytes that are no multiple of 8 a ``ValueError``, ``p=0`` a
    ``ZeroDivisionError``. Anything else is as in `Kernel`.
    """

    __slots__ = ()

    def __reduce__(self) -> Any:
        """Send it to another process by its name; that process takes its own C function."""
        return _restored, (self.name, dict(self.bound))

    def _call_with_other(self, array: Any, out: Any, values: tuple[Any, ...]) -> Any:
        if not isinstance(array, (bytes, bytearray, memoryview)):
            return super()._call_with_other(array, out, values)
        size = memoryview(array).nbytes
        if size % 8:
            raise ValueError(
                f"{self.name}: bytes of int64 come in multiples of 8, not {size} bytes"
            )
        result = self._run(np.frombuffer(array, _INT64), out, values)
        return result.tobytes() if out is None else out

    def _accepted(self, array: Any) -> np.ndarray[Any, Any]:
        if isinstance(array, range):
            return _array_of_range(array)
        if isinstance(array, list):
            return _array_of_integers(array)
        return super()._accepted(array)


def _array_of_range(numbers: range) -> np.ndarray[Any, Any]:
    parts = numbers.start, numbers.stop, numbers.step
    if all(_LEAST <= part <= _GREATEST for part in parts):
        return np.arange(*parts, dtype=_INT64)
    if numbers and not (
        _LEAST <= min(numbers[0], numbers[-1]) <= max(numbers[0], numbers[-1]) <= _GREATEST
    ):
        raise OverflowError(f"{numbers} goes beyond int64")
    return np.array(list(numbers), _INT64)


def _array_of_integers(numbers: Sequence[Any]) -> np.ndarray[Any, Any]:
    try:
        # Unlike NumPy it takes nothing that is no integer, so nobody has to look at the types.
        return np.frombuffer(packed("q", numbers) or b"", _INT64)
    except (OverflowError, TypeError):
        pass  # the loop below says which element it was
    integers = []
    for index, number in enumerate(numbers):
        try:
            integers.append(operator.index(number))
        except TypeError:
            raise TypeError(
                f"the list must hold integers; element {index} is {number!r:.60}"
            ) from None
        if not _LEAST <= integers[-1] <= _GREATEST:
            raise OverflowError(f"the list goes beyond int64: element {index} is {number}")
    return np.array(integers, _INT64)


def _wrapped(name: str, function: Any) -> LogisticMap:
    return LogisticMap.from_cffi(
        ffi,
        function,
        name=name,
        input=_INT64,
        output=_INT64,
        params={"num": "int64_t", "p": "int64_t", "mu": "int64_t"},
        errors={1: ZeroDivisionError(f"{name}: p must not be 0")},
        elementwise=True,
    )


def paths() -> Mapping[str, LogisticMap]:
    """The ways this CPU can compute `logistic_map`, the fastest first; all agree."""
    found = {}
    if lib.flowlike_has_avx512():
        found["avx512"] = _wrapped("logistic_map", lib.flowlike_logistic_map_avx512)
    if lib.flowlike_has_avx2():
        found["avx2"] = _wrapped("logistic_map", lib.flowlike_logistic_map_avx2)
    found["portable"] = _wrapped("logistic_map", lib.flowlike_logistic_map_portable)
    return found


def _chosen() -> LogisticMap:
    """The fastest path, or the one FLOWLIKE_CPU names (for benchmarks and tests).

    Raises:
        ValueError: this CPU has no path of that name.
    """
    found = paths()
    path = os.environ.get("FLOWLIKE_CPU") or next(iter(found))
    if path not in found:
        raise ValueError(f"FLOWLIKE_CPU must be one of {list(found)} on this CPU, not {path!r}")
    return found[path]


logistic_map: LogisticMap = _chosen()
"""``num`` times ``x = rem(mu * x * (x + 1), p)`` for every ``x``, exact for every int64.

The remainder has the sign of the dividend, as in C and Elixir. Parameters: ``num`` (0 or less:
a copy), ``p``, ``mu``, each an int64.
"""

logistic_map_naive: LogisticMap = _wrapped("logistic_map_naive", lib.flowlike_logistic_map_naive)
"""The same in plain C, the yardstick of the benchmarks.

Exact only where ``mu * x * (x + 1)`` fits an int64; beyond, the product wraps.
"""


def _restored(name: str, bound: dict[str, int]) -> LogisticMap:
    kernel = logistic_map_naive if name == logistic_map_naive.name else logistic_map
    return kernel.bind(**bound)
