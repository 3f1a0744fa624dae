"""What the parent and a worker process say to each other."""

from __future__ import annotations

from typing import Any, NamedTuple

from flowlike.carried import CarriedError

__all__ = ["Begin", "Call", "Done", "Failed", "Learn", "Logged"]


class Begin(NamedTuple):
    """A run begins: the worker forgets the functions of the last one.

    Attributes:
        directory: the parent's working directory.
        path: its ``sys.path``.
        arguments: its ``sys.argv``.
        environment: its ``os.environ``.
        levels: of its loggers, by name; "" is the root.
    """

    directory: str
    path: list[str]
    arguments: list[str]
    environment: dict[str, str]
    levels: dict[str, int]


class Learn(NamedTuple):
    """A function that will be called.

    Attributes:
        number: how calls name it.
        pickle: of the function.
    """

    number: int
    pickle: bytes


class Call(NamedTuple):
    """Call a function for each of several arguments, one after the other.

    Attributes:
        function: its number.
        arguments: one call for each.
    """

    function: int
    arguments: list[Any]


class Done(NamedTuple):
    """The answer to a `Call`.

    Attributes:
        results: in the order of the arguments.
        seconds: what the calls took.
    """

    results: list[Any]
    seconds: float


class Failed(NamedTuple):
    """The other answer: a call has raised.

    Attributes:
        error: what.
    """

    error: CarriedError


class Logged(NamedTuple):
    """A log record of the worker.

    Attributes:
        record: a pickle, for it may hold what the parent cannot make: that is no failed call.
    """

    record: bytes
