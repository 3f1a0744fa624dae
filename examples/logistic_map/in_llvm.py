"""The logistic map in Python that numba compiles: the naive loop, and the kernel's algorithm.

The algorithm is that of the kernel in C (``native/logistic_map.c``), for the moduli it is best at:
odd, up to 2^26, without a common divisor with mu. With s = m x + m/2 a round is s^2 + c, a step
of a multiplication and a reduction, and all of it is exact in doubles.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from logistic_map.map_calc import Array

from flowlike.native import Kernel

__all__ = ["llvm", "llvm_fast"]

BLOCK = 64
"""Numbers that are worked on together: their rounds stay in the first cache."""

ROUNDER = 1.5 * 2.0**52
"""Adding it rounds a double below 2^51 to a whole number, which then stands in its low bits."""

ROUNDER_BITS = 0x4338000000000000

GREATEST_P = 2**26


def llvm(num: int, p: int, mu: int) -> Kernel:
    """The naive loop; exact where ``mu * x * (x + 1)`` fits an int64.

    Raises:
        ModuleNotFoundError: numba is not installed.
        ZeroDivisionError: ``p`` is 0, when it is called.
    """
    return _llvm().bind(num=num, p=p, mu=mu)


def llvm_fast(num: int, p: int, mu: int) -> Kernel:
    """Doubles in blocks, exact for every int64.

    Raises:
        ModuleNotFoundError: numba is not installed.
        ValueError: ``p`` or ``mu`` is none it is for.
        ZeroDivisionError: ``p`` is 0.
    """
    plan = _plan(p, mu)
    return _llvm_fast().bind(num=num, **plan)


@cache
def _llvm() -> Kernel:
    return Kernel.from_numba(
        _naive,
        name="llvm",
        input=np.int64,
        output=np.int64,
        params={"num": "int64_t", "p": "int64_t", "mu": "int64_t"},
        errors={1: ZeroDivisionError("llvm: p must not be 0")},
        elementwise=True,
    )


@cache
def _llvm_fast() -> Kernel:
    whole = dict.fromkeys(("num", "p", "reach"), "int64_t")
    reals = dict.fromkeys(("scale", "shift", "step", "back", "back_shift", "sign"), "double")
    # Whether a * b + c is rounded once or twice makes no difference to exact numbers.
    function = _fast
    if find_spec("numba"):  # or from_numba says what is missing
        function = import_module("numba").njit(fastmath={"contract"})(_fast)
    return Kernel.from_numba(
        function,
        name="llvm-fast",
        input=np.int64,
        output=np.int64,
        params={**whole, **reals},
        elementwise=True,
    )


def _naive(xs: Array, out: Array, num: int, p: int, mu: int) -> int:
    if p == 0:
        return 1
    modulus = abs(p)
    for i in range(len(xs)):
        x = xs[i]
        for _ in range(num):
            # numba's % has the sign of the divisor, and so has its fmod of whole numbers.
            dividend = mu * x * (x + 1)
            x = dividend % modulus if dividend >= 0 else -(-dividend % modulus)
        out[i] = x
    return 0


def _plan(p: int, mu: int) -> dict[str, int | float]:
    """The parameters of `_fast`.

    Raises:
        ValueError: ``p`` or ``mu`` is none it is for.
        ZeroDivisionError: ``p`` is 0.
    """
    if p == 0:
        raise ZeroDivisionError("llvm-fast: p must not be 0")
    modulus = abs(p)
    if not 3 <= modulus <= GREATEST_P or modulus % 2 == 0:
        raise ValueError(f"llvm-fast: p must be odd, with 3 <= |p| <= {GREATEST_P}, not {p}")
    try:
        inverse = pow(mu, -1, modulus)
    except ValueError:
        raise ValueError(
            f"llvm-fast: mu must have no divisor in common with {p=}, not {mu}"
        ) from None

    def centred(x: int) -> int:
        return (x + modulus // 2) % modulus - modulus // 2

    m = centred(mu)
    even = m if m % 2 == 0 else m - modulus if m > 0 else m + modulus
    shift = even // 2
    sign = -1 if mu < 0 else 1
    back = centred(inverse * sign)
    # x * scale + shift must stay below 2^51.
    reach = 2**50
    while reach * abs(even) > 2**50:
        reach //= 2
    return {
        "p": modulus,
        "reach": reach,
        "scale": float(even),
        "shift": float(shift),
        "step": float(centred(shift - shift * shift)),
        "back": float(back),
        "back_shift": float(centred(-shift * back)),
        "sign": float(sign),
    }


def _fast(
    xs: Array,
    out: Array,
    num: int,
    p: int,
    reach: int,
    scale: float,
    shift: float,
    step: float,
    back: float,
    back_shift: float,
    sign: float,
) -> None:
    if num <= 0:
        out[:] = xs
        return
    size = len(xs)
    modulus = float(p)
    inverse = 1 / modulus
    block: Any = np.zeros(BLOCK)
    words = block.view(np.int64)
    whole = np.zeros(BLOCK, np.int64)
    for start in range(0, size, BLOCK):
        width = min(BLOCK, size - start)
        x, y = xs[start : start + BLOCK], out[start : start + BLOCK]
        if width < BLOCK:  # loops of a known length are the fast ones
            whole[:width] = x
            x = y = whole
        far = 0
        for i in range(BLOCK):
            far |= (x[i] + reach) & ~(2 * reach - 1)
        if far != 0:
            for i in range(BLOCK):
                whole[i] = x[i] % p
            x = whole
        for i in range(BLOCK):
            product = x[i] * scale + shift
            block[i] = product - ((product * inverse + ROUNDER) - ROUNDER) * modulus
        for _ in range(num):
            for i in range(BLOCK):
                product = block[i] * block[i] + step
                block[i] = product - ((product * inverse + ROUNDER) - ROUNDER) * modulus
        for i in range(BLOCK):
            product = block[i] * back + back_shift
            residue = product - ((product * inverse + ROUNDER) - ROUNDER) * modulus
            block[i] = (residue + modulus if residue < 0 else residue) * sign + ROUNDER
        for i in range(BLOCK):
            y[i] = words[i] - ROUNDER_BITS
        if width < BLOCK:
            out[start:] = whole[:width]
