"""Where the functions of an operator run."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, Literal, TypeAlias

__all__ = ["ExecutorChoice", "Placement", "check_executor", "crosses_processes", "executor_name"]

ExecutorChoice: TypeAlias = Literal["threads", "processes"] | Executor | None
"""What a user may say."""

Placement: TypeAlias = Literal["native"] | ExecutorChoice
"""Where a function runs in the end: as chosen, or "native", the place of a `Kernel` that nobody
placed: in a thread if the call is long enough to be worth it, as kernels do without the GIL."""


def check_executor(name: str, value: Any) -> ExecutorChoice:
    """Return ``value`` if it says where functions can run.

    Raises:
        TypeError: it is neither None, a string nor a ``concurrent.futures.Executor``.
        ValueError: a string other than "threads" and "processes".
    """
    accepted = 'None, "threads", "processes" or a concurrent.futures.Executor'
    if isinstance(value, str) and value not in ("threads", "processes"):
        raise ValueError(f"{name} must be {accepted}, not {value!r}")
    if value is None or isinstance(value, (str, Executor)):
        return value  # type: ignore[return-value]
    raise TypeError(f"{name} must be {accepted}, not {value!r}")


def crosses_processes(executor: Placement) -> bool:
    """True if what is called there may run in another process, as far as can be told."""
    if executor is None or isinstance(executor, str):
        return executor == "processes"
    return not isinstance(executor, ThreadPoolExecutor)


def executor_name(executor: Placement) -> str:
    """A short name for plans: "loop", "native", "threads", "processes" or an executor's class."""
    if executor is None:
        return "loop"
    return executor if isinstance(executor, str) else type(executor).__name__
