"""Exceptions that cross between nodes, each of them one object on every node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flowlike.carried import CarriedError

__all__ = ["KnownErrors"]


class KnownErrors:
    """Packs and opens exceptions, and knows those again that were here before.

    So a crash that is told to many consumers, and to the owner on other ways, is one crash: they
    may compare with ``is``. What is known is kept until `forget`.

    Args:
        node: the number of this node.
        better: gives what is known here of the same, of one that comes from elsewhere; ``None``
            if that is nothing.

    Example:
        >>> here, there = KnownErrors(0), KnownErrors(1)
        >>> error = ValueError("x")
        >>> got = there.open(here.pack(error))
        >>> got is there.open(here.pack(error)), here.open(there.pack(got)) is error
        (True, True)
    """

    __slots__ = ("_better", "_carried", "_errors", "_node", "_origins", "_packed")

    def __init__(
        self, node: int, better: Callable[[BaseException], BaseException | None] | None = None
    ) -> None:
        self._node = node
        self._better = better
        self._packed = 0
        self._errors: dict[tuple[int, int], BaseException] = {}  # so their ids stay theirs
        self._origins: dict[int, tuple[int, int]] = {}  # by the id of the exception
        self._carried: dict[tuple[int, int], CarriedError] = {}

    def pack(self, error: BaseException) -> CarriedError:
        """The exception for another node; never raises."""
        origin = self._origins.get(id(error))
        if origin is None:
            self._packed += 1
            origin = self._node, self._packed
            self._know(origin, error, CarriedError.of(error, origin))
        carried = self._carried[origin]
        notes = tuple(map(str, getattr(error, "__notes__", ())))
        if notes != carried.notes:
            carried = self._carried[origin] = replace(carried, notes=notes)
        return carried

    def open(self, carried: CarriedError) -> BaseException:
        """The exception, with its notes: the same object whenever it comes."""
        origin = carried.origin
        error = None if origin is None else self._errors.get(origin)
        if error is not None:
            if origin in self._carried:
                carried.annotate(error)
            return error
        error = carried.open()
        better = None if self._better is None else self._better(error)
        if origin is not None and better is not None:
            self._errors[origin] = better  # it has its own notes
        elif origin is not None:
            self._know(origin, error, carried)
        return error if better is None else better

    def forget(self) -> None:
        """A run has ended: exceptions that come from now on are others."""
        self._errors.clear()
        self._origins.clear()
        self._carried.clear()

    def _know(self, origin: tuple[int, int], error: BaseException, carried: CarriedError) -> None:
        self._errors[origin] = error
        self._origins[id(error)] = origin
        self._carried[origin] = carried
