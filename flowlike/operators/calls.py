"""Effects: what a program asks its driver to do, and a driver for when there is no loop.

A program is pure. Where a function has to run elsewhere (in a thread, in a process, as a
coroutine) the program's generator yields `Calls` and is sent the list of results.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

from flowlike.operators.executors import Placement
from flowlike.options import is_coroutine_function

__all__ = ["Calls", "run_inline"]

Result = TypeVar("Result")


class Calls(NamedTuple):
    """Calls that a program wants done: ``function(argument)`` for each of ``arguments``.

    The driver does at most ``limit`` of them at once, awaits the function if it is a
    coroutine function, and sends the list of the results, in the order of the arguments.
    If a call fails it throws that exception into the generator instead, once no call
    of this request runs any more.

    Attributes:
        function: takes one argument.
        arguments: one call for each.
        executor: None (in the event loop), "native" (threads for kernels), "threads",
            "processes" or an executor.
        limit: the most calls at once.
        label: the operators that it is for, as `explain()` and notes show them.
        events: how many events the calls are about.
        again: called with each argument and its result: gives the argument for another call in
            its place, or None. Each argument then has a ``delay``: seconds to wait before.
        waits: whether the time of the calls is time spent waiting, not work.
        divisible: whether the only argument is a batch that may be cut into several, each for a
            call of its own; the results then are several too, in order.
    """

    function: Callable[[Any], Any]
    arguments: list[Any]
    executor: Placement
    limit: int
    label: str
    events: int
    again: Callable[[Any, Any], Any] | None = None
    waits: bool = False
    divisible: bool = False


def run_inline(generator: Generator[Calls, list[Any], Result]) -> Result:
    """Drive a program's generator to its end, doing every call here and now.

    Executors and delays are ignored. A coroutine function has to finish without ever waiting.

    Returns:
        What the generator returns.

    Raises:
        RuntimeError: a coroutine waited for something.
    """
    try:
        request = next(generator)
        while True:
            try:
                results = [_call(request, argument) for argument in request.arguments]
            except Exception as error:  # noqa: BLE001 - the program is told, whatever it is
                request = generator.throw(error)
            else:
                request = generator.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _call(request: Calls, argument: Any) -> Any:
    result = _call_once(request.function, argument)
    while request.again is not None:
        argument = request.again(argument, result)
        if argument is None:
            break
        result = _call_once(request.function, argument)
    return result


def _call_once(function: Callable[[Any], Any], argument: Any) -> Any:
    if not is_coroutine_function(function):
        return function(argument)
    coroutine = function(argument)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError(f"{function!r} waits for something, and no event loop runs here")
