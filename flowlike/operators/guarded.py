"""A user's function with a guard around it that says where it failed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from flowlike.operators.calls import Calls
from flowlike.operators.notes import Place
from flowlike.options import is_coroutine_function

__all__ = ["Guarded", "GuardedCoroutine", "ask", "guarded", "spread"]


class Guarded:
    """A function of one argument whose exceptions carry a note.

    ``StopIteration`` would end the generators and coroutines on its way without a word:
    it becomes the cause of a ``RuntimeError``. It can be pickled if the function can.

    Args:
        function: takes one argument.
        label: the operator, for the note.
        place: the replica, for the note.
        describe: gives the note's words for an argument.
    """

    __slots__ = ("_describe", "_function", "_label", "_place")

    def __init__(
        self,
        function: Callable[[Any], Any],
        label: str,
        place: Place,
        describe: Callable[[Any], str],
    ) -> None:
        self._function = function
        self._label = label
        self._place = place
        self._describe = describe

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the parts."""
        return (type(self), (self._function, self._label, self._place, self._describe))

    def __call__(self, argument: Any) -> Any:
        """Call the function.

        Raises:
            RuntimeError: the function raised ``StopIteration``.
        """
        try:
            return self._function(argument)
        except StopIteration as error:
            replacement = RuntimeError(f"{self._label} raised StopIteration, which ends nothing")
            self._place.note(replacement, self._label, self._describe(argument))
            raise replacement from error
        except Exception as error:
            self._place.note(error, self._label, self._describe(argument))
            raise


class GuardedCoroutine(Guarded):
    """The same for a coroutine function."""

    __slots__ = ()

    async def __call__(self, argument: Any) -> Any:
        """Call the function and await what it gives."""
        try:
            return await self._function(argument)
        except Exception as error:
            self._place.note(error, self._label, self._describe(argument))
            raise


def guarded(
    function: Callable[[Any], Any], label: str, place: Place, describe: Callable[[Any], str]
) -> Guarded:
    """The guard that fits the function."""
    kind = GuardedCoroutine if is_coroutine_function(function) else Guarded
    return kind(function, label, place, describe)


def ask(
    calls: Calls, place: Place, describe: Callable[[Any], str], what: Any
) -> Generator[Calls, list[Any], list[Any]]:
    """Have guarded calls done; what fails outside of them carries a note too.

    Pickling may fail, or a pool break. Only then is ``describe(what)`` called.
    """
    try:
        return (yield calls)
    except Exception as error:
        place.note_foreign(error, calls.label, describe(what))
        raise


def spread(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A function of one tuple that calls ``function`` with what is in it."""
    return partial(_spread_async if is_coroutine_function(function) else _spread, function)


def _spread(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return function(*arguments)


async def _spread_async(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return await function(*arguments)
