"""Memory that both ends of a link see, for buffers that are too large to go through a socket."""

from __future__ import annotations

import io
import mmap
import os
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from flowlike.nodes.slots import Slots

__all__ = ["SIZE", "SharedMemory", "memory_file"]

SIZE = 1 << 28
"""Bytes that each end may have in slots. Only what was written has memory."""

_LENGTH = 2 * SIZE


def memory_file() -> io.FileIO:
    """The memory of a link, for both ends to map. It has no name, and ends with its last user.

    Raises:
        OSError: the system gives no more files.
    """
    if hasattr(os, "memfd_create"):
        file = io.FileIO(os.memfd_create("flowlike"), "r+")
    else:  # macOS
        with tempfile.TemporaryFile(buffering=0) as unlinked:
            file = io.FileIO(os.dup(unlinked.fileno()), "r+")
    try:
        file.truncate(_LENGTH)
    except BaseException:
        file.close()
        raise
    return file


class SharedMemory:
    """One end's view of it: each end writes into its own half and reads that of the other.

    A slot belongs to the end that has written it again when the view of it, and all views of that,
    are gone at the other end. The mapping lives as long as any of them, whatever becomes of the
    link.

    Args:
        file: of `memory_file`; it stays open.
        half: which one is written here, 0 or 1.

    Raises:
        OSError: the system gives no more room for mappings.
    """

    def __init__(self, file: io.FileIO, half: int) -> None:
        # A mapping needs no descriptor; before 3.13 it keeps one all the same.
        options: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
        self._mapping = mmap.mmap(file.fileno(), _LENGTH, **options)
        self._ours = half * SIZE
        self._theirs = SIZE - self._ours
        self._memory = memoryview(self._mapping)[self._ours : self._ours + SIZE]
        self._slots = Slots(SIZE)
        self._leaving: set[int] = set()  # slots whose memory goes back to the system once free
        self._touched = 0  # up to where slots have been
        self._lent: set[int] = set()  # where views of the other half begin
        self._kept: set[int] = set()  # those that are never given back
        self._back: deque[int] = deque()  # those that are not seen here any more
        self._address: int | None = None  # of the other half
        self.wake: Callable[[], None] = _nobody
        _memories.add(self)

    def place(self, buffer: memoryview) -> int | None:
        """Copy a buffer of bytes into a slot: where it begins; ``None``: there is no room."""
        size = len(buffer)
        start = self._slots.take(size)
        if start is not None:
            self._touched = max(self._touched, start + size)
            self._memory[start : start + size] = buffer
        return start

    def take_back(self, start: int) -> None:
        """The other end has no view of a slot any more.

        Raises:
            KeyError: there is no such slot.
        """
        slot = self._slots.give(start)
        if start in self._leaving:
            self._leaving.discard(start)
            self._release(*slot)

    def trim(self) -> None:
        """Give the memory of free slots to the system now, that of the others when they are free.

        It is for the end of a run: memory that is used again is faster than new memory.
        """
        for start, end in self._slots.free:
            if start < self._touched:
                self._release(start, end)
        self._leaving.update(self._slots.used)
        self._touched = 0

    def view(self, start: int, size: int) -> Any:
        """What the other end has written into a slot: an array of bytes that may be written."""
        if self._address is None:
            import numpy as np  # noqa: PLC0415 - a worker that sees no arrays needs none

            half = np.frombuffer(self._mapping, np.uint8, SIZE, self._theirs)
            self._address = int(half.ctypes.data)
        self._lent.add(start)
        return _Lease(self, start, self._address + start, size).array()

    def give_back(self, start: int) -> None:
        """A view has ended: in any thread, and in the middle of anything, this very object too.

        So there is no lock here, and nothing but single steps that cannot be divided.
        """
        self._lent.discard(start)
        if start not in self._kept:
            self._back.append(start)
            self.wake()

    def given_back(self) -> list[int]:
        """The slots of views that have ended since the last call."""
        starts = []
        while self._back:
            starts.append(self._back.popleft())
        return starts

    def keep(self) -> None:
        """Never give back what is seen now, for a process that is forked sees it, too."""
        self._kept |= self._lent.copy()

    def _release(self, start: int, end: int) -> None:
        if hasattr(mmap, "MADV_REMOVE"):  # elsewhere it stays until the link is closed
            self._mapping.madvise(mmap.MADV_REMOVE, self._ours + start, end - start)


class _Lease:
    """What an array in a slot stands on; its end is the end of all views."""

    __slots__ = ("__array_interface__", "_memory", "_start")

    def __init__(self, memory: SharedMemory, start: int, address: int, size: int) -> None:
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, False),
        }
        self._memory = memory
        self._start = start

    def array(self) -> Any:
        import numpy as np  # noqa: PLC0415 - was imported by who makes leases

        return np.asarray(self)

    def __del__(self) -> None:
        self._memory.give_back(self._start)


def _nobody() -> None:
    """No loop serves the link."""


def _keep_all() -> None:
    for memory in list(_memories):
        memory.keep()


_memories: WeakSet[SharedMemory] = WeakSet()
os.register_at_fork(before=_keep_all)
