"""The logistic map in OpenCL C: a loop with parameters, and one with its numbers written in.

Both are the naive loop, exact where ``mu * x * (x + 1)`` fits an int64. With the numbers written
into the source the compiler can turn the division into a multiplication.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from flowlike.native import Kernel

__all__ = ["opencl", "opencl_inlined"]

LOOP = """
__kernel void logistic_map(__global const long *in, __global long *out, ulong n,
                           long num, long p, long mu, __global int *status)
{
    size_t i = get_global_id(0);
    if (p == 0) {
        *status = 1;
        return;
    }
    long x = in[i];
    for (long k = 0; k < num; k++)
        x = mu * x * (x + 1) % p;
    out[i] = x;
}
"""

INLINED = """
__kernel void logistic_map(__global const long *in, __global long *out, ulong n)
{{
    size_t i = get_global_id(0);
    long x = in[i];
    for (int k = 0; k < {num}; k++)
        x = {mu}L * x * (x + 1) % {p}L;
    out[i] = x;
}}
"""


def opencl(num: int, p: int, mu: int) -> Kernel:
    """The loop with parameters.

    Raises:
        KernelError: there is no OpenCL device.
        ModuleNotFoundError: pyopencl is not installed.
        ValueError: the environment names a device that is not there.
        ZeroDivisionError: ``p`` is 0, when it is called.
    """
    return _opencl().bind(num=num, p=p, mu=mu)


@cache
def opencl_inlined(num: int, p: int, mu: int) -> Kernel:
    """The loop with the numbers in its source; compiled for these.

    Raises:
        KernelError: there is no OpenCL device.
        ModuleNotFoundError: pyopencl is not installed.
        ValueError: the environment names a device that is not there.
        ZeroDivisionError: ``p`` is 0.
    """
    if p == 0:
        raise ZeroDivisionError("opencl-inlined: p must not be 0")
    return Kernel.from_opencl(
        INLINED.format(num=int(num), p=int(p), mu=int(mu)),
        name="opencl-inlined",
        input=np.int64,
        output=np.int64,
        elementwise=True,
    )


@cache
def _opencl() -> Kernel:
    return Kernel.from_opencl(
        LOOP,
        name="opencl",
        input=np.int64,
        output=np.int64,
        params={"num": "int64_t", "p": "int64_t", "mu": "int64_t"},
        errors={1: ZeroDivisionError("opencl: p must not be 0")},
        elementwise=True,
    )
