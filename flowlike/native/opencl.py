"""OpenCL C on arrays: compiled for a device, called from threads (the extra ``opencl``)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from flowlike.errors import KernelError
from flowlike.native._kernels import ffi
from flowlike.native.opencl_device import OpenCLDevice, opencl
from flowlike.native.opencl_lane import OpenCLLane
from flowlike.native.signature import scalar_type

__all__ = ["OpenCLFunction"]

_PIECE = 1 << 22
"""Bytes of an array that cross to the device at a time: long enough to reach the full speed of the
bus, short enough that little is left over when the last one is on its way."""

_SHAPE = "__kernel void f(__global const T *in, __global U *out, ulong n, parameters...)"

_NAMES: dict[np.dtype[Any], str] = {
    np.dtype(np.int8): "char",
    np.dtype(np.int16): "short",
    np.dtype(np.int32): "int",
    np.dtype(np.int64): "long",
    np.dtype(np.uint8): "uchar",
    np.dtype(np.uint16): "ushort",
    np.dtype(np.uint32): "uint",
    np.dtype(np.uint64): "ulong",
    np.dtype(np.float16): "half",
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}

_Array: TypeAlias = np.ndarray[Any, Any]


class OpenCLFunction:
    """A kernel of OpenCL C, called as ``function(array, out, n, values...) -> status``.

    Args:
        source: OpenCL C.
        name: of the kernel, for messages, and for the choice among several in the source.
        input: dtype of the elements of ``array``.
        output: dtype of the elements of ``out``.
        params: the C types of the parameters after ``n``, by name.
        device: a part of the name of the device, or ``None``: see `OpenCLDevice.chosen`.
        elementwise: parts of the arrays may be computed on their own.

    Attributes:
        device: what it runs on.
        has_status: a status other than 0 is possible.

    Raises:
        KernelError: there is no device, or it cannot compile the source.
        ModuleNotFoundError: pyopencl is not installed.
        TypeError: the source is no str, or its kernel has another shape.
        ValueError: there is no such device, or no such kernel in the source.
    """

    def __init__(
        self,
        source: str,
        name: str,
        input: np.dtype[Any],
        output: np.dtype[Any],
        params: Mapping[str, str],
        device: str | None,
        elementwise: bool,
    ) -> None:
        if not isinstance(source, str):
            raise TypeError(f"source must be OpenCL C as a str, not {source!r:.60}")
        self._name = name
        self._scalars = [scalar_type(ffi, c_type, name) for c_type in params.values()]
        self.device = OpenCLDevice.chosen(device)
        self._kernel = _compiled(source, name, self.device)
        self.has_status = _has_status(self._kernel, name, input, output, self._scalars)
        width = max(input.itemsize, output.itemsize)
        self._step = max(1, _PIECE // width) if elementwise else None
        self._threads = threading.local()

    def __call__(self, array: _Array, out: _Array, size: int, *values: Any) -> int:
        """Compute all elements; the status, or 0.

        Raises:
            KernelError: the device failed.
            MemoryError: it has no memory for so much.
        """
        if not size:
            return 0
        numbers = [kind.type(value) for kind, value in zip(self._scalars, values, strict=True)]
        read, written = np.asarray(array).view(np.uint8), np.asarray(out).view(np.uint8)
        try:
            if self.device.shares_memory:
                return self._lanes(1)[0].compute_in_place(read, written, size, numbers)
            return self._compute_in_pieces(read, written, size, numbers)
        except opencl().Error as error:
            self._threads.lanes = []  # their memory may be what another call is short of
            raise self._failure(error, size) from error

    def _compute_in_pieces(
        self, read: _Array, written: _Array, size: int, values: Sequence[Any]
    ) -> int:
        """While a lane computes its piece, the other one fetches or brings another."""
        step = self._step or size
        lanes = self._lanes(1 if size <= step else 2)
        status = 0
        try:
            for number, start in enumerate(range(0, size, step)):
                lane = lanes[number % 2]
                status = lane.take()
                if status:
                    break
                stop = min(start + step, size)
                lane.start(
                    _part(read, start, stop, size),
                    _part(written, start, stop, size),
                    stop - start,
                    values,
                )
            # The older piece first: of several statuses the first counts.
            for lane in (lanes[(number + 1) % len(lanes)], lanes[number % len(lanes)]):
                status = status or lane.take()
        finally:
            for lane in lanes:
                lane.abandon()
        return status

    def _lanes(self, count: int) -> list[OpenCLLane]:
        """The first lanes of this thread."""
        if not hasattr(self._threads, "lanes"):
            self._threads.lanes = []
        lanes: list[OpenCLLane] = self._threads.lanes
        while len(lanes) < count:
            lanes.append(OpenCLLane(self.device, self._kernel, self.has_status))
        return lanes[:count]

    def _failure(self, error: Any, size: int) -> Exception:
        codes = opencl().status_code
        if error.code in (
            codes.MEM_OBJECT_ALLOCATION_FAILURE,
            codes.OUT_OF_RESOURCES,
            codes.OUT_OF_HOST_MEMORY,
            codes.INVALID_BUFFER_SIZE,
        ):
            return MemoryError(
                f"kernel {self._name!r}: the OpenCL device {self.device.name!r} has no memory for "
                f"{size} elements at once; smaller batches (max_demand) need less"
            )
        return KernelError(
            f"kernel {self._name!r} failed on the OpenCL device {self.device.name!r}: {error}"
        )


def _part(array: _Array, start: int, stop: int, size: int) -> _Array:
    """The bytes of the elements from start to stop, of so many."""
    width = len(array) // size
    return array[start * width : stop * width]


def _compiled(source: str, name: str, device: OpenCLDevice) -> Any:
    """The one kernel of the source, or the one of that name.

    Raises:
        KernelError: the device cannot compile the source.
        ValueError: there is none.
    """
    cl = opencl()
    try:
        program = cl.Program(device.context, source).build(["-cl-kernel-arg-info"])
    except cl.Error as error:
        raise KernelError(
            f"the OpenCL device {device.name!r} cannot compile kernel {name!r}:\n{error}"
        ) from error
    kernels = {kernel.function_name: kernel for kernel in program.all_kernels()}
    if len(kernels) != 1 and name not in kernels:
        raise ValueError(
            f"the source must have one __kernel, or one called {name!r}; it has "
            f"{', '.join(kernels) or 'none'}"
        )
    return kernels.get(name) or next(iter(kernels.values()))


def _has_status(
    kernel: Any,
    name: str,
    input: np.dtype[Any],
    output: np.dtype[Any],
    scalars: Sequence[np.dtype[Any]],
) -> bool:
    """True if the kernel has a status; its parameters are checked.

    Raises:
        TypeError: they are others than promised.
    """
    found = _types_of(kernel)
    numbers = ["ulong", *(_NAMES[kind] for kind in scalars)]
    wanted = [None, None, *numbers, *["int*"] * (len(found) == 3 + len(scalars) + 1)]
    fits = len(found) == len(wanted) and all(
        each is None or other is None or each == other or each.rstrip("*") not in _DTYPES
        for each, other in zip(found, wanted, strict=True)
    )
    if not fits:
        shown = ", ".join(each or "?" for each in found)
        raise TypeError(
            f"kernel {name!r} must be {_SHAPE}, where its parameters after the arrays are "
            f"{', '.join(numbers)} and perhaps a last __global int *status, not ({shown})"
        )
    for which, dtype, c_type in (("input", input, found[0]), ("output", output, found[1])):
        item = _DTYPES.get((c_type or "").removesuffix("*"))
        if c_type in _DTYPES or (
            item is not None
            and item.itemsize > 1
            and (item.itemsize != dtype.itemsize or (dtype.kind == "f") != (item.kind == "f"))
        ):
            raise TypeError(f"{which} {dtype} of kernel {name!r} does not fit its {c_type!r}")
    cl = opencl()
    if any(
        kernel.get_work_group_info(cl.kernel_work_group_info.COMPILE_WORK_GROUP_SIZE, device)
        != [0, 0, 0]
        for device in kernel.context.devices
    ):
        raise TypeError(f"kernel {name!r} must be without reqd_work_group_size")
    return len(found) > 3 + len(scalars)


def _types_of(kernel: Any) -> list[str | None]:
    """The types of the parameters, as OpenCL C calls them; None where the driver does not say."""
    cl = opencl()
    types: list[str | None] = []
    for index in range(kernel.num_args):
        try:
            types.append(kernel.get_arg_info(index, cl.kernel_arg_info.TYPE_NAME))
        except cl.Error:
            types.append(None)
    return types
