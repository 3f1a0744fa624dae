"""Several programs as one: replicas of a layer that one stage carries."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from flowlike.batches import Batch, join, joinable
from flowlike.operators.calls import Calls
from flowlike.operators.program import Program, Steps
from flowlike.operators.tally import Counts
from flowlike.parted import Parted

__all__ = ["Together"]


class Together:
    """Replicas of a layer that one stage carries, driven as one `Program` is.

    Each keeps its own state and its own number. What several of them want of native threads at
    the same time is asked for together, so that one way to a thread and back serves all. The
    order among the events of a partition is kept, that of the partitions is free.

    Args:
        programs: of the replicas, by the number of their partition.

    >>> from flowlike.operators import CollectBatch, Layer, compile_program, run_inline
    >>> layer = Layer().then(CollectBatch())
    >>> two = Together({n: compile_program(layer, partition=n, partitions=8) for n in (4, 5)})
    >>> run_inline(two.push(Parted([(4, [8]), (5, [1, 2])])))
    []
    >>> run_inline(two.finish())
    [[8, 1, 2]]
    """

    __slots__ = ("_programs",)

    def __init__(self, programs: Mapping[int, Program]) -> None:
        self._programs = programs

    @property
    def has_state(self) -> bool:
        """See `Program`."""
        return any(program.has_state for program in self._programs.values())

    @property
    def timed(self) -> bool:
        """See `Program`."""
        return any(program.timed for program in self._programs.values())

    @property
    def deadline(self) -> float | None:
        """The processing time at which the first of them wants a `tick`."""
        deadlines = [program.deadline for program in self._programs.values()]
        return min([each for each in deadlines if each is not None], default=None)

    @property
    def late(self) -> int:
        """How many events came after their windows had closed."""
        return sum(program.late for program in self._programs.values())

    def counts(self) -> Counts:
        """What became of the events in the steps of all."""
        counts = [program.counts() for program in self._programs.values()]
        return Counts(*map(sum, zip(*counts, strict=True)))

    def begin(self, now: float) -> None:
        """See `Program`."""
        for program in self._programs.values():
            program.begin(now)

    def push(self, batch: Parted, upstream: int = 0, now: float = 0.0) -> Steps:
        """Give each the events of its partition."""
        programs = self._programs
        return _together(
            [programs[number].push(part, upstream, now) for number, part in batch.parts]
        )

    def upstream_ended(self, upstream: int, now: float = 0.0) -> Steps:
        """See `Program`."""
        return _together([each.upstream_ended(upstream, now) for each in self._programs.values()])

    def tick(self, now: float) -> Steps:
        """See `Program`."""
        return _together([each.tick(now) for each in self._programs.values()])

    def finish(self, now: float = 0.0) -> Steps:
        """See `Program`."""
        return _together([each.finish(now) for each in self._programs.values()])


class _Answer(NamedTuple):
    """What a program is told: the results of its calls, or an error; at first neither."""

    number: int
    results: list[Any] | None = None
    error: BaseException | None = None


class _Asked(NamedTuple):
    """The calls that a program wants done."""

    number: int
    calls: Calls


def _together(steps: Sequence[Steps]) -> Steps:
    """Drive all to their ends; the batches of the first come first."""
    left: list[list[Batch]] = [[]] * len(steps)
    answers = list(map(_Answer, range(len(steps))))
    try:
        while answers:
            asked = []
            for number, results, error in answers:
                each: Generator[Calls, Any, list[Batch]] = steps[number]
                try:
                    calls = each.send(results) if error is None else each.throw(error)
                except StopIteration as done:
                    left[number] = done.value
                else:
                    asked.append(_Asked(number, calls))
            answers = yield from _answers(asked)
    finally:
        for each in steps:
            each.close()
    return _joined(left)


def _answers(asked: Sequence[_Asked]) -> Generator[Calls, list[Any], list[_Answer]]:
    """Have calls done: those of kernels all at once, others one after the other."""
    native: list[_Asked] = []
    others: list[_Asked] = []
    for each in asked:
        is_native = each.calls.executor == "native" and each.calls.again is None
        (native if is_native else others).append(each)
    answers: list[_Answer] = []
    if native:
        todo = [(calls.function, arg) for _, calls in native for arg in calls.arguments]
        events = sum(calls.events for _, calls in native)
        results = iter((yield Calls(_tried, todo, "native", 1, native[0].calls.label, events)))
        for number, calls in native:
            found = list(islice(results, len(calls.arguments)))
            failed = next((each for each in found if type(each) is _Failed), None)
            answers.append(
                _Answer(number, found) if failed is None else _Answer(number, error=failed.error)
            )
    for each in others:
        answer = yield from _answer(each)
        answers.append(answer)
    return answers


def _answer(asked: _Asked) -> Generator[Calls, list[Any], _Answer]:
    try:
        return _Answer(asked.number, (yield asked.calls))
    except Exception as error:  # noqa: BLE001 - the program's to note and to raise again
        return _Answer(asked.number, error=error)


class _Failed:
    """The error of one of several calls that were done together."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _tried(call: tuple[Callable[[Any], Any], Any]) -> Any:
    function, argument = call
    try:
        return function(argument)
    except Exception as error:  # noqa: BLE001 - raised again in the program that has asked
        return _Failed(error)


def _joined(left: Sequence[Sequence[Batch]]) -> list[Batch]:
    """What leaves the programs, in few batches: the parts of a batch for many are small."""
    runs: list[list[Batch]] = []
    for batches in left:
        for batch in batches:
            if runs and joinable(runs[-1][-1], batch):
                runs[-1].append(batch)
            else:
                runs.append([batch])
    return list(map(join, runs))
