"""The article's eight programs: the logistic map over many integers, faster each time.

Each takes ``(xs, num, p, mu, stages)`` and puts every ``x`` through ``num`` rounds of
``x = rem(mu * x * (x + 1), p)``, where ``rem`` has the sign of the dividend, as in C and
Elixir. ``xs`` is a list or range of integers, which gives a list, or an int64 array, which
gives an array. With ``stages <= 1`` there is no flow, as in the article: the same work in one
plain call. With more the order of the results is free.

- `map_calc1` to `map_calc4` are pure Python, for integers of any size: a loop, ten maps, ten
  calls in one map, the loop varied.
- `map_calc5` gives chunks to a native kernel.
- `map_calc6` and `map_calc7` give it bytes, packed in Python and in C.
- `map_calc8` partitions the numbers, and a window cuts each partition into chunks.

``p == 0`` is a ``ZeroDivisionError`` in all of them. In 5 to 8 an integer beyond int64 is an
``OverflowError`` and what is no integer a ``TypeError``.
"""

from __future__ import annotations

import struct
from array import array as packed
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from flowlike import Flow, GlobalWindow
from flowlike.native import Arena, Kernel, logistic_map

Array: TypeAlias = npt.NDArray[np.int64]
Integers: TypeAlias = list[int] | range | Array
Results: TypeAlias = list[int] | Array

CHUNK = 0x400


def map_calc1(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """One map, and in it a loop.

    Raises:
        ZeroDivisionError: ``p`` is 0.
    """
    step = step_of(p, mu)

    def loop(x: int) -> int:
        for _ in range(num):
            x = step(x)
        return x

    if stages <= 1:
        return like(xs, [loop(x) for x in plain(xs)])
    return like(xs, Flow.from_iterable(xs, stages=stages).map(loop).to_list())


def map_calc2(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """Ten maps of one step each; flowlike fuses them into one loop.

    Raises:
        ValueError: ``num`` is not 10.
        ZeroDivisionError: ``p`` is 0.
    """
    check_ten("map_calc2", num)
    step = step_of(p, mu)
    if stages <= 1:
        results = plain(xs)
        for _ in range(10):
            results = [step(x) for x in results]
        return like(xs, results)
    flow = Flow.from_iterable(xs, stages=stages)
    flow = flow.map(step).map(step).map(step).map(step).map(step)
    flow = flow.map(step).map(step).map(step).map(step).map(step)
    return like(xs, flow.to_list())


def map_calc3(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """One map, and in it ten calls.

    Raises:
        ValueError: ``num`` is not 10.
        ZeroDivisionError: ``p`` is 0.
    """
    check_ten("map_calc3", num)
    step = step_of(p, mu)

    def ten_steps(x: int) -> int:
        return step(step(step(step(step(step(step(step(step(step(x))))))))))

    if stages <= 1:
        return like(xs, [ten_steps(x) for x in plain(xs)])
    return like(xs, Flow.from_iterable(xs, stages=stages).map(ten_steps).to_list())


def map_calc4(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """One map, and in it a loop that calls nothing: the step is written into it.

    Raises:
        ZeroDivisionError: ``p`` is 0.
    """
    step_of(p, mu)  # refuses p == 0
    modulus, sign = abs(p), -1 if mu < 0 else 1
    factor = abs(mu)

    def loop(x: int) -> int:
        # x * (x + 1) is never negative, so every dividend has the sign of mu.
        for _ in range(num):
            x = sign * (factor * x * (x + 1) % modulus)
        return x

    if stages <= 1:
        return like(xs, [loop(x) for x in plain(xs)])
    return like(xs, Flow.from_iterable(xs, stages=stages).map(loop).to_list())


def map_calc5(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """Native chunks: the batches of an array are views of it, and each is one kernel call.

    Raises:
        OverflowError: an integer does not fit int64.
        TypeError: what was given is no integer.
        ZeroDivisionError: ``p`` is 0.
    """
    kernel = kernel_of(num, p, mu)
    array = as_array(xs)
    if stages <= 1 or not len(array):  # without a batch a flow knows no dtype
        return like(xs, kernel(array))
    return like(xs, Flow.from_iterable(array, stages=stages).map_batch(kernel).to_array())


def map_calc6(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """Bytes of int64, packed in Python from integers one by one.

    Raises:
        OverflowError: an integer does not fit int64.
        TypeError: what was given is no integer.
        ZeroDivisionError: ``p`` is 0.
    """

    def pack(batch: Integers) -> bytes:
        try:
            return b"".join([struct.pack("=q", x) for x in plain(batch)])
        except struct.error as error:
            if any(not isinstance(x, int) for x in plain(batch)):
                raise TypeError(f"xs must hold integers only: {error}") from None
            raise OverflowError(f"xs goes beyond int64: {error}") from None

    return through_bytes(pack, xs, kernel_of(num, p, mu), stages)


def map_calc7(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """Bytes of int64, packed by native code.

    Raises:
        OverflowError: an integer does not fit int64.
        TypeError: what was given is no integer.
        ZeroDivisionError: ``p`` is 0.
    """

    def pack(batch: Integers) -> bytes:
        return as_array(batch).tobytes()

    return through_bytes(pack, xs, kernel_of(num, p, mu), stages)


def through_bytes(
    pack: Callable[[Integers], bytes], xs: Integers, kernel: Kernel, stages: int
) -> Results:
    """Each batch becomes one event, its bytes, and that goes through the kernel."""
    if stages <= 1:
        packed = [kernel(pack(xs))]
    else:
        batches = Flow.from_iterable(xs, stages=stages).map_batch(lambda batch: [pack(batch)])
        packed = batches.map(kernel).to_list()
    return like(xs, np.frombuffer(bytearray().join(packed), np.int64))


def map_calc8(xs: Integers, num: int, p: int, mu: int, stages: int) -> Results:
    """Partitions, each cut into chunks by a window; every chunk goes through the kernel.

    Raises:
        OverflowError: an integer does not fit int64.
        TypeError: what was given is no integer.
        ZeroDivisionError: ``p`` is 0.
    """
    kernel = kernel_of(num, p, mu)
    array = as_array(xs)
    if stages <= 1:
        return like(xs, kernel(array))
    # The kernel writes every chunk behind the one before, whatever partition that was of: the
    # chunks that come are views of one array, in which they need not be copied together.
    arena = Arena(len(array))
    chunks = (
        Flow.from_iterable(array)
        .partition(stages=stages, window=GlobalWindow().trigger_every(CHUNK, "reset"))
        .collect_batch()
        .map_state(kernel.writing_into(arena.empty))
        .emit("state")
        .to_list()
    )
    result = arena.written
    return like(xs, np.concatenate(chunks) if result is None else result)


def step_of(p: int, mu: int) -> Callable[[int], int]:
    """One round: ``x -> rem(mu * x * (x + 1), p)``, with the sign of the dividend.

    Raises:
        ZeroDivisionError: ``p`` is 0.
    """
    if p == 0:
        raise ZeroDivisionError("p must not be 0: it is what the rounds divide by")

    def step(x: int) -> int:
        # Python's % has the sign of the divisor.
        dividend = mu * x * (x + 1)
        return dividend % abs(p) if dividend >= 0 else -(-dividend % abs(p))

    return step


def kernel_of(num: int, p: int, mu: int) -> Kernel:
    """All rounds of a whole chunk in one native call."""
    kernel = logistic_map.bind(num=num, p=p, mu=mu)
    kernel(np.empty(0, np.int64))  # refuses p == 0, also where there is no chunk to come
    return kernel


def check_ten(name: str, num: int) -> None:
    """Refuse another number of rounds than the ten that are written out.

    Raises:
        ValueError: ``num`` is not 10.
    """
    if num != 10:
        raise ValueError(f"{name} has its ten rounds written out: num must be 10, not {num!r}")


def plain(xs: Integers) -> list[int]:
    """The integers of ``xs`` as Python has them."""
    if isinstance(xs, list):
        return xs
    return xs.tolist() if isinstance(xs, np.ndarray) else list(xs)


def as_array(xs: Integers) -> Array:
    """``xs`` as an int64 array; such an array is returned as it is."""
    if isinstance(xs, np.ndarray) and xs.dtype == np.int64:
        return xs
    if isinstance(xs, list):
        # Unlike np.array(xs, np.int64), this never rounds a float.
        return np.frombuffer(packed("q", xs) or b"", np.int64)
    array: Array = logistic_map(xs, num=0, p=1, mu=0)  # no rounds make a copy
    return array


def like(xs: Integers, results: Results) -> Results:
    """The results as ``xs`` was given: an array for an array, else a list."""
    if isinstance(xs, np.ndarray):
        return as_array(results)
    return plain(results)
