"""A layer: the run of operators between two routing points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flowlike.errors import FlowBuildError
from flowlike.native import Kernel
from flowlike.operators.executors import ExecutorChoice, Placement
from flowlike.operators.fresh_states import FreshStates
from flowlike.operators.gathering import Departition, Gathering, HandOn
from flowlike.operators.operator import Operator
from flowlike.operators.per_batch import MapBatch
from flowlike.operators.per_event import Each, FlatMap, Map, MapValues, PerEvent
from flowlike.operators.placement import executor_of
from flowlike.operators.policy import Policy, Sink, Taker, bind, policy_name
from flowlike.operators.reducing import CollectBatch, EmitAndReduce, Reduce, ReduceBatch, Reducing
from flowlike.operators.segments import Segment, split
from flowlike.operators.triggering import EachState, Emit, MapState, OnTrigger, Triggering
from flowlike.operators.windows import Entering, Window
from flowlike.options import is_coroutine_function

__all__ = ["Group", "Layer", "Segments"]

_SENT = (PerEvent, MapBatch, ReduceBatch, MapState, EachState, OnTrigger)
"""Those whose functions can run elsewhere."""


class Group(NamedTuple):
    """Operators that run as one, for `Flow.explain`.

    Attributes:
        labels: the operators.
        executor: where they run; None is the event loop.
    """

    labels: tuple[str, ...]
    executor: Placement


class Segments(NamedTuple):
    """How the operators before a reduce run.

    Attributes:
        outer: before the windows see the events: all, or those before the entry.
        inner: between the entry and the reduce.
        looped: those that run in the loop of the reduce.
    """

    outer: list[Segment]
    inner: list[Segment]
    looped: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Per-event and per-batch operators, then at most one reduce, then what it emits.

    Among those before the reduce may be one with a state per window: unique or join.

    Attributes:
        operators: in order.
        window: of the reduce; None is the global window.
        executor: the default of the operators that can have one.

    >>> from flowlike.operators import CountBy, FlatMap
    >>> Layer().then(FlatMap(str.split)).then(CountBy()).groups
    (Group(labels=('flat_map(split)', 'count_by()'), executor=None),)
    """

    operators: tuple[Operator, ...] = ()
    window: Window | None = None
    executor: ExecutorChoice = None

    def then(self, operator: Operator) -> Layer:
        """The layer with one operator more.

        Raises:
            FlowBuildError: the operator does not fit behind those that are there; the
                message names both and the cure.
        """
        if isinstance(operator, Triggering):
            self._check_triggering(operator)
        else:
            self._check_before_triggers(operator)
        return replace(self, operators=(*self.operators, operator))

    def handing_on(self, gathering: Gathering) -> Layer:
        """The layer with all its states handed on, for an operator that gathers them.

        Raises:
            FlowBuildError: it has no reduce, has session windows, or says itself what leaves.
        """
        hand_on, kept = HandOn(gathering), self.operators
        name = gathering.label
        for operator in self.after:
            if isinstance(operator, OnTrigger):
                raise FlowBuildError(
                    f"{name} after {operator.label}: it takes the states, and on_trigger says "
                    f"itself what leaves; use map_state or each_state instead"
                )
            if isinstance(operator, Emit) and operator.mode != "state":
                raise FlowBuildError(
                    f"{name} after {operator.label}: it takes the states; leave the emit out"
                )
            if isinstance(operator, Emit):
                kept = tuple(each for each in kept if each is not operator)
        if self.window is not None and self.window.kind == "session":
            raise FlowBuildError(
                f"{name} over {self.window!r}: every session belongs to one key and so to one "
                f"partition, there is nothing to bring together; use emit('state') and "
                f"partition() on what the sessions have in common"
            )
        return replace(self, operators=kept).then(hand_on)

    def check(self) -> None:
        """Check what only the whole layer tells.

        Raises:
            FlowBuildError: there is a window, but nothing that it could cut, or a reduce that
                it cannot have.
        """
        if self.window is not None:
            replaced = any(isinstance(each, OnTrigger) for each in self.operators)
            self.window.check(self.reducing, replaced)
        if self.window is not None and self.reducing is None and self.entering is None:
            last = f" after {self.operators[-1].label}" if self.operators else ""
            raise FlowBuildError(
                f"this layer has the window {self.window!r}, but no reduce{last}: add one "
                f"(such as reduce, count_by or collect_batch), a unique or a join, or leave the "
                f"window out"
            )

    @property
    def reducing(self) -> Reducing | None:
        """The operator that reduces, if there is one."""
        for operator in self.operators:
            if isinstance(operator, Reducing):
                return operator
        return None

    @property
    def entering(self) -> Entering | None:
        """The operator that has a state for each window and is no reduce, if there is one."""
        for operator in self.operators:
            if isinstance(operator, Entering):
                return operator
        return None

    @property
    def gathering(self) -> Gathering | None:
        """The operator that takes the states of the layer before, if there is one."""
        first = self.operators[0] if self.operators else None
        return first if isinstance(first, Gathering) else None

    @property
    def before(self) -> tuple[Operator, ...]:
        """The operators before the reduce; without one, all."""
        return tuple(filter(_is_before_reduce, self.operators))

    @property
    def after(self) -> tuple[Operator, ...]:
        """The operators after the reduce."""
        return tuple(each for each in self.operators if isinstance(each, Triggering))

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The failure policies of its operators, other than "stop"."""
        return tuple(filter(None, map(_policy, self.operators)))

    def with_sinks(self, change: Callable[[Sink], Sink]) -> Layer:
        """The layer with the sinks of its failure policies as ``change`` makes them."""
        if not self.policies:
            return self
        return replace(self, operators=tuple(_with_sinks(each, change) for each in self.operators))

    def bound(self, connect: Callable[[Any], Taker]) -> Layer:
        """The layer of one run, which its replicas share: they must not share their states.

        Args:
            connect: gives the way to the target of a sink of failures.
        """
        layer = self.with_sinks(lambda sink: replace(sink, taker=connect(sink.target)))
        return replace(layer, operators=tuple(map(_with_fresh_states, layer.operators)))

    @property
    def keeps_count(self) -> bool:
        """True if it emits an event for each that it takes."""
        return all(
            isinstance(each, (Each, Map, MapValues)) or _is_kernel(each) for each in self.operators
        )

    @property
    def never_grows(self) -> bool:
        """True if it emits no more events than it takes, as far as that is plain to see."""
        return all(
            (isinstance(each, PerEvent) and not isinstance(each, FlatMap)) or _is_kernel(each)
            for each in self.operators
        )

    @property
    def is_native(self) -> bool:
        """True if only kernels work on its events: what one of them costs says little."""
        works = [each for each in self.operators if not isinstance(each, (CollectBatch, Emit))]
        return bool(works) and all(
            isinstance(each, (MapBatch, MapState)) and isinstance(each.function, Kernel)
            for each in works
        )

    @property
    def ends_in_kernel(self) -> bool:
        """True if what it emits are results of a kernel."""
        return bool(self.operators) and _is_kernel(self.operators[-1])

    def writing_into(self, empty: Callable[[tuple[int, ...], Any], Any]) -> Layer:
        """The layer with the results of the kernel that it ends in where ``empty`` says."""
        last: Any = self.operators[-1]
        last = replace(last, function=last.function.writing_into(empty))
        return replace(self, operators=(*self.operators[:-1], last))

    @property
    def has_reduce(self) -> bool:
        """True if the layer has a state."""
        return self.reducing is not None

    @property
    def is_empty(self) -> bool:
        """True if the layer passes its events on as they are."""
        return not self.operators

    @property
    def runs_inline(self) -> bool:
        """True if all functions are plain and run in the event loop.

        More replicas could then not run at the same time.
        """
        return all(
            executor_of(operator, self.executor) is None
            and not is_coroutine_function(operator.function)
            for operator in self.operators
            if isinstance(
                operator, (PerEvent, MapBatch, ReduceBatch, MapState, EachState, OnTrigger)
            )
        )

    @property
    def segments(self) -> Segments:
        """How the operators before the reduce run, and which of them run in its loop."""
        entering = self.entering
        border = len(self.operators) if entering is None else self.operators.index(entering)
        early, late = self.operators[:border], self.operators[border:]
        outer = split(filter(_is_before_reduce, early), self.executor)
        inner = split(filter(_is_before_reduce, late), self.executor)
        last = outer if entering is None else inner
        if self.reducing is None or not self.reducing.loops or self._cuts_before_reduce:
            return Segments(outer, inner, ())
        if not last or last[-1].kind != "fused":
            return Segments(outer, inner, ())
        return Segments(outer, inner, last.pop().operators)

    @property
    def _cuts_before_reduce(self) -> bool:
        """True if what enters the reduce must be seen as a batch, which is cut there."""
        window = self.window
        if window is None:
            return False
        if window.cutting is not None or window.periodic is not None:  # both ask what has entered
            return True
        return self.entering is None and window.looks_at_events

    @property
    def groups(self) -> tuple[Group, ...]:
        """The operators as they run together: fused, sent to an executor, or on their own."""
        segments = self.segments
        groups = [_group(segment) for segment in segments.outer]
        if self.gathering is not None:
            groups.insert(0, Group((self.gathering.label,), None))
        if self.entering is not None:
            groups.append(Group((self.entering.label,), None))
        groups += [_group(segment) for segment in segments.inner]
        looped = segments.looped
        if self.reducing is not None:
            executor: Placement = None
            if isinstance(self.reducing, ReduceBatch):
                executor = executor_of(self.reducing, self.executor)
            labels = tuple(map(_shown, (*looped, self.reducing)))
            groups.append(Group(labels, executor))
        for operator in self.after:
            executor = None
            if not isinstance(operator, (Emit, HandOn)):
                executor = executor_of(operator, self.executor)
            if groups and groups[-1].executor == executor and executor is None:
                groups[-1] = Group((*groups[-1].labels, operator.label), None)
            else:
                groups.append(Group((operator.label,), executor))
        return tuple(groups)

    @property
    def in_processes(self) -> tuple[Operator, ...]:
        """The operators whose functions run in worker processes."""
        return tuple(
            operator
            for operator in self.operators
            if isinstance(operator, _SENT) and executor_of(operator, self.executor) == "processes"
        )

    def _check_before_triggers(self, operator: Operator) -> None:
        reducing, entering = self.reducing, self.entering
        if isinstance(operator, Entering) and entering is not None and reducing is None:
            raise FlowBuildError(
                f"{operator.label} after {entering.label}: a layer has one join or unique; "
                f"put partition() between them to begin a new layer"
            )
        if reducing is None:
            return
        if isinstance(operator, Reducing):
            raise FlowBuildError(
                f"{operator.label} after {reducing.label}: a layer has one reduce; "
                f"put partition() or shuffle() between them to begin a new layer"
            )
        raise FlowBuildError(
            f"{operator.label} after {reducing.label}: it works on events, and a reduce gives "
            f"a state; use map_state() for the state, or put partition() or shuffle() "
            f"between them to begin a new layer"
        )

    def _check_triggering(self, operator: Triggering) -> None:
        if self.reducing is None:
            label = operator.gathering.label if isinstance(operator, HandOn) else operator.label
            raise FlowBuildError(
                f"{label} needs a reduce before it in its layer, such as reduce, "
                f"count_by or collect_batch"
                + (f"; here it comes after {self.operators[-1].label}" if self.operators else "")
            )
        for other in self.after:
            if isinstance(operator, Emit) and isinstance(other, Emit):
                raise FlowBuildError(
                    f"{operator.label} after {other.label}: a layer emits once; leave one out"
                )
            if isinstance(operator, OnTrigger) and isinstance(other, OnTrigger):
                raise FlowBuildError(
                    f"{operator.label} after {other.label}: a layer has one on_trigger; "
                    f"do both in one function"
                )
            if {type(operator), type(other)} in ({OnTrigger, Emit}, {OnTrigger, MapState}):
                raise FlowBuildError(
                    f"{operator.label} after {other.label}: on_trigger says itself what "
                    f"leaves, so it stands without map_state and emit; do it in its function"
                )


def _group(segment: Segment) -> Group:
    return Group(tuple(map(_shown, segment.operators)), segment.executor)


def _shown(operator: Operator) -> str:
    """The label, with the failure policy if it has one."""
    policy = _policy(operator)
    return operator.label if policy is None else f"{operator.label}, on error {policy_name(policy)}"


def _is_kernel(operator: Operator) -> bool:
    return isinstance(operator, MapBatch) and isinstance(operator.function, Kernel)


def _is_before_reduce(operator: Operator) -> bool:
    return isinstance(operator, (PerEvent, MapBatch))


def _with_fresh_states(operator: Operator) -> Operator:
    if isinstance(operator, (Reduce, ReduceBatch, EmitAndReduce, Departition)):
        return replace(operator, init=FreshStates(operator.init, operator.name))
    return operator


def _with_sinks(operator: Operator, change: Callable[[Sink], Sink]) -> Operator:
    policy = _policy(operator)
    if policy is None:
        return operator
    return replace(operator, on_error=bind(policy, change))  # type: ignore[type-var]


def _policy(operator: Operator) -> Policy | None:
    """What it does when its function raises; ``None`` for "stop"."""
    policy: Policy = getattr(operator, "on_error", "stop")
    return None if policy == "stop" else policy
