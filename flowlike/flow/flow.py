"""The description of a flow, and the doors through which it is run."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack

import numpy as np

from flowlike.batches import Batch, events_of
from flowlike.connectors import Source
from flowlike.flow.blocking import open_loop
from flowlike.flow.collectors import ArrayCollector, Collector, Ignore, ListCollector
from flowlike.flow.failure_feed import check_on_error
from flowlike.flow.options import LayerKeywords, LayerOptions
from flowlike.flow.planner import make_plan
from flowlike.flow.report import RunReport
from flowlike.flow.routing import Dispatched, JoinSide, Partition, Routing, Shuffle
from flowlike.flow.run_options import RunOptions
from flowlike.flow.runner import Runner
from flowlike.flow.running import RunningFlow
from flowlike.flow.staged import (
    Into,
    Staged,
    check_into,
    check_producers,
    check_through,
    stage_label,
)
from flowlike.flow.streaming import stream_batches
from flowlike.operators import (
    CollectBatch,
    CountBy,
    Departition,
    Each,
    EachState,
    Emit,
    EmitAndReduce,
    ExecutorChoice,
    Failure,
    Filter,
    FlatMap,
    Gathering,
    GroupBy,
    GroupByKey,
    HandOn,
    Join,
    Key,
    Layer,
    Map,
    MapBatch,
    MapState,
    MapValues,
    OnTrigger,
    Operator,
    Reduce,
    ReduceBatch,
    Reject,
    Retry,
    TakeSort,
    Unique,
)
from flowlike.options import check_choice
from flowlike.stages import (
    Consumer,
    Dispatcher,
    Producer,
    ProducerConsumer,
    StageRef,
    Subscribe,
)

if TYPE_CHECKING:
    from flowlike.flow.graph import Graph

__all__ = ["Flow"]

T = TypeVar("T")
U = TypeVar("U")
K = TypeVar("K")
V = TypeVar("V")
A = TypeVar("A")
R = TypeVar("R")

Seconds = float | timedelta
ReadIn = Literal["auto", "loop", "thread"]
OnError = (
    Literal["stop", "skip"]
    | Retry
    | Callable[[Failure], Any]
    | Consumer[Failure]
    | StageRef
    | Subscribe
)


@dataclass(frozen=True, slots=True)
class _Routed:
    """A layer that reads other flows, and how."""

    upstream: tuple[tuple[Flow[Any], Routing], ...]
    through: tuple[Staged, ...] = ()  # stages between; all there is where upstream is empty
    name: str = ""  # the method that brings flows or partitions together


class Flow(Generic[T]):
    """An immutable description of a pipeline; building one runs nothing.

    Every method returns a new flow. A flow can be shared, branched and run again (over a one-shot
    iterator it can run once). It is made of *layers*: the operators between two routing
    points (``partition``, ``shuffle``, ``merge``, ``join``) run together, fused, in each of the
    layer's ``stages`` replicas.

    Args of every layer (``departition``, ``from_iterable``, ``from_iterables``, ``from_stages``,
    ``join``, ``merge``, ``partition``, ``shuffle``, ``through_stages``):

    - ``stages``: the number of replicas; ``None``: the CPUs this process may use, or one
      where more could not run at the same time.
    - ``window``: cuts the events of the layer's reduce, join or unique, with triggers.
    - ``max_demand``: the most events of one producer that a replica holds, or "auto": as many
      as keep it busy for about 2 ms. ``min_demand``: it asks again when so many are left.
    - ``buffer_size``, ``buffer_keep``: how many events wait because nobody asked
      for them (``None``: all), and whether the "first" or "last" stay.
    - ``executor``: where the functions run by default: ``None`` (the event loop), "threads", or
      any ``concurrent.futures.Executor``.
    - ``on_init``: called as ``on_init(partition, partitions)`` when a replica starts.

    Example:
        >>> from flowlike import Flow
        >>> words = Flow.from_iterable(["to be or", "not to be"], stages=1).flat_map(str.split)
        >>> counts = words.partition(stages=2).count_by()
        >>> sorted(counts.to_list())
        [('be', 2), ('not', 1), ('or', 1), ('to', 2)]
    """

    __slots__ = ("_inputs", "_layer", "_options")

    _inputs: tuple[Source, ...] | _Routed
    _options: LayerOptions
    _layer: Layer

    def __init__(self) -> None:
        raise TypeError("make a flow with Flow.from_iterable(...) or Flow.from_iterables(...)")

    def __repr__(self) -> str:
        operators = self._layer.operators
        labels = [each.label for each in operators if not isinstance(each, HandOn)]
        if isinstance(self._inputs, _Routed):
            if self._inputs.name == "join":
                labels[0] = labels[0].replace("join(", f"join({self._inputs.upstream[1][0]!r}, ", 1)
            labels.insert(0, _repr_routed(self._inputs))
        else:
            labels.insert(0, f"Flow({', '.join(source.label for source in self._inputs)})")
        return ".".join(labels)

    # Sources.

    @classmethod
    def from_iterable(
        cls,
        source: Iterable[U] | AsyncIterable[U],
        *,
        read_in: ReadIn = "auto",
        ordered: bool = False,
        **layer: Unpack[LayerKeywords],
    ) -> Flow[U]:
        """A flow over one source.

        The source is read only as far as the demand goes, never an event further. Slices
        of a list or range and views of an array travel as they are. A generator is closed
        when the flow ends, fails or is stopped.

        Args:
            source: any iterable (a dict gives its keys, a str its characters), asynchronous
                iterable, range or array (axis 0 counts the events).
            read_in: where a synchronous iterator is read: in the event "loop", in a "thread"
                of its own, or "auto": in the loop until one ``next()`` took more than 2 ms,
                then in a thread; a collection, or an open file on a disk, in the loop.
            ordered: the results of this layer, and of layers after a ``shuffle`` behind it, leave
                in the order of the source, whatever runs at the same time. What has no order of
                its own ends that: ``partition``, a reduce, ``unique``, ``merge``, ``join`` and
                stages of your own are given their events in order, and give theirs as always.
            **layer: the options of the first layer.

        Raises:
            TypeError: ``source`` is a flow or cannot be iterated, ``ordered`` is no bool, or an
                unknown option.
            ValueError: an option is out of range.
            FlowBuildError: as it is planned: ``ordered`` beside a ``buffer_size``.

        Example:
            >>> Flow.from_iterable(range(5)).map(lambda x: x * x).to_list()
            [0, 1, 4, 9, 16]
            >>> words = Flow.from_iterable("to be or not".split(), stages=4, ordered=True)
            >>> words.map(str.upper, executor="threads").to_list()
            ['TO', 'BE', 'OR', 'NOT']
        """
        check_choice("read_in", read_in, ("auto", "loop", "thread"))
        if not isinstance(ordered, bool):
            raise TypeError(f"ordered must be True or False, not {ordered!r:.80}")
        options = replace(_options("from_iterable", layer), ordered=ordered)
        return _flow((_source(source, read_in),), options)

    @classmethod
    def from_iterables(
        cls,
        sources: Iterable[Iterable[U] | AsyncIterable[U]],
        *,
        read_in: ReadIn = "auto",
        **layer: Unpack[LayerKeywords],
    ) -> Flow[U]:
        """A flow over several sources that are read concurrently.

        Args:
            sources: each as in :meth:`from_iterable`.
            read_in: as in :meth:`from_iterable`.
            **layer: the options of the first layer.

        Raises:
            TypeError: one of the sources is a flow or cannot be iterated, or an unknown
                option.
            ValueError: no source at all, or an option is out of range.

        Example:
            >>> sorted(Flow.from_iterables([[1, 2], [3]]).map(str).to_list())
            ['1', '2', '3']
        """
        check_choice("read_in", read_in, ("auto", "loop", "thread"))
        described = tuple(_source(source, read_in) for source in sources)
        if not described:
            raise ValueError("from_iterables needs at least one source, got none")
        return _flow(described, _options("from_iterables", layer))

    @classmethod
    def from_stages(
        cls, producers: Iterable[Producer[U] | StageRef], **layer: Unpack[LayerKeywords]
    ) -> Flow[U]:
        """A flow over stages.

        Instances are started and stopped with the flow, with their own dispatcher; stages
        that run already are only subscribed to, and live on. A crash of one is a failure of the
        flow, its planned end the end of a source. Draining finishes the instances and takes
        nothing more of the others; ``demand="accumulate"`` holds the instances only.
        Every run starts the same instances: ``on_start`` is the place to begin anew, and one that
        does not has no events after the run in which it came to its end.

        A flow over running stages runs on their event loop: ``arun``, ``async for``, ``start``.

        Args:
            producers: instances of ``Producer``, or ``StageRef`` of stages that emit.
            **layer: the options of the first layer.

        Raises:
            TypeError: one of them is no such stage, or an unknown option.
            ValueError: no producer at all, or an option is out of range.

        Example:
            >>> from flowlike import Producer
            >>> class Letters(Producer[str]):
            ...     def handle_demand(self, demand):
            ...         self.finish()
            ...         return list("abc")
            >>> Flow.from_stages([Letters()]).map(str.upper).to_list()
            ['A', 'B', 'C']
        """
        options = _options("from_stages", layer)
        return _flow(_Routed((), check_producers(producers)), options)

    @classmethod
    def merge(
        cls,
        flows: Iterable[Flow[U]],
        *,
        dispatcher: Dispatcher | None = None,
        **layer: Unpack[LayerKeywords],
    ) -> Flow[U]:
        """Bring several flows into one layer.

        The events of each flow keep their order; how those of several interleave is open. A
        flow that is given twice is run twice, its sources are read once for each place.

        Args:
            flows: one or more.
            dispatcher: who gets which events: a ``BroadcastDispatcher()`` gives every replica
                all of them, a ``PartitionDispatcher(n, hash)`` has one partition for each of
                ``n`` replicas, and a ``Dispatcher`` of your own does as it likes; each stage
                upstream has a copy. ``None``: whichever replica has demand gets the next batch.
            **layer: the options of the new layer.

        Raises:
            TypeError: ``flows`` are no flows, ``dispatcher`` is none, or an unknown option.
            ValueError: no flow at all, ``stages`` is not the number of partitions, or an option
                is out of range.
            FlowBuildError: the last layer of a flow has a window and no reduce.

        Example:
            >>> old, new = Flow.from_iterable([1, 2]), Flow.from_iterable([3]).map(lambda n: -n)
            >>> sorted(Flow.merge([old, new]).to_list())
            [-3, 1, 2]
        """
        if isinstance(flows, Flow):
            raise TypeError("Flow.merge takes a list of flows, not one flow: Flow.merge([flow])")
        given = tuple(flows)
        if not given:
            raise ValueError("Flow.merge needs at least one flow, got none")
        for flow in given:
            if not isinstance(flow, Flow):
                raise TypeError(
                    f"Flow.merge takes flows, not {flow!r:.80}; make it one with Flow.from_iterable"
                )
            flow._layer.check()
        options = _options("merge", layer)
        routing: Routing = Shuffle()
        if dispatcher is not None:
            routing = Dispatched(dispatcher)
            options = replace(options, stages=routing.fit(options.stages))
        upstream = tuple((flow, routing) for flow in given)
        return _flow(_Routed(upstream, name="merge"), options)

    # One event at a time.

    def map(
        self,
        fn: Callable[[T], Awaitable[U]] | Callable[[T], U],
        *,
        concurrency: int = 1,
        executor: ExecutorChoice = None,
        on_error: OnError = "stop",
    ) -> Flow[U]:
        """Replace every event by ``fn(event)``.

        Args:
            fn: a function, or a coroutine function, which is awaited.
            concurrency: up to so many calls at once in a replica (coroutine functions and
                executors); the results keep the order of the events.
            executor: where ``fn`` runs: "threads", "processes" (all cores for plain Python), an
                executor of your own; ``None``, the default: as the layer, else in the event loop.
            on_error: what happens when ``fn`` raises. "stop": the flow is stopped and raises it.
                "skip": the event is dropped. A ``Retry``: ``fn`` is called again. A function: it
                is called with a ``Failure``, and the event is dropped. A ``Consumer`` or
                ``StageRef``: it gets the ``Failure``.

        Raises:
            TypeError: ``fn`` cannot be called, or ``on_error`` is none of these.
            ValueError: ``concurrency < 1``, or ``on_error`` is another word.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(
            Map(fn, concurrency, executor, check_on_error("map's on_error", on_error))
        )

    def flat_map(
        self,
        fn: Callable[[T], Awaitable[Iterable[U]]] | Callable[[T], Iterable[U]],
        *,
        concurrency: int = 1,
        executor: ExecutorChoice = None,
        on_error: OnError = "stop",
    ) -> Flow[U]:
        """Replace every event by the events of the iterable ``fn(event)``.

        Args:
            fn: returns an iterable; as in :meth:`map`.
            concurrency: as in :meth:`map`.
            executor: as in :meth:`map`.
            on_error: as in :meth:`map`.

        Raises:
            TypeError: ``fn`` cannot be called, or as :meth:`map`.
            ValueError: ``concurrency < 1``, or as :meth:`map`.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(
            FlatMap(fn, concurrency, executor, check_on_error("flat_map's on_error", on_error))
        )

    def filter(
        self,
        pred: Callable[[T], Any],
        *,
        concurrency: int = 1,
        executor: ExecutorChoice = None,
        on_error: OnError = "stop",
    ) -> Flow[T]:
        """Keep the events for which ``pred(event)`` is true.

        Args:
            pred: as ``fn`` in :meth:`map`.
            concurrency: as in :meth:`map`.
            executor: as in :meth:`map`.
            on_error: as in :meth:`map`.

        Raises:
            TypeError: ``pred`` cannot be called.
            ValueError: ``concurrency < 1``.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(
            Filter(pred, concurrency, executor, check_on_error("filter's on_error", on_error))
        )

    def reject(
        self, pred: Callable[[T], Any], *, concurrency: int = 1, on_error: OnError = "stop"
    ) -> Flow[T]:
        """Drop the events for which ``pred(event)`` is true.

        Args:
            pred: as ``fn`` in :meth:`map`.
            concurrency: as in :meth:`map`.
            on_error: as in :meth:`map`.

        Raises:
            TypeError: ``pred`` cannot be called.
            ValueError: ``concurrency < 1``.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(
            Reject(pred, concurrency, on_error=check_on_error("reject's on_error", on_error))
        )

    def map_values(
        self: Flow[tuple[K, V]],
        fn: Callable[[V], Awaitable[U]] | Callable[[V], U],
        *,
        on_error: OnError = "stop",
    ) -> Flow[tuple[K, U]]:
        """Replace every ``(key, value)`` by ``(key, fn(value))``.

        Args:
            fn: as in :meth:`map`.
            on_error: as in :meth:`map`.

        Raises:
            TypeError: ``fn`` cannot be called, or as :meth:`map`.
            ValueError: as :meth:`map`.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(MapValues(fn, on_error=check_on_error("map_values's on_error", on_error)))

    def each(
        self, fn: Callable[[T], Any], *, concurrency: int = 1, on_error: OnError = "stop"
    ) -> Flow[T]:
        """Call ``fn(event)`` for its effect and pass the event on.

        Args:
            fn: as in :meth:`map`; its result is ignored.
            concurrency: as in :meth:`map`.
            on_error: as in :meth:`map`.

        Raises:
            TypeError: ``fn`` cannot be called, or as :meth:`map`.
            ValueError: ``concurrency < 1``, or as :meth:`map`.
            FlowBuildError: it stands after a reduce.
        """
        return self._then(
            Each(fn, concurrency, on_error=check_on_error("each's on_error", on_error))
        )

    # One batch at a time.

    def map_batch(
        self,
        fn: Callable[[Any], Any],
        *,
        executor: ExecutorChoice = None,
        on_error: OnError = "stop",
    ) -> Flow[Any]:
        """Replace every batch by ``fn(batch)``: a list, range or array of any length.

        How events are cut into batches is the library's choice (see ``max_demand``); to have
        chunks of an exact size use a window: ``collect_batch`` with ``trigger_every(n)``.

        Args:
            fn: a function, a coroutine function, or a ``Kernel``.
            executor: where ``fn`` runs; default as the layer, for a ``Kernel`` "threads".
            on_error: as in :meth:`map`; the ``event`` of a ``Failure`` is the batch, and all its
                events are dropped with it.

        Raises:
            TypeError: ``fn`` cannot be called; in the run: it returned no batch; or as
                :meth:`map`.
            ValueError: as :meth:`map`.
            FlowBuildError: it stands after a reduce.

        Example:
            >>> import numpy as np
            >>> Flow.from_iterable(np.arange(4)).map_batch(np.sqrt).to_array().tolist()
            [0.0, 1.0, 1.4142135623730951, 1.7320508075688772]
        """
        return self._then(MapBatch(fn, executor, check_on_error("map_batch's on_error", on_error)))

    # Routing.

    def partition(
        self,
        *,
        key: Key | None = None,
        hash: Callable[[T], int | None] | None = None,
        **layer: Unpack[LayerKeywords],
    ) -> Flow[T]:
        """Begin a new layer; events with equal keys reach the same replica.

        They keep the order in which each stage upstream has sent them: that of the source where the
        layer before has one replica or is ordered. Keys that are equal in Python (1, 1.0, True)
        meet. Array batches are split as arrays.

        Where the new layer begins with a ``group_by``, ``group_by_key`` or ``count_by`` by the same
        key, with a ``unique``, or with a reduce that has a ``merge``, its events are combined
        before they are sent, unless a trigger, a window other than the global one, an ``on_init``,
        or a limit on demand or buffers could tell; :meth:`explain` says "ahead" where.

        Args:
            key: a function, an index into the event, or a name (a mapping's key, else an
                attribute); ``None``: the event itself.
            hash: in place of ``key``: gives the partition, from 0, or ``None`` to drop the event.
            **layer: the options of the new layer.

        Raises:
            TypeError: ``key`` or ``hash`` is none of these, or an unknown option.
            ValueError: both were given, or an option is out of range.
            FlowBuildError: the layer before has a window and no reduce.
        """
        return self._route(Partition(key, hash), _options("partition", layer))

    def shuffle(self, **layer: Unpack[LayerKeywords]) -> Flow[T]:
        """Begin a new layer; whichever replica has demand gets the next batch.

        Args:
            **layer: the options of the new layer.

        Raises:
            TypeError: an unknown option.
            ValueError: an option is out of range.
            FlowBuildError: the layer before has a window and no reduce.
        """
        return self._route(Shuffle(), _options("shuffle", layer))

    def through_stages(
        self,
        through: Iterable[ProducerConsumer[T, U] | StageRef],
        /,
        **layer: Unpack[LayerKeywords],
    ) -> Flow[U]:
        """Send the events through stages of your own, and begin a new layer after them.

        Whichever stage has demand gets the next batch. Instances are started and stopped with
        the flow. Stages that run already are subscribed to the flow and it to them; the
        flow ends when they end, which they do when all their producers have finished: one with
        other producers keeps the flow running.

        Args:
            through: instances of ``ProducerConsumer``, or ``StageRef`` of such.
            **layer: the options of the new layer.

        Raises:
            TypeError: one of them is no such stage, or an unknown option.
            ValueError: no stage at all, or an option is out of range.
            FlowBuildError: the layer before has a window and no reduce.
        """
        self._layer.check()
        options = _options("through_stages", layer)
        return _flow(_Routed(((self, Shuffle()),), check_through(through)), options)

    def join(
        self,
        right: Flow[U],
        *,
        left_key: Key,
        right_key: Key,
        join: Callable[[Any, Any], R] | None = None,
        how: Literal["inner", "left", "right", "outer"] = "inner",
        **layer: Unpack[LayerKeywords],
    ) -> Flow[Any]:
        """Begin a new layer with the pairs of this flow's and another's events with equal keys.

        A pair leaves as soon as both of its events have come; of events that come several times
        with one key, all pairs. What has no match comes at the end of the input, with ``None`` for
        the other side. With a ``window`` events only meet within a window, and what has no match
        comes at its end; ``by`` sees the events of either side, and a reduce in this layer
        runs per window over what was joined.

        The events of both sides are kept in memory until their window ends. After the end of one
        side only those of the other that wait for nothing more, but are wanted, are still kept:
        so a large stream that is joined with a small table costs the memory of the table.

        ``None`` is a key like any other. A flow that is joined with itself is run twice.

        Args:
            right: the other flow.
            left_key: of this flow's events: a function, an index or a name.
            right_key: of the other's.
            join: ``join(left, right)`` makes the event; default the pair.
            how: "inner": only pairs; "left", "right", "outer": also what has no match of this
                flow, of the other, of both.
            **layer: the options of the new layer.

        Raises:
            TypeError: ``right`` is no flow, a key or ``join`` is none, or an unknown option.
            ValueError: another ``how``, or an option is out of range.
            FlowBuildError: the last layer of a flow has a window and no reduce.

        Example:
            >>> users = Flow.from_iterable([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}])
            >>> visits = Flow.from_iterable([("/home", 1), ("/cart", 1), ("/home", 3)])
            >>> named = visits.join(users, left_key=1, right_key="id", how="left",
            ...                     join=lambda visit, user: (visit[0], user and user["name"]))
            >>> sorted(named.to_list(), key=str)
            [('/cart', 'Ann'), ('/home', 'Ann'), ('/home', None)]
        """
        if not isinstance(right, Flow):
            raise TypeError(
                f"join takes another flow, not {right!r:.80}; make it one with Flow.from_iterable"
            )
        self._layer.check()
        right._layer.check()
        options = _options("join", layer)
        sides = (
            (self, JoinSide("left_key", left_key)),
            (right, JoinSide("right_key", right_key)),
        )
        flow = _flow(_Routed(sides, name="join"), options)
        return flow._then(Join(left_key, right_key, join, how))

    def unique(self, key: Key | None = None) -> Flow[T]:
        """Pass on, at once, the events whose key was not seen before.

        That is within a replica (behind ``partition`` on the same key: within the flow) and, if
        the layer has a window, within a window. The keys are kept in memory until its
        end. Operators and a reduce may follow in the same layer. Where sessions join that had seen
        the same key, both events have left.

        Args:
            key: as in :meth:`partition`; default the event itself.

        Raises:
            TypeError: the key is no function, int or str; in the run: it cannot be hashed.
            FlowBuildError: the layer has a unique, a join or a reduce already.

        Example:
            >>> orders = [(1, "tea"), (2, "jam"), (1, "tea")]
            >>> Flow.from_iterable(orders).partition(key=0).unique(0).to_list()
            [(1, 'tea'), (2, 'jam')]
        """
        return self._then(Unique(key))

    def departition(
        self,
        init: Callable[[], A],
        merge: Callable[[A, Any], A],
        done: Callable[..., Any] | None = None,
        **layer: Unpack[LayerKeywords],
    ) -> Flow[Any]:
        """Begin a new layer of one stage, which merges the states of all partitions per window.

        It stands after a reduce. Every state that a trigger fires, after ``map_state``, goes into
        the window's ``acc``; when all partitions have finished the window (or passed it, at the
        latest when they have ended) what ``done`` makes of it is emitted as one event. Windows
        leave in order. In memory are the ``acc`` of windows that some partition has not finished.
        Under "keep" a state fires whole again and again: make ``merge`` such that the later
        replaces the earlier, or use "reset".

        Args:
            init: makes the first ``acc`` of a window.
            merge: ``merge(acc, state) -> acc``.
            done: ``done(acc)``, or ``done(acc, ctx)`` with a ``TriggerContext``, makes the
                event; default the ``acc`` itself.
            **layer: the options of the new layer.

        Raises:
            TypeError: one of them cannot be called, or an unknown option.
            ValueError: ``stages`` is not 1, or an option is out of range.
            FlowBuildError: no reduce before it, or together with session windows, on_trigger
                or an emit of anything but states.

        Example:
            >>> words = Flow.from_iterable("a rose is a rose".split()).partition(stages=2)
            >>> words.count_by().departition(dict, lambda acc, part: acc | part, len).to_list()
            [3]
        """
        window = "global" if self._layer.window is None else self._layer.window.kind
        gathering = Departition(init, merge, done, window)
        return self._gathered(gathering, _options("departition", layer))

    def take_sort(self, n: int, key: Key | None = None, reverse: bool = False) -> Flow[list[Any]]:
        """Begin a new layer of one stage: the ``n`` smallest events of all partitions per window.

        It stands after a reduce, and takes the events of the last state of every partition
        (a mapping has its items). One list for each window leaves, when all partitions have
        finished it. Of equal events the earlier comes first, of those of different
        partitions that of the lower. Each partition sends ``n`` events at most.

        Args:
            n: how many.
            key: what they are compared by, as in :meth:`partition`; default the events.
            reverse: the largest, in descending order.

        Raises:
            TypeError: ``n`` is no integer, ``key`` is no function, int or str; in the
                run: the events cannot be compared.
            ValueError: ``n < 1``.
            FlowBuildError: no reduce before it, or together with session windows, on_trigger
                or an emit of anything but states.

        Example:
            >>> words = Flow.from_iterable("to be or not to be to".split()).partition(stages=2)
            >>> words.count_by().take_sort(2, key=1, reverse=True).to_list()
            [[('to', 3), ('be', 2)]]
        """
        window = "global" if self._layer.window is None else self._layer.window.kind
        return self._gathered(TakeSort(n, key, reverse, window), LayerOptions())

    # Reducing: one per layer.

    def reduce(
        self,
        init: Callable[[], A],
        fn: Callable[[A, T], A],
        *,
        merge: Callable[[A, A], A] | None = None,
    ) -> Flow[Any]:
        """Reduce the events of every window to a state.

        Args:
            init: makes the first state; called for every window.
            fn: ``fn(acc, event) -> acc``, the order of ``functools.reduce``.
            merge: ``merge(acc, acc) -> acc``, where states can be combined, the earlier first.
                Behind a :meth:`partition` it lets ``fn`` begin before the exchange, with an
                ``init()`` for each batch: ``merge(init(), acc)`` has to equal ``acc``.

        Raises:
            TypeError: one of them cannot be called, or is a coroutine function.
            FlowBuildError: the layer has a reduce already.

        Example:
            >>> total = Flow.from_iterable(range(10)).reduce(lambda: 0, lambda acc, x: acc + x)
            >>> sum(total.emit("state").to_list())
            45
        """
        return self._then(Reduce(init, fn, merge))

    def reduce_batch(
        self,
        init: Callable[[], A],
        fn: Callable[[A, Any], Any],
        *,
        merge: Callable[[A, A], A] | None = None,
        executor: ExecutorChoice = None,
        on_error: OnError = "stop",
    ) -> Flow[Any]:
        """Reduce whole batches: ``fn(acc, batch) -> acc``.

        Batches are cut exactly where a trigger fires or a window ends.

        Args:
            init: makes the first state; called for every window.
            fn: a function or a coroutine function.
            merge: as in :meth:`reduce`; a coroutine function, an ``executor`` or an ``on_error``
                keep ``fn`` behind the exchange.
            executor: where ``fn`` runs; default as the layer.
            on_error: as in :meth:`map_batch`; a batch that is dropped leaves ``acc`` as it is, so
                ``fn`` should not have changed it before it raises.

        Raises:
            TypeError: one of them cannot be called, or as :meth:`map`.
            ValueError: as :meth:`map`.
            FlowBuildError: the layer has a reduce already.
        """
        return self._then(
            ReduceBatch(
                init, fn, merge, executor, check_on_error("reduce_batch's on_error", on_error)
            )
        )

    def emit_and_reduce(
        self, init: Callable[[], A], fn: Callable[[A, T], tuple[Iterable[U], A]]
    ) -> Flow[Any]:
        """Reduce, and emit events on the way: ``fn(acc, event) -> (events, acc)``.

        The events leave at once; triggers emit the state as after any reduce.

        Args:
            init: makes the first state; called for every window.
            fn: returns a pair of an iterable of events and the new state.

        Raises:
            TypeError: one of them cannot be called, or is a coroutine function.
            FlowBuildError: the layer has a reduce already.
        """
        return self._then(EmitAndReduce(init, fn))

    def group_by(self, key: Key, value: Key | None = None) -> Flow[Any]:
        """The state is a ``dict`` of key to the list of values, in the order of arrival.

        Args:
            key: as in :meth:`partition`.
            value: what is kept of an event; default all of it.

        Raises:
            TypeError: a key is no function, int or str.
            FlowBuildError: the layer has a reduce already.
        """
        return self._then(GroupBy(key, value))

    def group_by_key(self: Flow[tuple[K, V]]) -> Flow[tuple[K, list[V]]]:
        """As :meth:`group_by`, for events that are ``(key, value)`` pairs.

        Raises:
            FlowBuildError: the layer has a reduce already.
        """
        return self._then(GroupByKey())

    def count_by(self, key: Key | None = None) -> Flow[tuple[Any, int]]:
        """The state is a ``collections.Counter`` of the keys.

        Args:
            key: as in :meth:`partition`; default the event itself.

        Raises:
            TypeError: the key is no function, int or str.
            FlowBuildError: the layer has a reduce already.
        """
        return self._then(CountBy(key))

    def collect_batch(self) -> Flow[Any]:
        """The state is one batch with all events of the window: an array for arrays, else a list.

        Raises:
            FlowBuildError: the layer has a reduce already.

        Example:
            >>> from flowlike import GlobalWindow
            >>> pairs = GlobalWindow().trigger_every(2, "reset")
            >>> flow = Flow.from_iterable("abcde", stages=1, window=pairs).collect_batch()
            >>> flow.emit("state").to_list()
            [['a', 'b'], ['c', 'd'], ['e']]
        """
        return self._then(CollectBatch())

    # What a trigger lets out of the reduce.

    def map_state(self, fn: Callable[..., Any], *, executor: ExecutorChoice = None) -> Flow[Any]:
        """Replace the state that is emitted; the state that the reduce goes on with is not touched.

        Args:
            fn: ``fn(state)`` or ``fn(state, ctx)`` with a ``TriggerContext``; a function, a
                coroutine function or a ``Kernel``.
            executor: where ``fn`` runs; default as the layer, for a ``Kernel`` "threads".

        Raises:
            TypeError: ``fn`` cannot be called.
            FlowBuildError: there is no reduce before it.
        """
        return self._then(MapState(fn, executor))

    def each_state(self, fn: Callable[..., Any]) -> Flow[T]:
        """Call ``fn(state)`` or ``fn(state, ctx)`` at every trigger, for its effect.

        Args:
            fn: as in :meth:`map_state`; its result is ignored.

        Raises:
            TypeError: ``fn`` cannot be called.
            FlowBuildError: there is no reduce before it.
        """
        return self._then(EachState(fn))

    def emit(self, what: Literal["events", "state", "nothing"]) -> Flow[Any]:
        """Say what leaves at a trigger.

        Args:
            what: "events": the state is iterated, a mapping gives its items, an array
                stays an array (the default); "state": the state is one event; "nothing".

        Raises:
            ValueError: another word.
            FlowBuildError: no reduce before it, or a second emit.
        """
        return self._then(Emit(what))

    def on_trigger(self, fn: Callable[..., Any]) -> Flow[Any]:
        """Say in one function what leaves at a trigger and what the reduce goes on with.

        Args:
            fn: ``fn(state)`` or ``fn(state, ctx)``, returns ``(events, new_state)``; the
                new state wins over a trigger's "reset".

        Raises:
            TypeError: ``fn`` cannot be called; in the run: it returned no such pair.
            FlowBuildError: no reduce before it, or together with map_state or emit.
        """
        return self._then(OnTrigger(fn))

    # Running.

    def run(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> RunReport:
        """Run for the effects; nothing is handed to the caller.

        What a last reduce would emit is not made, so ``events_out`` does not count it; functions of
        its triggers (``map_state``, ``each_state``, ``on_trigger``) are called.

        Args:
            runner: where; default ``LocalRunner()``.
            progress: draw a progress bar on stderr (the extra ``flowlike[progress]``).
            timeout: seconds for the whole run; ``None``: no limit.

        Raises:
            TimeoutError: it took longer than ``timeout``.
            SourceExhausted: a one-shot iterator was started before.
            Exception: what a function of the flow raised, with notes that say where.
            KeyboardInterrupt: after Ctrl-C, when everything was closed.
        """
        with open_loop() as loop:
            return loop.run(self.arun(runner=runner, progress=progress, timeout=timeout))

    async def arun(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> RunReport:
        """As :meth:`run`, in the caller's event loop."""
        async with self._start(Ignore(), RunOptions(runner, progress, timeout)) as running:
            await running.wait()
        return running.stats()

    def to_list(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> list[T]:
        """Run and return all events. Args and errors as :meth:`run`."""
        return self._gather(ListCollector(), RunOptions(runner, progress, timeout))

    def to_array(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> np.ndarray[Any, Any]:
        """Run and return all events as one array.

        Array batches are joined without passing through Python objects. Args and errors
        as :meth:`run`.

        Raises:
            ValueError: the events are of different shapes.
        """
        plan = make_plan(self)
        return self._gather(
            ArrayCollector(plan.room, plan.empty, writes_rows=plan.writes_rows),
            RunOptions(runner, progress, timeout),
        )

    def __iter__(self) -> Iterator[T]:
        """Run and yield the events, with back-pressure; leaving the loop stops the flow."""
        # chain hands out event after event in C; dropped, it drops and so closes the generator.
        return chain.from_iterable(map(events_of, self.batches()))

    def batches(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> Generator[Batch, None, None]:
        """As iterating, batch by batch. Args and errors as :meth:`run`."""
        with open_loop() as loop:
            stream = self._stream(RunOptions(runner, progress, timeout))

            async def arrived() -> list[Batch]:
                return await anext(stream, [])

            try:
                while batches := loop.run(arrived()):
                    yield from batches
            finally:
                loop.run(_close(stream))

    async def __aiter__(self) -> AsyncIterator[T]:
        """Run in the caller's loop and yield the events, with back-pressure."""
        async with aclosing(self.abatches()) as batches:
            async for batch in batches:
                for event in events_of(batch):
                    yield event

    async def abatches(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
    ) -> AsyncGenerator[Batch, None]:
        """As ``async for``, batch by batch. Args and errors as :meth:`run`.

        Close it (``aclose``, or ``contextlib.aclosing``) when you leave it early.
        """
        async with aclosing(self._stream(RunOptions(runner, progress, timeout))) as stream:
            async for batches in stream:
                for batch in batches:
                    yield batch

    def start(
        self,
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
        demand: Literal["forward", "accumulate"] = "forward",
    ) -> RunningFlow:
        """Run for the effects while you do something else.

        Args:
            runner: where; default ``LocalRunner()``.
            progress: draw a progress bar on stderr (the extra ``flowlike[progress]``).
            timeout: seconds for the whole run; ``None``: no limit.
            demand: "accumulate": the sources are not read until ``running.demand("forward")``.

        Raises:
            ValueError: another ``demand``, or a ``timeout`` of 0 or less.

        Example:
            >>> import asyncio
            >>> async def main():
            ...     async with Flow.from_iterable(range(5)).each(print).start() as running:
            ...         return (await running.wait()).events_in
            >>> asyncio.run(main())
            0
            1
            2
            3
            4
            5
        """
        return self._start(Ignore(), RunOptions(runner, progress, timeout), demand)

    def into_stages(
        self,
        consumers: Iterable[Consumer[T] | StageRef | Subscribe],
        *,
        runner: Runner | None = None,
        progress: bool = False,
        timeout: Seconds | None = None,
        demand: Literal["forward", "accumulate"] = "forward",
    ) -> RunningFlow:
        """As :meth:`start`, and the events go into consumers: each event to one of them.

        Instances are started with the flow, whose end waits for theirs. Stages that run already
        are subscribed to the flow; one finishes when all its producers have. When the last consumer
        has ended before the flow, however it ended, the flow ends too: nobody is left to read.

        Args:
            consumers: instances of ``Consumer``, ``StageRef`` of stages that consume, or
                ``Subscribe`` whose ``to`` is such a ``StageRef``: how it subscribes to the flow.
            runner: where; default ``LocalRunner()``.
            progress: draw a progress bar on stderr (the extra ``flowlike[progress]``).
            timeout: seconds for the whole run; ``None``: no limit.
            demand: as in :meth:`start`.

        Raises:
            TypeError: one of them is no such stage.
            ValueError: no consumer at all, or as in :meth:`start`.
            RuntimeError: as it starts: a stage runs on another event loop.
        """
        options = RunOptions(runner, progress, timeout)
        return self._start(Ignore(), options, demand, check_into(consumers))

    def explain(self, *, runner: Runner | None = None) -> str:
        """The plan as text: layers, fused operators, executors, replicas, demand.

        It also says how many events may be in flight: asked for, and not handled yet.

        Args:
            runner: for which; default ``LocalRunner()``.

        Raises:
            TypeError: ``runner`` is none.
            FlowBuildError: the flow cannot be planned.
        """
        from flowlike.flow.explain import explain_plan  # noqa: PLC0415 - few flows need it

        return explain_plan(make_plan(self, RunOptions(runner).workers))

    def graph(self, *, runner: Runner | None = None) -> Graph:
        """The plan as a picture, which a notebook shows by itself.

        Args:
            runner: for which; default ``LocalRunner()``.

        Raises:
            TypeError: ``runner`` is none.
            FlowBuildError: the flow cannot be planned.
        """
        from flowlike.flow.graph import draw_plan  # noqa: PLC0415 - few flows need it

        return draw_plan(make_plan(self, RunOptions(runner).workers))

    def _start(
        self,
        collector: Collector[Any],
        options: RunOptions,
        demand: str = "forward",
        into: tuple[Into, ...] = (),
    ) -> RunningFlow:
        plan = make_plan(self, options.workers)
        return RunningFlow(plan, collector, options, demand=demand, into=into)

    def _stream(self, options: RunOptions) -> AsyncGenerator[list[Batch], None]:
        return stream_batches(lambda collector: self._start(collector, options))

    def _gather(self, collector: Collector[R], options: RunOptions) -> R:
        async def gather() -> R:
            async with self._start(collector, options) as running:
                await running.wait()
            return collector.result()

        with open_loop() as loop:
            return loop.run(gather())

    def _then(self, operator: Operator) -> Flow[Any]:
        return _flow(self._inputs, self._options, self._layer.then(operator))

    def _gathered(self, gathering: Gathering, options: LayerOptions) -> Flow[Any]:
        if options.stages not in (None, 1):
            raise ValueError(
                f"{gathering.name} is one stage, which all partitions lead to, not "
                f"{options.stages}; leave stages out, and begin a new layer behind it to go on "
                "with several"
            )
        before = _flow(self._inputs, self._options, self._layer.handing_on(gathering))
        before._layer.check()
        inputs = _Routed(((before, Shuffle()),), name=gathering.name)
        return _flow(inputs, replace(options, stages=1))._then(gathering)

    def _route(self, routing: Routing, options: LayerOptions) -> Flow[Any]:
        self._layer.check()
        return _flow(_Routed(((self, routing),)), options)


def _flow(
    inputs: tuple[Source, ...] | _Routed, options: LayerOptions, layer: Layer | None = None
) -> Flow[Any]:
    flow: Flow[Any] = object.__new__(Flow)
    flow._inputs = inputs
    flow._options = options
    flow._layer = layer or Layer(window=options.window, executor=options.executor)
    return flow


def _repr_routed(inputs: _Routed) -> str:
    """What a layer reads, as a call."""
    flows = [repr(flow) for flow, _ in inputs.upstream]
    if inputs.name == "merge":
        return f"Flow.merge({', '.join(flows)})"
    if inputs.name:  # which the first operator shows
        return flows[0]
    if not flows:
        return f"Flow({stage_label(inputs.through)})"
    if inputs.through:
        return f"{flows[0]}.through_stages({stage_label(inputs.through)})"
    return f"{flows[0]}.{inputs.upstream[0][1].label}"


def _source(source: Any, read_in: ReadIn) -> Source:
    if isinstance(source, Flow):
        raise TypeError(
            "a Flow is no source for another; go on with its methods (flow.partition(...) begins "
            "a new layer), or run it first (flow.to_list()); several flows join with Flow.merge"
        )
    return Source(source, read_in)


def _options(method: str, layer: LayerKeywords) -> LayerOptions:
    unknown = set(layer) - set(LayerKeywords.__annotations__)
    if "ordered" in unknown:
        raise TypeError(
            f"{method}() takes no 'ordered': an order is that of one source, asked for with "
            "Flow.from_iterable(source, ordered=True); for several, one after the other, "
            "with Flow.from_iterable(itertools.chain(one, other), ordered=True)"
        )
    if unknown:
        known = ", ".join(LayerKeywords.__annotations__)
        raise TypeError(
            f"{method}() got an unexpected keyword argument {min(unknown)!r}; a layer takes {known}"
        )
    return LayerOptions(**layer)


async def _close(batches: AsyncGenerator[Any, None]) -> None:
    # A second Ctrl-C leaves the task behind that waits for the next batch: whoever closes the
    # loop cancels it, which closes the batches.
    assert isinstance(batches, AsyncGeneratorType)
    if not batches.ag_running:
        await batches.aclose()
