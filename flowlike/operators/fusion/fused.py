"""A fused function bound to the functions of its operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType, TracebackType
from typing import Any, NoReturn

from flowlike.batches import Batch, events_of
from flowlike.operators.fusion.source import FILENAME, Line, compile_shape
from flowlike.operators.notes import Place, describe_batch, describe_event, describe_missing
from flowlike.operators.operator import Operator
from flowlike.operators.outputs import Outputs
from flowlike.operators.tally import Tally

__all__ = ["Fused"]


class Fused:
    """Consecutive per-event operators, and maybe a reduce behind them, as one call.

    Calling it with a batch gives the list of the resulting events; `reduce` gives the
    next state. What a user's function raises passes unchanged, with a note that names
    the operator and the event that entered the first operator. ``StopIteration`` would
    end the generators and coroutines on its way without a word: it becomes the cause of a
    ``RuntimeError``.

    Args:
        operators: per-event operators.
        place: the replica, for notes.
        ending: "list", or what `compile_shape` takes.
        reducer: the reducing operator for an ending that reduces.
        functions: its functions, by their names in the source.
        tally: counts what is filtered.
    """

    __slots__ = ("_drops", "_function", "_lines", "_operators", "_place", "_reducer", "_tally")

    def __init__(
        self,
        operators: Sequence[Operator],
        place: Place,
        ending: str = "list",
        reducer: Operator | None = None,
        functions: dict[str, Callable[..., Any]] | None = None,
        *,
        tally: Tally,
    ) -> None:
        self._operators = tuple(operators)
        self._place = place
        self._reducer = reducer
        shape = tuple(operator.name for operator in self._operators)
        code, self._lines = compile_shape(shape, ending)
        self._tally = tally
        # With a flat_map the source counts; without, the lengths tell.
        self._drops = "flat_map" not in shape and ("filter" in shape or "reject" in shape)
        names: dict[str, Any] = {
            f"f{index}": operator.function  # type: ignore[attr-defined]
            for index, operator in enumerate(self._operators)
        }
        names["tally"] = tally
        if reducer is not None:
            names["refuse"] = partial(_refuse, reducer.label)
        names.update(functions or {})
        exec(code, names)  # noqa: S102 - the text is generated from operator names alone
        self._function: Callable[..., Any] = names["fused"]

    @property
    def label(self) -> str:
        """The labels of its operators."""
        return " | ".join(operator.label for operator in self._all)

    @property
    def _all(self) -> tuple[Operator, ...]:
        return self._operators if self._reducer is None else (*self._operators, self._reducer)

    def __call__(self, batch: Batch) -> list[Any]:
        """The resulting events of a batch.

        Raises:
            RuntimeError: a user's function raised ``StopIteration``.
        """
        events = iter(events_of(batch))
        try:
            found: list[Any] = self._function(events)
        except Exception as error:
            self._explain(error, events, batch)
            raise
        if self._drops:
            self._tally.filtered += len(batch) - len(found)
        return found

    def reduce(self, batch: Batch, state: Any, outputs: Outputs) -> Any:
        """The state after the events of a batch.

        Raises:
            RuntimeError: a user's function raised ``StopIteration``.
        """
        events = iter(events_of(batch))
        try:
            return self._function(events, state, outputs)
        except Exception as error:
            self._explain(error, events, batch)
            raise

    def _explain(self, error: Exception, events: Iterator[Any], batch: Batch) -> None:
        line, frame, deeper = self._where(error.__traceback__)
        if line is None or frame is None:
            what = describe_batch(batch)
            label = self.label
        else:
            # The iterator has moved past the event that is being worked on.
            position = len(batch) - events.__length_hint__() - 1  # type: ignore[attr-defined]
            what = describe_event(next(iter(events_of(batch[position : position + 1]))))
            label = self._all[line.operator].label
            if self._reducer is not None and line.operator == len(self._operators):
                what += describe_missing(frame.f_locals["state"])
        replacement: Exception | None = None
        if isinstance(error, StopIteration):
            replacement = RuntimeError(
                f"{label} raised StopIteration, which ends nothing here; "
                f"to leave events out use filter, or flat_map with an empty list"
            )
        elif line is not None and not deeper:
            replacement = self._misfit(line, label, error)
        if replacement is not None:
            self._place.note(replacement, label, what)
            raise replacement from error
        self._place.note(error, label, what)

    @staticmethod
    def _misfit(line: Line, label: str, error: Exception) -> Exception | None:
        """A better sentence for what the generated code itself stumbled over."""
        if line.role == "unpack" and isinstance(error, (TypeError, ValueError)):
            return TypeError(f"{label} takes events that are (key, value) pairs: {error}")
        if line.role == "iterate" and isinstance(error, TypeError) and "iterable" in str(error):
            wanted = (
                "an iterable of events"
                if label.startswith("flat_map")
                else "a pair (events, state) with an iterable of events"
            )
            return TypeError(f"{label} must return {wanted}: {error}")
        if label.startswith("group_by") and "unhashable" in str(error):
            return TypeError(
                f"{label} needs keys that can be hashed: {error}; give a key that makes a str, "
                f"number or tuple"
            )
        return None

    def _where(self, traceback: TracebackType | None) -> tuple[Line | None, FrameType | None, bool]:
        """The line of ours that failed, its frame, and whether one of the user's is below it."""
        line = frame = None
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == FILENAME:
                line = self._lines.get(traceback.tb_lineno, line)
                frame = traceback.tb_frame
            elif line is not None:
                return line, frame, True
            traceback = traceback.tb_next
        return line, frame, False


def _refuse(label: str, result: Any) -> NoReturn:
    raise TypeError(f"{label} must return a pair (events, state), not {describe_event(result)[6:]}")
