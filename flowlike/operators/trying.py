"""The running form of an operator that has a failure policy."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NoReturn

from flowlike.operators.attempts import Attempts, Mode, Outcome, Work, make_attempts
from flowlike.operators.calls import Calls
from flowlike.operators.executors import Placement
from flowlike.operators.failure import Failure
from flowlike.operators.guarded import ask
from flowlike.operators.notes import Place
from flowlike.operators.policy import Policy, Retry, Sink, Tries, last_of
from flowlike.operators.tally import Tally
from flowlike.options import is_coroutine_function

__all__ = ["Trying"]


class Trying:
    """Calls a function for each event under a failure policy.

    Without an executor and with one call at a time an event is done with, its failure handled
    included, before the next is begun. Otherwise failures are handled in the order of their events
    when all calls of the batch have been made.

    Args:
        function: what the operator calls.
        name: the operator's.
        label: the operator as notes and failures show it.
        policy: its own; sinks are bound.
        executor: where the function runs.
        limit: the most calls at once.
        place: the replica.
        tally: counts what is skipped and retried.
        describe: the words of notes for an event.
        show: the event of a failure, given what the function was called with.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        name: str,
        label: str,
        policy: Policy,
        executor: Placement,
        limit: int,
        place: Place,
        tally: Tally,
        describe: Callable[[Any], str],
        show: Callable[[Any], Any] = lambda event: event,
    ) -> None:
        self._label = label
        self._policy = policy
        self._last = last_of(policy)
        self._executor = executor
        self._here = executor is None  # not in another thread or process
        self._inline = self._here and not is_coroutine_function(function)
        self._limit = 1 if self._inline else limit
        self._place = place
        self._tally = tally
        self._describe = describe
        self._show = show
        self._mode: Mode = "return"
        if policy == "skip":
            self._mode = "count"
        elif not self._here and not isinstance(policy, Retry):
            self._mode = "collect"
        self._attempts: Attempts = make_attempts(function, name, label, self._mode)
        # The policy decides after each call of these, so a failure has to come back at once.
        self._single = make_attempts(function, name, label, "return")

    def run(self, events: list[Any]) -> Generator[Calls, list[Any], tuple[list[Any], int]]:
        """What leaves for these events, in order, and how many have been given up."""
        return self._at_once(events) if self._limit > 1 else self._one_by_one(events)

    def _one_by_one(self, events: list[Any]) -> Generator[Calls, list[Any], tuple[list[Any], int]]:
        made: list[Any] = []
        given_up = start = 0
        rest = iter(events)  # a loop that has returned goes on where it was
        while start < len(events):
            work = Work(rest if self._here else events[start:])
            if self._inline:
                outcome = self._attempts(work)
            else:
                outcome = (yield from self._ask(self._attempts, [work], len(events) - start))[0]
            made += outcome.made
            given_up += outcome.failed - len(outcome.failures)
            for index, error in outcome.failures:
                kept = yield from self._settle(events[start + index], error)
                if kept is None:
                    given_up += 1
                else:
                    made += kept
            if self._mode != "return" or not outcome.failures:
                break
            start += outcome.failures[0][0] + 1
        return made, given_up

    def _at_once(self, events: list[Any]) -> Generator[Calls, list[Any], tuple[list[Any], int]]:
        tries: dict[int, Tries] = {}

        def again(work: Work, outcome: Outcome) -> Work | None:
            if not outcome.failures:
                return None
            tried = tries.setdefault(work.position, Tries(self._policy))
            return self._again(tried, work, outcome.failures[0][1])

        works = [Work((event,), 0.0, position) for position, event in enumerate(events)]
        outcomes = yield from self._ask(self._single, works, len(events), again)
        made: list[Any] = []
        given_up = 0
        for position, outcome in enumerate(outcomes):
            made += outcome.made
            for _, error in outcome.failures:
                given_up += 1
                yield from self._give_up(events[position], error, tries[position].attempt)
        return made, given_up

    def _settle(self, event: Any, error: Exception) -> Generator[Calls, list[Any], Any]:
        """Call again as the policy says: what leaves in the end, ``None`` if it was given up."""
        tries = Tries(self._policy)
        work = self._again(tries, Work((event,)), error)
        while work is not None and self._inline and not work.delay:
            outcome = self._single(work)
            if not outcome.failures:
                return outcome.made
            error = outcome.failures[0][1]
            work = self._again(tries, work, error)
        if work is not None:

            def again(work: Work, outcome: Outcome) -> Work | None:
                if not outcome.failures:
                    return None
                return self._again(tries, work, outcome.failures[0][1])

            outcome = (yield from self._ask(self._single, [work], 1, again))[0]
            if not outcome.failures:
                return outcome.made
            error = outcome.failures[0][1]
        yield from self._give_up(event, error, tries.attempt)
        return None

    def _again(self, tries: Tries, work: Work, error: Exception) -> Work | None:
        """The next call of an event that has failed, if there is one.

        Raises:
            Exception: the last policy is "stop", or the user's ``wait`` has failed.
        """
        event = next(iter(work.events))
        try:
            delay = tries.delay_after(error)
        except Exception as raised:  # noqa: BLE001 - it is raised again, with both
            self._show_both(_not_stop(raised), self._show(event), error)
        if delay is not None:
            self._tally.retried += 1
            return work._replace(delay=delay)
        if self._last == "stop":
            self._place.note(error, self._label, self._describe(self._show(event)))
            raise error
        return None

    def _give_up(
        self, event: Any, error: Exception, attempt: int
    ) -> Generator[Calls, list[Any], None]:
        """Do what the last policy wants."""
        last = self._last
        if last == "skip":
            return
        event = self._show(event)
        failure = Failure(self._label, self._place.partition, event, error, attempt)
        try:
            if isinstance(last, Sink):
                assert last.taker is not None  # a program is made of bound policies
                if not last.taker.offer(failure):
                    yield Calls(last.taker.put, [failure], None, 1, self._label, 1, waits=True)
            elif is_coroutine_function(last):
                yield Calls(last, [failure], None, 1, self._label, 1)
            else:
                last(failure)
        except Exception as raised:  # noqa: BLE001 - it is raised again, with both
            self._show_both(_not_stop(raised), event, error)

    def _show_both(self, raised: Exception, event: Any, error: Exception) -> NoReturn:
        """Raise what a part of the policy has raised, with the failure that it was called for.

        Raises:
            Exception: ``raised``.
        """
        what = self._describe(event)
        if raised is error:
            self._place.note(error, self._label, what)
            raise error
        if raised.__cause__ is None:
            raised.__cause__ = error
        self._place.note(
            raised, f"the on_error of {self._label}", f"{what}, which has raised {error!r:.200}"
        )
        raise raised

    def _ask(
        self,
        attempts: Attempts,
        works: list[Work],
        events: int,
        again: Callable[[Work, Outcome], Work | None] | None = None,
    ) -> Generator[Calls, list[Any], list[Outcome]]:
        calls = Calls(
            attempts, works, self._executor, self._limit, self._label, events, again=again
        )
        return (yield from ask(calls, self._place, self._describe_works, works))

    def _describe_works(self, works: list[Work]) -> str:
        """For what fails outside of the function: pickling, a pool that is broken."""
        events = [event for work in works for event in work.events]
        if len(events) == 1:
            return self._describe(self._show(events[0]))
        return f"one of {len(events)} events"


def _not_stop(raised: Exception) -> Exception:
    """``StopIteration`` would end the generators on its way without a word."""
    if not isinstance(raised, StopIteration):
        return raised
    replacement = RuntimeError("on_error raised StopIteration, which ends nothing here")
    replacement.__cause__ = raised
    return replacement
