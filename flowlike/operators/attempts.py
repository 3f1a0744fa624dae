"""The loop that calls a function event by event and goes on, or not, when it raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, cast

from flowlike.batches import is_batch
from flowlike.carried import CarriedError
from flowlike.operators.notes import describe_event
from flowlike.options import is_coroutine_function

__all__ = ["Attempts", "AwaitedAttempts", "Mode", "Outcome", "Work", "make_attempts"]

Mode = Literal["return", "collect", "count"]


class Work(NamedTuple):
    """What to call a function with.

    Attributes:
        events: one after the other; an iterator is left where the loop has returned.
        delay: seconds to wait before.
        position: which of the works that are asked for together.
    """

    events: Iterable[Any]
    delay: float = 0.0
    position: int = 0


class Outcome(NamedTuple):
    """What became of a `Work`.

    Attributes:
        made: what leaves, in order.
        failures: the events that failed, each with how many had been tried before it and its
            exception.
        failed: how many have failed.
    """

    made: list[Any]
    failures: list[tuple[int, Exception]]
    failed: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it whatever the exceptions are."""
        carried = [(index, CarriedError.of(error)) for index, error in self.failures]
        return (_arrived, (self.made, carried, self.failed))


def _arrived(made: list[Any], carried: list[tuple[int, CarriedError]], failed: int) -> Outcome:
    failures = [(index, error.open()) for index, error in carried]
    return Outcome(made, cast("list[tuple[int, Exception]]", failures), failed)


class Attempts:
    """Calls a function for each event. It can be pickled if the function can.

    Args:
        function: of one argument.
        name: of the operator, which says what a result stands for.
        label: of the operator, for messages.
        mode: what happens after a failure: "return" at once with it, "collect" it and go on,
            or only "count" it and go on.
    """

    __slots__ = ("_argument", "_function", "_label", "_mode", "_name", "_results")

    def __init__(
        self, function: Callable[[Any], Any], name: str, label: str, mode: Mode = "return"
    ) -> None:
        self._function = function
        self._name = name
        self._label = label
        self._mode = mode
        self._argument = _value if name == "map_values" else None
        self._results = _RESULTS[name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arguments."""
        return (type(self), (self._function, self._name, self._label, self._mode))

    def __call__(self, work: Work) -> Any:
        """The `Outcome`."""
        function, argument, results, label = (
            self._function, self._argument, self._results, self._label,
        )  # fmt: skip
        made: list[Any] = []
        failures: list[tuple[int, Exception]] = []
        failed = 0
        for index, event in enumerate(work.events):
            try:
                result = function(event if argument is None else argument(event, label))
                made += results(event, result, label)
            except Exception as error:  # noqa: BLE001 - the policy decides
                failed += 1
                if self._failed(index, error, failures):
                    break
        return Outcome(made, failures, failed)

    def _failed(self, index: int, error: Exception, failures: list[tuple[int, Exception]]) -> bool:
        """Note a failure; whether the loop ends."""
        if self._mode == "count":
            return False
        if isinstance(error, StopIteration):  # which would end the generators on its way
            stopped = RuntimeError(f"{self._label} raised StopIteration, which ends nothing here")
            stopped.__cause__ = error
            error = stopped
        failures.append((index, error))
        return self._mode == "return"


class AwaitedAttempts(Attempts):
    """The same for a coroutine function."""

    __slots__ = ()

    async def __call__(self, work: Work) -> Outcome:
        """The `Outcome`."""
        function, argument, results, label = (
            self._function, self._argument, self._results, self._label,
        )  # fmt: skip
        made: list[Any] = []
        failures: list[tuple[int, Exception]] = []
        failed = 0
        for index, event in enumerate(work.events):
            try:
                result = await function(event if argument is None else argument(event, label))
                made += results(event, result, label)
            except Exception as error:  # noqa: BLE001 - the policy decides
                failed += 1
                if self._failed(index, error, failures):
                    break
        return Outcome(made, failures, failed)


def make_attempts(function: Callable[[Any], Any], name: str, label: str, mode: Mode) -> Attempts:
    """The loop that fits the function."""
    kind = AwaitedAttempts if is_coroutine_function(function) else Attempts
    return kind(function, name, label, mode)


def _value(event: Any, label: str) -> Any:
    try:
        _, value = event
    except (TypeError, ValueError) as error:
        raise TypeError(f"{label} takes events that are (key, value) pairs: {error}") from error
    return value


def _itself(_event: Any, result: Any, _label: str) -> tuple[Any]:
    return (result,)


def _all_of(_event: Any, result: Any, label: str) -> list[Any]:
    try:
        found = iter(result)
    except TypeError as error:
        raise TypeError(f"{label} must return an iterable of events: {error}") from error
    return list(found)  # all or nothing: it may fail on the way


def _if_true(event: Any, result: Any, _label: str) -> tuple[Any, ...]:
    return (event,) if result else ()


def _if_false(event: Any, result: Any, _label: str) -> tuple[Any, ...]:
    return () if result else (event,)


def _pair(event: Any, result: Any, _label: str) -> tuple[Any]:
    key, _ = event
    return ((key, result),)


def _the_event(event: Any, _result: Any, _label: str) -> tuple[Any]:
    return (event,)


def _batch(_event: Any, result: Any, label: str) -> tuple[Any]:
    if not is_batch(result):
        raise TypeError(
            f"{label} must return a batch (a list, range or numpy array of events), not "
            f"{describe_event(result)[6:]}"
        )
    return (result,)


_RESULTS: dict[str, Callable[[Any, Any, str], Iterable[Any]]] = {
    "each": _the_event,
    "filter": _if_true,
    "flat_map": _all_of,
    "map": _itself,
    "map_batch": _batch,
    "map_values": _pair,
    "reduce_batch": _itself,
    "reject": _if_false,
}
