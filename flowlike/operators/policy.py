"""Failure policies: what happens to an event whose function has raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeAlias

from flowlike.operators.failure import Failure
from flowlike.operators.operator import function_name
from flowlike.options import check_count, check_seconds, is_coroutine_function

__all__ = [
    "Policy",
    "Retry",
    "Sink",
    "Taker",
    "Tries",
    "bind",
    "check_policy",
    "last_of",
    "policy_name",
    "sinks_of",
]


class Taker(Protocol):
    """Takes failures for a sink, with back-pressure."""

    def offer(self, failure: Failure) -> bool:
        """Take it at once if it is wanted now; else False."""

    async def put(self, failure: Failure) -> None:
        """Take it when it is wanted."""


@dataclass(frozen=True, slots=True)
class Sink:
    """The policy that sends failures to a stage.

    Attributes:
        target: the stage, as the floor of the stages knows it.
        label: a short name of it.
        taker: the way there in one run; ``None`` in a description.
    """

    target: Any
    label: str
    taker: Taker | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Call again, up to ``times`` times, before another policy has its say.

    The calls of an event are made one after the other, and what comes after it waits (with
    ``concurrency=n`` it keeps one of the n calls): results stay in order. Other replicas, and
    everybody else in the event loop, go on while it waits.

    Args:
        times: how many calls more there are at most, beyond the first.
        wait: seconds (or a ``timedelta``) before each, or a function that gives them for the
            number of calls that were made, 1 before the first repetition.
        on: the exceptions to call again for.
        then: the policy for what still fails, and at once for other exceptions; all that
            ``on_error`` takes.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: ``times`` is below 1, or ``wait`` negative or not finite.

    Example:
        >>> from flowlike import Flow, Retry
        >>> answers = iter([OSError("busy"), "ok"])
        >>> def fetch(name):
        ...     answer = next(answers)
        ...     if isinstance(answer, Exception):
        ...         raise answer
        ...     return f"{name} {answer}"
        >>> Flow.from_iterable(["a"]).map(fetch, on_error=Retry(3, on=OSError)).to_list()
        ['a ok']
    """

    times: int
    wait: float | timedelta | Callable[[int], float | timedelta] = 0.0
    on: type[Exception] | tuple[type[Exception], ...] = Exception
    then: Any = "stop"

    def __post_init__(self) -> None:
        check_count("Retry's times", self.times)
        if not callable(self.wait):
            check_seconds("Retry's wait", self.wait, positive=False)
        elif is_coroutine_function(self.wait):
            raise TypeError(
                "Retry's wait is a coroutine function, and nothing awaits it; give a function that "
                "returns how many seconds to wait"
            )
        kinds: tuple[Any, ...] = self.on if isinstance(self.on, tuple) else (self.on,)
        if not kinds or not all(
            isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds
        ):
            raise TypeError(
                f"Retry's on must be an Exception class or a tuple of them, not {self.on!r} "
                f"(KeyboardInterrupt, SystemExit and CancelledError always stop the flow)"
            )


Policy: TypeAlias = Literal["stop", "skip"] | Retry | Sink | Callable[[Failure], Any]
"""What a description holds; a user gives the stage itself in place of a `Sink`."""


def check_policy(name: str, policy: Any) -> Policy:
    """Return ``policy`` if it is one.

    Args:
        name: what messages call the argument.
        policy: what was given.

    Raises:
        TypeError: it is none.
        ValueError: it is another word than "stop" and "skip".
    """
    accepted = '"stop", "skip", a Retry, a function of a Failure, a Consumer or a StageRef'
    if isinstance(policy, str):
        if policy not in ("stop", "skip"):
            raise ValueError(f"{name} must be {accepted}, not {policy!r}")
    elif isinstance(policy, Retry):
        check_policy(f"the then of {name}", policy.then)
    elif isinstance(policy, type):
        raise TypeError(f"{name} must be {accepted}, not the class {policy.__name__}")
    elif not isinstance(policy, Sink) and not callable(policy):
        raise TypeError(f"{name} must be {accepted}, not {policy!r:.80}")
    return policy  # type: ignore[no-any-return]


def last_of(policy: Policy) -> Any:
    """The policy at the end of a chain of `Retry`."""
    while isinstance(policy, Retry):
        policy = policy.then
    return policy


def policy_name(policy: Policy) -> str:
    """A short text for plans.

    >>> policy_name(Retry(3, then="skip"))
    '3 retries, then skip'
    """
    if isinstance(policy, str):
        return policy
    if isinstance(policy, Retry):
        times = "1 retry" if policy.times == 1 else f"{policy.times} retries"
        return f"{times}, then {policy_name(policy.then)}"
    return policy.label if isinstance(policy, Sink) else function_name(policy)


def sinks_of(policy: Policy) -> Iterator[Sink]:
    """The sink of a policy, if it has one."""
    last = last_of(policy)
    if isinstance(last, Sink):
        yield last


def bind(policy: Policy, change: Callable[[Sink], Sink]) -> Policy:
    """The same policy with its sink, if it has one, as ``change`` makes it."""
    if isinstance(policy, Retry):
        return replace(policy, then=bind(policy.then, change))
    return change(policy) if isinstance(policy, Sink) else policy


class Tries:
    """The calls of one event that fails: when it is called again.

    Attributes:
        attempt: how many calls were made.
    """

    __slots__ = ("_policy", "_used", "attempt")

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._used = 0
        self.attempt = 1

    def delay_after(self, error: Exception) -> float | None:
        """Seconds until the next call; ``None`` if there is none.

        Raises:
            TypeError: the user's ``wait`` did not give a duration.
            ValueError: it gave a negative one, or one that is not finite.
            Exception: what it has raised.
        """
        while isinstance(policy := self._policy, Retry):
            if self._used < policy.times and isinstance(error, policy.on):
                wait: Any = policy.wait
                if callable(wait):
                    wait = wait(self.attempt)
                self._used += 1
                self.attempt += 1
                return check_seconds("what Retry's wait returns", wait, positive=False)
            self._policy = policy.then
            self._used = 0
        return None
