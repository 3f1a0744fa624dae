"""Where the functions of an operator run."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, Literal, TypeAlias

__all__ = ["ExecutorChoice", "check_executor", "executor_name"]

ExecutorChoice: TypeAlias = Literal["threads", "processes"] | Executor | None


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


def executor_name(executor: ExecutorChoice) -> str:
    """A short name for plans: "loop", "threads", "processes" or the executor's class."""
    if executor is None:
        return "loop"
    return executor if isinstance(executor, str) else type(executor).__name__
