"""Messages as bytes: length-prefixed and numbered, large arrays beside the pickle."""

from __future__ import annotations

import pickle
import struct
from typing import Any, NamedTuple

from flowlike.pickling import pickled

__all__ = ["Frame", "FrameReader", "pack"]

_HEAD = struct.Struct("!QQI")  # the number, the size of the pickle, how many buffers follow
_SIZE = struct.Struct("!Q")


class Frame(NamedTuple):
    """A message that has arrived and was not unpickled yet.

    Attributes:
        data: its pickle.
        buffers: the memory of its large arrays.
    """

    data: bytearray
    buffers: list[bytearray]

    def read(self) -> Any:
        """The message.

        Raises:
            Exception: whatever says that it cannot be made here.
        """
        return pickle.loads(self.data, buffers=self.buffers)


def pack(number: int, message: Any) -> list[memoryview]:
    """What to send for a message, in order; arrays are not copied.

    Args:
        number: how many frames were sent before it.
        message: anything that can be pickled.

    Raises:
        Exception: whatever says that it cannot be.
    """
    buffers: list[memoryview] = []
    data = pickled(message, buffers)
    sizes = b"".join(_SIZE.pack(buffer.nbytes) for buffer in buffers)
    head = _HEAD.pack(number, len(data), len(buffers)) + sizes
    return [memoryview(head), memoryview(data), *(buffer.cast("B") for buffer in buffers)]


class FrameReader:
    """Puts frames together from what arrives, however it is cut.

    Example:
        >>> reader, frames = FrameReader(), []
        >>> for piece in pack(0, "hello"):
        ...     while len(piece):
        ...         count = min(len(piece), len(reader.room))
        ...         reader.room[:count] = piece[:count]
        ...         piece = piece[count:]
        ...         if (frame := reader.filled(count)) is not None:
        ...             frames.append(frame.read())
        >>> frames
        ['hello']

    Attributes:
        room: where the next bytes belong; never empty.
    """

    def __init__(self) -> None:
        self._expected = 0
        self._parts: list[bytearray] = []  # of the frame that arrives
        self._sizes: list[int] = []  # of the parts to come
        self._has_sizes = False
        self.room = memoryview(b"")
        self._begin()

    def filled(self, count: int) -> Frame | None:
        """Say that ``count`` bytes were written into `room`; a frame, if it is complete now.

        Raises:
            RuntimeError: a frame is missing.
        """
        self.room = self.room[count:]
        if len(self.room):
            return None
        part = self._parts[-1]
        if len(self._parts) == 1:
            number, size, buffers = _HEAD.unpack(part)
            if number != self._expected:
                raise RuntimeError(
                    f"message {number} came where {self._expected} was expected; "
                    "this is a bug of flowlike"
                )
            self._expected += 1
            self._sizes = [size]
            self._has_sizes = not buffers
            if buffers:
                self._sizes = [buffers * _SIZE.size, size]
        elif not self._has_sizes:
            self._has_sizes = True
            self._sizes += [size for (size,) in _SIZE.iter_unpack(part)]
            self._parts.pop()
        return self._next()

    def _next(self) -> Frame | None:
        while self._sizes:
            self._parts.append(bytearray(self._sizes.pop(0)))
            if self._parts[-1]:
                self.room = memoryview(self._parts[-1])
                return None
        _, data, *buffers = self._parts
        self._begin()
        return Frame(data, buffers)

    def _begin(self) -> None:
        self._parts = [bytearray(_HEAD.size)]
        self.room = memoryview(self._parts[0])
