"""Pickles for other processes: by value where the other side could not find it by name."""

from __future__ import annotations

import functools
import io
import pickle
import sys
from types import FunctionType
from typing import Any

__all__ = ["pickle_by_value", "pickled"]

LARGE = 1 << 16
"""Bytes of a buffer that is worth to travel beside the pickle: it is not copied then."""


def pickled(value: Any, beside: list[memoryview] | None = None) -> bytes:
    """A pickle that a process with another ``__main__`` can read, at the speed of plain pickle.

    What plain pickle cannot do, or would look for in ``__main__``, is done by value.

    Args:
        value: what to pickle.
        beside: takes the memory of large arrays; ``None``: they are copied into the pickle.

    Raises:
        Exception: whatever says that it cannot be pickled.
    """
    if _ends_in_own(value):
        return pickle_by_value(value, beside)
    buffers: list[memoryview] = []
    try:
        data = pickle.dumps(value, 5, buffer_callback=None if beside is None else _Large(buffers))
    except Exception:  # noqa: BLE001 - by value it may be possible; if not, that is raised
        return pickle_by_value(value, beside)
    if b"__main__" in data:
        return pickle_by_value(value, beside)
    if beside is not None:
        beside += buffers
    return data


def pickle_by_value(value: Any, beside: list[memoryview] | None = None) -> bytes:
    """The same, with the code of functions and classes that no module has.

    Raises:
        Exception: whatever says that it cannot be pickled; ``PicklingError`` for an open file.
    """
    buffers: list[memoryview] = []
    file = io.BytesIO()
    take = None if beside is None else _Large(buffers)
    _pickler()(file, 5, buffer_callback=take).dump(value)
    if beside is not None:
        beside += buffers
    return file.getvalue()


def _ends_in_own(value: Any) -> bool:
    """True for a message with a batch of instances of a class that the script defines."""
    batch = value[-1] if type(value) is tuple and value else None
    return type(batch) is list and bool(batch) and type(batch[0]).__module__ == "__main__"


class _Large:
    """Takes the large ones of the buffers of a pickle."""

    def __init__(self, buffers: list[memoryview]) -> None:
        self._buffers = buffers

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        """Whether the buffer belongs into the pickle."""
        memory = buffer.raw()
        if memory.nbytes < LARGE:
            return True
        self._buffers.append(memory)
        return False


@functools.cache
def _pickler() -> Any:
    import cloudpickle  # noqa: PLC0415 - 20 ms that only who needs it pays

    class ByValue(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            # Looked into for each instance: as a ChainMap, which it is, for a microsecond.
            self.dispatch_table: dict[type, Any] = dict(cloudpickle.Pickler.dispatch_table)
            super().__init__(*args, **options)
            self._ordinary: set[type] = set()  # of whose instances nothing is to be overridden

        def reducer_override(self, value: Any) -> Any:
            """Refuse files: cloudpickle would send what one holds now, which is not what it is.

            Raises:
                PicklingError: it is an open file.
            """
            kind = type(value)
            if kind in self._ordinary:
                return NotImplemented
            if isinstance(value, io.IOBase):
                for name in ("stdout", "stderr"):
                    if value is getattr(sys, name):
                        return getattr, (sys, name)  # that of the other process
                raise pickle.PicklingError(f"an open file cannot be pickled: {value!r}")
            if not issubclass(kind, (type, FunctionType)):
                self._ordinary.add(kind)
            return super().reducer_override(value)

    return ByValue
