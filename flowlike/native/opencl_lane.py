"""A queue of an OpenCL device with the memory of one call on its way through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from flowlike.native.opencl_device import OpenCLDevice, opencl

__all__ = ["OpenCLLane"]

_GROUP = 256
"""Work items in a group: enough for every device, and always so many, because some devices compile
the kernel anew for each number."""

_Array: TypeAlias = np.ndarray[Any, Any]


class OpenCLLane:
    """A queue whose commands run in order, used by one thread at a time.

    Args:
        device: what it is a queue of.
        kernel: what it computes.
        has_status: the last parameter of the kernel is its status.
    """

    def __init__(self, device: OpenCLDevice, kernel: Any, has_status: bool) -> None:
        cl = opencl()
        self._context = device.context
        self._queue = cl.CommandQueue(device.context, device.device)
        # The arguments are state of a kernel object, so no two threads can share one.
        self._kernel = cl.Kernel(kernel.program, kernel.function_name)
        most = kernel.get_work_group_info(cl.kernel_work_group_info.WORK_GROUP_SIZE, device.device)
        self._group = min(_GROUP, 1 << (most.bit_length() - 1))
        self._status = _buffer(device.context, 4) if has_status else None
        self._found = np.zeros(1, np.int32)
        self._read = self._written = _Staging()
        self._target: _Array | None = None
        self._events: list[Any] = []

    def compute_in_place(
        self, read: _Array, written: _Array, size: int, values: Sequence[Any]
    ) -> int:
        """Compute in the memory of the arrays, which the device shares; return the status."""
        cl = opencl()
        access = cl.mem_flags
        target = cl.Buffer(self._context, access.READ_WRITE | access.USE_HOST_PTR, hostbuf=written)
        source = target
        if read.ctypes.data != written.ctypes.data:
            source = cl.Buffer(self._context, access.READ_ONLY | access.USE_HOST_PTR, hostbuf=read)
        self._launch(source, target, size, values)
        self._queue.finish()  # here the GIL is free
        # Only what was mapped after the kernel is promised to be there.
        mapped, _ = cl.enqueue_map_buffer(
            self._queue, target, cl.map_flags.READ, 0, written.shape, written.dtype
        )
        mapped.base.release(self._queue)
        if self._status is not None:
            cl.enqueue_copy(self._queue, self._found, self._status)
        self._queue.finish()
        return int(self._found[0])

    def start(self, read: _Array, written: _Array, size: int, values: Sequence[Any]) -> None:
        """Bring ``read`` to the device, and begin to compute; `take` fills ``written``."""
        cl = opencl()
        self._read = self._read.of_at_least(len(read), self._context, self._queue)
        self._written = self._written.of_at_least(len(written), self._context, self._queue)
        self._target = written
        self._read.pinned[: len(read)] = read
        queue, events = self._queue, self._events
        # An event that is dropped waits, so they are kept until all is done.
        events.append(
            cl.enqueue_copy(
                queue, self._read.buffer, self._read.pinned[: len(read)], is_blocking=False
            )
        )
        self._launch(self._read.buffer, self._written.buffer, size, values)
        events.append(
            cl.enqueue_copy(
                queue, self._written.pinned[: len(written)], self._written.buffer, is_blocking=False
            )
        )
        if self._status is not None:
            events.append(cl.enqueue_copy(queue, self._found, self._status, is_blocking=False))
        queue.flush()

    def take(self) -> int:
        """Wait for what was started, and put it in its place; return the status."""
        if self._target is None:
            return 0
        target = self._target
        self.abandon()
        target[:] = self._written.pinned[: len(target)]
        return int(self._found[0])

    def abandon(self) -> None:
        """Wait until the device is done, and leave the result."""
        self._queue.finish()
        self._events.clear()
        self._target = None

    def _launch(self, source: Any, target: Any, size: int, values: Sequence[Any]) -> None:
        cl = opencl()
        arguments = [source, target, np.uint64(size), *values]
        if self._status is not None:
            cl.enqueue_fill_buffer(self._queue, self._status, np.int32(0), 0, 4)
            arguments.append(self._status)
        self._kernel.set_args(*arguments)
        whole = size - size % self._group
        if whole:
            cl.enqueue_nd_range_kernel(self._queue, self._kernel, (whole,), (self._group,))
        if whole < size:
            cl.enqueue_nd_range_kernel(
                self._queue, self._kernel, (size - whole,), (1,), global_work_offset=(whole,)
            )


class _Staging:
    """Memory on the device, and as much here that it can fetch without the CPU's help."""

    def __init__(self, size: int = 0, context: Any = None, queue: Any = None) -> None:
        self._size = size
        if size:
            cl = opencl()
            self.buffer = _buffer(context, size)
            access = cl.mem_flags
            host = cl.Buffer(context, access.READ_WRITE | access.ALLOC_HOST_PTR, size)
            both = cl.map_flags.READ | cl.map_flags.WRITE
            self.pinned: _Array
            self.pinned, _ = cl.enqueue_map_buffer(queue, host, both, 0, (size,), np.uint8)

    def of_at_least(self, size: int, context: Any, queue: Any) -> _Staging:
        """This one if it is large enough, else another."""
        return self if self._size >= size else _Staging(size, context, queue)


def _buffer(context: Any, size: int) -> Any:
    cl = opencl()
    return cl.Buffer(context, cl.mem_flags.READ_WRITE, size)
