"""The running form of the operators before the reduce."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from flowlike.batches import Batch, events_of, is_batch, join
from flowlike.operators.calls import Calls
from flowlike.operators.fusion import Fused
from flowlike.operators.guarded import ask, guarded
from flowlike.operators.notes import Place, describe_batch, describe_event
from flowlike.operators.operator import Operator
from flowlike.operators.per_batch import MapBatch
from flowlike.operators.per_event import PerEvent
from flowlike.operators.segments import Segment, split_in_place
from flowlike.operators.tally import Counts, Tally

if TYPE_CHECKING:
    from flowlike.operators.trying import Trying

__all__ = ["Pipeline", "Step", "make_step"]


class Step(NamedTuple):
    """One segment of a replica.

    Attributes:
        inline: whether ``run(batch)`` gives the next batch; otherwise it gives a
            generator of `Calls` that returns it. Either may be empty.
        run: a function of the batch.
    """

    inline: bool
    run: Callable[[Batch], Any]


def make_step(segment: Segment, place: Place, tally: Tally) -> Step:
    """The running form of a segment, which counts in ``tally``."""
    if segment.kind == "fused":
        return Step(True, Fused(segment.operators, place, tally=tally))
    if segment.kind == "batch":
        return Step(True, _WholeBatch(cast(MapBatch, segment.operators[0]), place, tally))
    if segment.kind == "sent":
        pipeline = Pipeline(segment.operators, place)
        return Step(False, partial(_send, segment, segment.label, pipeline, place, tally))
    if segment.kind == "awaited":
        operator = cast(MapBatch, segment.operators[0])
        function = guarded(operator.function, operator.label, place, describe_batch)
        return Step(False, partial(_await, operator, function, place, tally))
    single = cast(PerEvent, segment.operators[0])
    if segment.kind == "tried":
        return Step(False, partial(_try, single.name, _trying(segment, place, tally), tally))
    function = guarded(single.function, single.label, place, describe_event)
    return Step(False, partial(_call_each, single, segment, function, place, tally))


class Pipeline:
    """Several fused functions and whole-batch functions, one after the other, as one call.

    It can be pickled if the functions can. What it counts, maybe in another process, it returns.
    """

    __slots__ = ("_operators", "_place", "_steps", "_tally")

    def __init__(self, operators: Sequence[Operator], place: Place) -> None:
        self._operators = tuple(operators)
        self._place = place
        self._tally = Tally()
        self._steps = [
            make_step(segment, place, self._tally).run for segment in split_in_place(operators)
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the description; the functions are generated again on the other side.

        Where it runs is not a part of what runs there: executors cannot be pickled.
        """
        operators = tuple(
            replace(operator, executor=None)  # type: ignore[type-var]
            if getattr(operator, "executor", None) is not None
            else operator
            for operator in self._operators
        )
        return (Pipeline, (operators, self._place))

    def __call__(self, batch: Batch) -> tuple[Batch, Counts]:
        """The batch after all operators, maybe empty, and what was counted."""
        for step in self._steps:
            batch = step(batch)
            if len(batch) == 0:
                break
        return batch, self._tally.take()


class _WholeBatch:
    """A map_batch in place: guarded, and its result checked."""

    __slots__ = ("_function", "_label", "_place", "_tally")

    def __init__(self, operator: MapBatch, place: Place, tally: Tally) -> None:
        self._label = operator.label
        self._tally = tally
        self._place = place
        self._function = guarded(operator.function, operator.label, place, describe_batch)

    def __call__(self, batch: Batch) -> Batch:
        taken = len(batch)
        result = _checked(self._function(batch), self._label, self._place)
        self._tally.exchange(taken, len(result))
        return result


def _checked(result: Any, label: str, place: Place) -> Batch:
    if is_batch(result):
        return result
    error = TypeError(
        f"{label} must return a batch (a list, range or numpy array of events), not "
        f"{describe_event(result)[6:]}"
    )
    place.note(error, label)
    raise error


def _send(
    segment: Segment, label: str, pipeline: Pipeline, place: Place, tally: Tally, batch: Batch
) -> Generator[Calls, list[Any], Batch]:
    divisible = not any(isinstance(operator, MapBatch) for operator in segment.operators)
    calls = Calls(pipeline, [batch], segment.executor, 1, label, len(batch), divisible=divisible)
    results = yield from ask(calls, place, describe_batch, batch)
    for _, counts in results:
        tally.add(counts)
    return join([result for result, _ in results])


def _await(
    operator: MapBatch, function: Callable[[Any], Any], place: Place, tally: Tally, batch: Batch
) -> Generator[Calls, list[Any], Batch]:
    taken = len(batch)
    calls = Calls(function, [batch], None, 1, operator.label, taken)
    results = yield from ask(calls, place, describe_batch, batch)
    result = _checked(results[0], operator.label, place)
    tally.exchange(taken, len(result))
    return result


def _trying(segment: Segment, place: Place, tally: Tally) -> Trying:
    from flowlike.operators.trying import Trying  # noqa: PLC0415 - few flows need it

    operator = cast("MapBatch | PerEvent", segment.operators[0])
    whole = isinstance(operator, MapBatch)
    return Trying(
        operator.function,
        name=operator.name,
        label=operator.label,
        policy=operator.on_error,
        executor=segment.executor,
        limit=1 if isinstance(operator, MapBatch) else operator.concurrency,
        place=place,
        tally=tally,
        describe=describe_batch if whole else describe_event,
    )


def _try(
    name: str, trying: Trying, tally: Tally, batch: Batch
) -> Generator[Calls, list[Any], Batch]:
    """Events, or a whole batch, under a failure policy."""
    count = len(batch)
    if name == "map_batch":
        made, given_up = yield from trying.run([batch])
        if given_up:
            tally.skipped += count
            return []
        tally.exchange(count, len(made[0]))
        return made[0]
    made, given_up = yield from trying.run(list(events_of(batch)))
    tally.skipped += given_up
    if name == "flat_map":
        tally.exchange(count - given_up, len(made))
    else:
        tally.filtered += count - given_up - len(made)
    return made


def _call_each(
    operator: PerEvent,
    segment: Segment,
    function: Callable[[Any], Any],
    place: Place,
    tally: Tally,
    batch: Batch,
) -> Generator[Calls, list[Any], Batch]:
    """A call for each event; what comes back decides what becomes of the event."""
    label = operator.label
    events = list(events_of(batch))
    arguments = events
    if operator.name == "map_values":
        arguments = [_value(event, label, place) for event in events]
    calls = Calls(
        function, arguments, segment.executor, operator.concurrency, label, len(arguments)
    )
    results = yield from ask(calls, place, describe_batch, batch)
    match operator.name:
        case "map":
            return results
        case "flat_map":
            flat = _flat(results, events, label, place)
            tally.exchange(len(events), len(flat))
            return flat
        case "filter":
            kept = list(compress(events, results))
            tally.filtered += len(events) - len(kept)
            return kept
        case "reject":
            kept = [event for event, drop in zip(events, results, strict=True) if not drop]
            tally.filtered += len(events) - len(kept)
            return kept
        case "map_values":
            return [(key, value) for (key, _), value in zip(events, results, strict=True)]
        case _:
            return events


def _flat(results: list[Any], events: list[Any], label: str, place: Place) -> list[Any]:
    flat: list[Any] = []
    for event, result in zip(events, results, strict=True):
        try:
            found = iter(result)
        except TypeError as error:
            refusal = TypeError(f"{label} must return an iterable of events: {error}")
            place.note(refusal, label, describe_event(event))
            raise refusal from error
        try:
            flat.extend(found)
        except Exception as error:
            place.note(error, label, describe_event(event))
            raise
    return flat


def _value(event: Any, label: str, place: Place) -> Any:
    try:
        _, value = event
    except (TypeError, ValueError) as error:
        refusal = TypeError(f"{label} takes events that are (key, value) pairs: {error}")
        place.note(refusal, label, describe_event(event))
        raise refusal from error
    return value
