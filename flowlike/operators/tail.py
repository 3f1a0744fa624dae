"""The running form of the operators after a reduce: what a fired state becomes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence, Sized
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from flowlike.batches import Batch, events_of, is_batch
from flowlike.native import Kernel
from flowlike.operators.calls import Calls
from flowlike.operators.coalescing import call_over, cut, fits
from flowlike.operators.context import TriggerContext
from flowlike.operators.executors import ExecutorChoice, Placement
from flowlike.operators.gathering import Fired, HandOn, TakeSort
from flowlike.operators.guarded import ask, guarded, spread
from flowlike.operators.notes import Place, describe_state
from flowlike.operators.operator import Operator
from flowlike.operators.outputs import Outputs
from flowlike.operators.placement import executor_of
from flowlike.operators.reducers.collecting import Chunk, views, windows_of
from flowlike.operators.reducers.reducer import Reducer
from flowlike.operators.triggering import EachState, Emit, MapState, OnTrigger, takes_context
from flowlike.options import is_coroutine_function

__all__ = ["Tail"]


class _StateCall(NamedTuple):
    """A function of a fired state, ready to be called with it, or with it and the context."""

    operator: MapState | EachState | OnTrigger
    function: Callable[[Any], Any]
    context: bool
    inline: bool
    executor: Placement

    def run(
        self, state: Any, context: TriggerContext, place: Place
    ) -> Generator[Calls, list[Any], Any]:
        argument = (state, context) if self.context else state
        if self.inline:
            return self.function(argument)
        calls = Calls(
            self.function, [argument], self.executor, 1, self.operator.label, _size(state)
        )
        results = yield from ask(calls, place, describe_state, state)
        return results[0]


class Tail:
    """What happens to the state of a window when a trigger fires.

    Args:
        operators: those after the reduce, in order.
        reducer: the reduce before them.
        reduce_label: its label, for messages.
        place: the replica.
        default: the layer's executor.
        emits: False for `Flow.run`: functions are called, nothing is handed on.
    """

    def __init__(
        self,
        operators: Sequence[Operator],
        reducer: Reducer,
        reduce_label: str,
        place: Place,
        default: ExecutorChoice = None,
        emits: bool = True,
    ) -> None:
        self._place = place
        self._emits = emits
        self._reducer = reducer
        self._label = reduce_label
        self._mode = "events"
        self._calls: list[_StateCall] = []
        self._on_trigger: _StateCall | None = None
        self._hands_on: HandOn | None = None
        for operator in operators:
            if isinstance(operator, Emit):
                self._mode = operator.mode
            elif isinstance(operator, HandOn):
                self._hands_on = operator
            elif isinstance(operator, OnTrigger):
                self._on_trigger = self._call(operator, default)
            elif isinstance(operator, (MapState, EachState)):
                self._calls.append(self._call(operator, default))
                if isinstance(operator, MapState):
                    self._label = operator.label
        # The first function, if one call of it can serve several windows.
        self._kernel: Kernel | None = None
        first = self._calls[0].operator if self._calls else None
        if isinstance(first, MapState):
            kernel = first.function
            if isinstance(kernel, Kernel) and kernel.elementwise:
                self._kernel = kernel
                over = partial(call_over, kernel)
                self._over_pieces = guarded(over, first.label, place, _describe_pieces)

    @property
    def coalesces(self) -> bool:
        """True if several states can go through their first function in one call."""
        return self._kernel is not None and self._hands_on is None

    @property
    def hands_on(self) -> bool:
        """True if the states go to where those of all partitions are gathered."""
        return self._hands_on is not None

    @property
    def replaces(self) -> bool:
        """True if `fire` returns the state to go on with."""
        return self._on_trigger is not None

    def fire(
        self, state: Any, context: TriggerContext, keep: bool, outputs: Outputs
    ) -> Generator[Calls, list[Any], Any]:
        """Pass a state through the functions and emit what it became.

        Args:
            state: as the reducer shows it.
            context: the trigger that fired.
            keep: whether the window goes on with the state, which must not be handed on
                as a batch then.
            outputs: takes what leaves.

        Returns:
            The state to go on with if there is an ``on_trigger``, else None.
        """
        return self._pass(state, context, keep, outputs, self._calls)

    def fire_together(
        self,
        chunks: list[Chunk],
        sizes: list[int],
        contexts: Sequence[TriggerContext],
        outputs: Outputs,
    ) -> Generator[Calls, list[Any], None]:
        """`fire` for consecutive collected windows, with one call of the first function for all.

        The function is an elementwise kernel (see `coalesces`). Where the chunks are not
        one-dimensional arrays of its dtype the windows are fired one by one.

        Args:
            chunks: the events of all windows.
            sizes: how many of them each window has.
            contexts: the trigger that fired, for each window.
            outputs: takes what leaves.
        """
        kernel = self._kernel
        if kernel is None or not all(fits(kernel, batch) for batch, _, _ in chunks):
            for window, context in zip(windows_of(chunks, sizes), contexts, strict=True):
                yield from self.fire(self._reducer.show(window, False), context, False, outputs)
            return
        pieces = views(chunks)
        first, rest = self._calls[0], self._calls[1:]
        label = first.operator.label
        calls = Calls(self._over_pieces, [pieces], first.executor, 1, label, sum(sizes))
        results = yield from ask(calls, self._place, _describe_pieces, pieces)
        result = results[0]
        if not rest and (not self._emits or self._mode == "nothing"):
            return
        if not rest and self._mode == "events":
            outputs.add(result)
            return
        states = cut(result, sizes)
        if not rest:
            outputs.own.extend(states)
            return
        for state, context in zip(states, contexts, strict=True):
            yield from self._pass(state, context, False, outputs, rest)

    def _call(
        self, operator: MapState | EachState | OnTrigger, default: ExecutorChoice
    ) -> _StateCall:
        function = operator.function
        context = takes_context(f"{operator.name}'s fn", function)
        executor = executor_of(operator, default)
        return _StateCall(
            operator,
            guarded(
                spread(function) if context else function,
                operator.label,
                self._place,
                _describe_pair if context else describe_state,
            ),
            context,
            executor is None and not is_coroutine_function(function),
            executor,
        )

    def _pass(
        self,
        state: Any,
        context: TriggerContext,
        keep: bool,
        outputs: Outputs,
        calls: list[_StateCall],
    ) -> Generator[Calls, list[Any], Any]:
        for call in calls:
            if call.inline:
                result = call.function((state, context) if call.context else state)
            else:
                result = yield from call.run(state, context, self._place)
            if type(call.operator) is MapState:
                state = result
        if self._on_trigger is not None:
            result = yield from self._on_trigger.run(state, context, self._place)
            return self._replace(result, self._on_trigger.operator.label, outputs)
        if self._hands_on is not None:
            self._hand_on(self._hands_on, state, context, outputs)
        elif self._emits and self._mode != "nothing":
            if self._mode == "state":
                outputs.own.append(state)
            else:
                outputs.add(self._events(state, keep))
        return None

    def _hand_on(
        self, operator: HandOn, state: Any, context: TriggerContext, outputs: Outputs
    ) -> None:
        """Emit a state for those of all replicas to be gathered."""
        gathering, done = operator.gathering, context.trigger == "done"
        if isinstance(gathering, TakeSort):
            if not done:
                return
            best = guarded(gathering.best, gathering.label, self._place, describe_state)
            state = best(events_of(self._events(state, False)))
        outputs.own.append(Fired(context.window_id, context.partition, done, state))

    def _replace(self, result: Any, label: str, outputs: Outputs) -> Any:
        """Emit the events of an ``on_trigger`` and return its new state.

        Raises:
            TypeError: the function did not return what it should.
        """
        if not isinstance(result, tuple) or len(result) != 2:
            error = TypeError(
                f"{label} must return a pair (events, new_state), not {describe_state(result)}"
            )
            self._place.note(error, label)
            raise error
        events, new_state = result
        if self._emits:
            outputs.add(self._iterated(events, True, label, "must return (events, new_state) with"))
        try:
            return self._reducer.adopt(new_state, label)
        except TypeError as error:
            self._place.note(error, label)
            raise

    def _events(self, state: Any, keep: bool) -> Batch:
        return self._iterated(state, keep, self._label, "")

    def _iterated(self, value: Any, keep: bool, label: str, refusal: str) -> Batch:
        if isinstance(value, Mapping):
            return list(value.items())
        if is_batch(value):
            # The window, or its user, may go on changing what it keeps.
            if keep and isinstance(value, (list, np.ndarray)):
                return value.copy()
            return value
        try:
            found = iter(value)
        except TypeError:
            shown = describe_state(value)
            if refusal:
                message = f"{label} {refusal} an iterable of events, not {shown}"
            elif value is None:
                message = (
                    f"the state after {label} is None: its function must return the new state; "
                    f'if None is meant, use emit("state")'
                )
            else:
                message = (
                    f"the state after {label} is {shown}, which cannot be iterated; "
                    f'use emit("state") to emit it whole'
                )
            error = TypeError(message)
            self._place.note(error, label)
            raise error from None
        try:
            return list(found)
        except Exception as error:
            self._place.note(error, label, describe_state(value))
            raise


def _size(state: Any) -> int:
    """How many events a state stands for, as far as it shows."""
    return len(state) if isinstance(state, Sized) else 1


def _describe_pair(arguments: tuple[Any, TriggerContext]) -> str:
    return describe_state(arguments[0])


def _describe_pieces(pieces: list[Any]) -> str:
    return f"several windows with {sum(map(len, pieces))} events"
