"""The columns of the benchmark: each program by its name, and what it may be asked to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from logistic_map import in_llvm, in_opencl, map_calc
from logistic_map.map_calc import Array, Integers, Results

from flowlike.native import Kernel, logistic_map, logistic_map_naive

NUM, P, MU = 10, 6_700_417, 22

SLOW = 1 << 17
"""How many numbers a column gets that makes a Python call for every round of every number."""

SLOWER_THAN_C = 1 << 22
"""How many numbers a column gets that makes a Python call for every number."""

BLOCK = 1 << 14
"""NumPy's fastest block: what it reads and writes stays in the cache."""

Program: TypeAlias = Callable[[Integers, Array, int], Results]


@dataclass(frozen=True, slots=True)
class Column:
    """A program to be measured.

    Args:
        title: what it does.
        program: called as ``program(xs, out, stages)``; it may write into ``out``.
        most: it gets so many numbers at most, because it is slow.
        staged: it is a flow; otherwise ``stages`` means nothing to it, it takes arrays only,
            and it writes into ``out``.
        prepare: makes what it needs beforehand; ``None``: nothing. It raises why this machine
            cannot run the column, and the cure.
    """

    title: str
    program: Program
    most: int | None = None
    staged: bool = True
    prepare: Callable[[], object] | None = None

    def size(self, size: int) -> int:
        """How many of ``size`` numbers it gets."""
        return size if self.most is None else min(size, self.most)


def in_numpy(xs: Array, out: Array) -> Array:
    """Round by round over blocks, written into ``out``."""
    scratch = np.empty(BLOCK, np.int64)
    for start in range(0, len(out), BLOCK):
        x = out[start : start + BLOCK]
        x[:] = xs[start : start + BLOCK]
        after = scratch[: len(x)]
        for _ in range(NUM):
            np.add(x, 1, out=after)
            np.multiply(x, after, out=x)
            np.multiply(x, MU, out=x)
            np.fmod(x, P, out=x)
    return out


def _flow(program: Callable[[Integers, int, int, int, int], Results]) -> Program:
    return lambda xs, _out, stages: program(xs, NUM, P, MU, stages)


def _filling(fill: Callable[..., Array]) -> Program:
    return lambda xs, out, _stages: fill(xs, out=out)


def _compiled(title: str, kernel: Callable[[int, int, int], Kernel]) -> Column:
    def prepare() -> None:
        # OpenCL compiles a part only when it is called.
        kernel(NUM, P, MU)(np.arange(1, 1000))

    def program(xs: Integers, out: Array, _stages: int) -> Results:
        filled: Array = kernel(NUM, P, MU)(xs, out=out)
        return filled

    return Column(title, program, staged=False, prepare=prepare)


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "1": Column("a loop in map", _flow(map_calc.map_calc1), SLOW),
        "2": Column("ten maps", _flow(map_calc.map_calc2), SLOW),
        "3": Column("ten calls in one map", _flow(map_calc.map_calc3), SLOW),
        "4": Column("a loop without calls in map", _flow(map_calc.map_calc4), SLOW),
        "5": Column("native chunks", _flow(map_calc.map_calc5)),
        "6": Column("bytes packed in Python", _flow(map_calc.map_calc6), SLOWER_THAN_C),
        "7": Column("bytes packed in C", _flow(map_calc.map_calc7)),
        "8": Column("partition, window, kernel", _flow(map_calc.map_calc8)),
        "c": Column(
            "plain C, one thread",
            _filling(logistic_map_naive.bind(num=NUM, p=P, mu=MU)),
            staged=False,
        ),
        "c-fast": Column(
            "the kernel, one thread", _filling(logistic_map.bind(num=NUM, p=P, mu=MU)), staged=False
        ),
        "opencl": _compiled("a loop in OpenCL C", in_opencl.opencl),
        "opencl-inlined": _compiled("the same, its numbers written in", in_opencl.opencl_inlined),
        "numpy": Column("NumPy in blocks, one thread", _filling(in_numpy), staged=False),
        "llvm": _compiled("a loop compiled by numba, one thread", in_llvm.llvm),
        "llvm-fast": _compiled("the kernel's algorithm in numba, one thread", in_llvm.llvm_fast),
    }
)
