"""Messages as bytes: length-prefixed and numbered, large arrays beside the pickle."""

from __future__ import annotations

import pickle
import struct
from collections import deque
from typing import Any, NamedTuple

from flowlike.nodes.shared_memory import SharedMemory
from flowlike.pickling import pickled

__all__ = ["Frame", "FrameReader", "pack", "pack_slots"]

_HEAD = struct.Struct("<QQI")  # the number, the size of the body, how many buffers it lists
_BUFFER = struct.Struct("<Qq")  # its size, and where it is in the shared memory
_BEHIND = -1  # or that it follows the body
_ROOM = 1 << 16
"""Bytes to receive at once, and the largest frame that is received together with others."""


class Frame(NamedTuple):
    """A message that has arrived and was not unpickled yet.

    Attributes:
        data: its pickle.
        buffers: the memory of its large arrays.
    """

    data: memoryview
    buffers: list[Any]

    def read(self) -> Any:
        """The message.

        Raises:
            Exception: whatever says that it cannot be made here.
        """
        return pickle.loads(self.data, buffers=self.buffers)


def pack(number: int, message: Any, memory: SharedMemory | None = None) -> list[bytes | memoryview]:
    """What to send for a message, in order; arrays are not copied, unless into ``memory``.

    Args:
        number: how many frames were sent before it.
        message: anything that can be pickled.
        memory: takes large buffers, as long as it has room.

    Raises:
        Exception: whatever says that it cannot be.
    """
    buffers: list[memoryview] = []
    data = pickled(message, buffers)
    if not buffers:
        head = _HEAD.pack(number, len(data), 0)
        return [head + data] if len(data) < _ROOM else [head, data]
    list_of_them = b""
    behind: list[memoryview] = []
    for buffer in buffers:
        place = None if memory is None else memory.place(buffer)
        if place is None:
            place = _BEHIND
            behind.append(buffer)
        list_of_them += _BUFFER.pack(len(buffer), place)
    head = _HEAD.pack(number, len(list_of_them) + len(data), len(buffers))
    return [head + list_of_them, data, *behind]


def pack_slots(number: int, starts: list[int]) -> bytes:
    """What to send to give slots of the shared memory back: a frame without a pickle.

    Args:
        number: how many frames were sent before it.
        starts: where the slots begin.
    """
    slots = b"".join([_BUFFER.pack(0, start) for start in starts])
    return _HEAD.pack(number, len(slots), len(starts)) + slots


class FrameReader:
    """Puts frames together from what arrives, however it is cut.

    Args:
        memory: where buffers are that do not come with their frame.

    Example:
        >>> reader, arrived = FrameReader(), b"".join(pack(0, "hello") + pack(1, "world"))
        >>> for piece in arrived[:30], arrived[30:]:
        ...     reader.room[: len(piece)] = piece
        ...     reader.filled(len(piece))
        ...     while (frame := reader.next()) is not None:
        ...         print(frame.read())
        hello
        world

    Attributes:
        room: where the next bytes belong, after `next` had nothing; never empty.
    """

    def __init__(self, memory: SharedMemory | None = None) -> None:
        self._memory = memory
        self._expected = 0
        self._arrived = memoryview(bytearray(_ROOM))  # what is not read yet is from start to end
        self._start = 0
        self._end = 0
        self._missing: deque[memoryview] = deque()  # what is still to come of a large frame
        self._body: tuple[memoryview, int] | None = None  # which begins with that
        self._frame: Frame | None = None  # or ends with that
        self.room = self._arrived

    def filled(self, count: int) -> None:
        """Say that ``count`` bytes were written into `room`."""
        if self._missing:
            self._missing[0] = self._missing[0][count:]
        else:
            self._end += count

    def next(self) -> Frame | None:
        """A frame that is complete now, the first one first; ``None``: there is no other.

        Raises:
            RuntimeError: a frame is missing.
        """
        while True:
            if self._missing and not self._fill():
                return None
            if self._frame is not None:
                frame, self._frame = self._frame, None
                return frame
            if self._body is not None:
                body, self._body = self._body, None
                self._open(*body)
            elif not self._begin():
                return None

    def _begin(self) -> bool:
        """Read the head of the next frame: whether there is more to do than to wait."""
        start, arrived = self._start, self._end - self._start
        if arrived >= _HEAD.size:
            number, size, buffers = _HEAD.unpack_from(self._arrived, start)
            start += _HEAD.size
            if size > _ROOM - _HEAD.size:
                self._check(number)
                self._start = start
                body = memoryview(bytearray(size))
                self._missing.append(body)
                self._body = body, buffers
                return True
            if arrived >= _HEAD.size + size:
                self._check(number)
                self._start = start + size
                # A copy, for the frame may be read much later.
                self._open(memoryview(bytes(self._arrived[start : self._start])), buffers)
                return True
        if self._start:
            self._arrived[:arrived] = self._arrived[self._start : self._end]
            self._start, self._end = 0, arrived
        self.room = self._arrived[arrived:]
        return False

    def _check(self, number: int) -> None:
        if number != self._expected:
            raise RuntimeError(
                f"message {number} came where {self._expected} was expected; "
                "this is a bug of flowlike"
            )
        self._expected += 1

    def _open(self, body: memoryview, count: int) -> None:
        """Make the frame of a body, which may not have all of its buffers yet."""
        if not count:
            self._frame = Frame(body, [])
            return
        listed = _BUFFER.iter_unpack(body[: count * _BUFFER.size])
        data = body[count * _BUFFER.size :]
        if not data:
            self._take_back([start for _, start in listed])
            return
        buffers: list[Any] = []
        for size, place in listed:
            if place == _BEHIND:
                buffers.append(bytearray(size))
                self._missing.append(memoryview(buffers[-1]))
            else:
                buffers.append(self._shared().view(place, size))
        self._frame = Frame(data, buffers)

    def _take_back(self, starts: list[int]) -> None:
        for start in starts:
            self._shared().take_back(start)

    def _shared(self) -> SharedMemory:
        if self._memory is None:
            raise RuntimeError(
                "a slot was named on a link without slots; this is a bug of flowlike"
            )
        return self._memory

    def _fill(self) -> bool:
        """Move what has arrived to where it belongs: whether nothing is missing any more."""
        while self._missing:
            part = self._missing[0]
            count = min(len(part), self._end - self._start)
            part[:count] = self._arrived[self._start : self._start + count]
            self._start += count
            if count < len(part):
                self._start = self._end = 0
                self._missing[0] = self.room = part[count:]
                return False
            self._missing.popleft()
        return True
