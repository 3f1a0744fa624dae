"""Exceptions on their way between processes."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass

from flowlike.errors import RemoteError
from flowlike.pickling import pickled

__all__ = ["CarriedError"]


@dataclass(frozen=True, slots=True)
class CarriedError:
    """An exception as it crosses into another process.

    Attributes:
        pickle: of the exception, if it can be pickled and read again.
        kind: the name of its type.
        text: what it says.
        notes: its notes.
        trace: its traceback as text.
        cause: what it was raised from.
        origin: where and as which it was packed first, if that matters: an exception that comes
            again is known by it.
    """

    pickle: bytes | None
    kind: str
    text: str
    notes: tuple[str, ...]
    trace: str
    cause: CarriedError | None
    origin: tuple[int, int] | None = None

    @classmethod
    def of(cls, error: BaseException, origin: tuple[int, int] | None = None) -> CarriedError:
        """Pack an exception; never raises."""
        trace = "".join(traceback.format_exception(error, chain=True)).rstrip()
        return cls._packed(error, trace, 5, origin)

    @classmethod
    def _packed(
        cls, error: BaseException, trace: str, deep: int, origin: tuple[int, int] | None = None
    ) -> CarriedError:
        cause = error.__cause__
        kind = type(error).__qualname__
        if type(error).__module__ != "builtins":
            kind = f"{type(error).__module__}.{kind}"
        try:
            text = str(error)
        except Exception:  # noqa: BLE001 - a broken __str__ must not hide the error
            text = "<its __str__ failed>"
        return cls(
            _pickle(error),
            kind,
            text,
            tuple(map(str, getattr(error, "__notes__", ()))),
            trace,
            None if cause is None or not deep else cls._packed(cause, "", deep - 1),
            origin,
        )

    def open(self) -> BaseException:
        """The exception, its traceback there as a note; a `RemoteError` if it cannot be made."""
        error: BaseException | None = None
        if self.pickle is not None:
            try:
                error = pickle.loads(self.pickle)
            except Exception:  # noqa: BLE001 - its type or module is not here; it is described
                error = None
        if not isinstance(error, BaseException):
            error = RemoteError(f"{self.kind}: {self.text}" if self.text else self.kind)
            error.kind, error.text = self.kind, self.text
        self.annotate(error)
        if self.trace:
            there = f"the traceback in the worker process:\n{self.trace}"
            if there not in getattr(error, "__notes__", ()):  # it had come this way before
                error.add_note(there)
        if self.cause is not None:
            error.__cause__ = self.cause.open()
        return error

    def annotate(self, error: BaseException) -> None:
        """Give the exception, opened before, the notes that it has not."""
        for note in self.notes:
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)


def _pickle(error: BaseException) -> bytes | None:
    """A pickle that was read again: some exceptions can be pickled, but made only once."""
    try:
        data = pickled(error)
        again = pickle.loads(data)
    except Exception:  # noqa: BLE001 - whatever it is, the error has to be described then
        return None
    return data if type(again) is type(error) else None
