"""A program: one replica of a layer as a pure state machine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from flowlike.batches import Batch
from flowlike.counted import Counted
from flowlike.operators import entries
from flowlike.operators.calls import Calls
from flowlike.operators.combining import CombiningRun
from flowlike.operators.gathering import HandOn, Passed
from flowlike.operators.grouping import GroupingRun
from flowlike.operators.layer import Layer
from flowlike.operators.mapping import Step, make_step
from flowlike.operators.notes import Place
from flowlike.operators.reducers import make_reducer
from flowlike.operators.reducing import GroupBy, GroupByKey
from flowlike.operators.tail import Tail
from flowlike.operators.tally import Counts, Tally
from flowlike.operators.windows import GlobalWindow, WindowRun

if TYPE_CHECKING:
    from flowlike.operators.gatherer import Gatherer

__all__ = ["Program", "compile_program"]

Steps = Generator[Calls, list[Any], list[Batch]]

_PIECE = 128
"""Events; what a flat_map makes of them is counted while it is in the cache, and forgotten."""


class Program:
    """One replica of a layer: batches in, batches out, its state in between.

    What happens to it (`push`, `upstream_ended`, `tick`, `finish`) are generators: they yield
    `Calls` for what has to run elsewhere, are sent the results, and return batches, none of
    them empty, in order. One of them runs at a time. After an exception the program is not to
    be used again.

    The producers that it reads from are told apart by their numbers, from 0. ``now`` is
    processing time: seconds, from whatever clock the driver has.

    Args:
        steps: what happens before the windows.
        windows: the windows with the reduce, if there is one.
        emits: False if nothing is handed on.
        tally: what the steps count in.
        gatherer: takes what the layer before hands on, before the steps.
        marks: whether the next layer is told which windows were passed.
        counted: the windows again, if they only count what becomes of single events: these go
            through in small pieces then.

    Attributes:
        tally: what became of the events so far.
    """

    __slots__ = (
        "_counted",
        "_emits",
        "_gatherer",
        "_marks",
        "_passed",
        "_steps",
        "_windows",
        "tally",
    )

    def __init__(
        self,
        steps: list[Step],
        windows: WindowRun | None,
        emits: bool,
        tally: Tally,
        *,
        gatherer: Gatherer | None = None,
        marks: bool = False,
        counted: CombiningRun | None = None,
    ) -> None:
        self.tally = tally
        self._counted = counted
        self._gatherer = gatherer
        self._marks = marks
        self._passed: Any = None
        self._steps = steps
        self._windows = windows
        self._emits = emits

    def counts(self) -> Counts:
        """What became of the events in its steps so far."""
        return self.tally.counts()

    @property
    def has_state(self) -> bool:
        """True if what leaves it comes out of a state: of windows, or gathered ones."""
        combines = isinstance(self._windows, (CombiningRun, GroupingRun))
        return (self._windows is not None and not combines) or self._gatherer is not None

    @property
    def timed(self) -> bool:
        """True if it may ever have a `deadline`; only then ``now`` matters."""
        return self._windows is not None and self._windows.timed

    @property
    def deadline(self) -> float | None:
        """The processing time at which it wants a `tick`; None: no need so far."""
        return None if self._windows is None else self._windows.deadline

    @property
    def late(self) -> int:
        """How many events came after their windows had closed."""
        return 0 if self._windows is None else self._windows.late

    def begin(self, now: float) -> None:
        """Processing time begins: the periods of windows and triggers are counted from here."""
        if self._windows is not None:
            self._windows.begin(now)

    def push(self, batch: Batch, upstream: int = 0, now: float = 0.0) -> Steps:
        """Take a batch of a producer."""
        if self._gatherer is not None:
            return self._gather(batch, now)
        return self._push(batch, upstream, now)

    def upstream_ended(self, upstream: int, now: float = 0.0) -> Steps:
        """Take the end of a producer; the last one's is `finish`."""
        if self._gatherer is not None:
            return (yield from self._push(self._gatherer.upstream_ended(upstream), 0, now))
        if self._windows is None:
            return []
        return self._marked((yield from self._windows.upstream_ended(upstream, now)))

    def tick(self, now: float) -> Steps:
        """Do what is due."""
        if self._windows is None:
            return []
        return self._marked((yield from self._windows.tick(now)))

    def finish(self, now: float = 0.0) -> Steps:
        """Take the end of the input: windows that are still open fire "done"."""
        batches: list[Batch] = []
        if self._gatherer is not None:
            batches = yield from self._push(self._gatherer.finish(), 0, now)
        if self._windows is None:
            return batches
        return batches + (yield from self._windows.finish(now))

    def _gather(self, batch: Batch, now: float) -> Steps:
        assert self._gatherer is not None
        return (yield from self._push(self._gatherer.push(batch), 0, now))

    def _push(self, batch: Batch, upstream: int, now: float) -> Steps:
        counted = self._counted
        if counted is None or counted.passes or type(batch) is not list or len(batch) <= _PIECE:
            return self._push_piece(batch, upstream, now)
        return self._push_pieces(batch, upstream, now)

    def _push_pieces(self, batch: list[Any], upstream: int, now: float) -> Steps:
        batches: list[Batch] = []
        for start in range(0, len(batch), _PIECE):
            batches += yield from self._push_piece(batch[start : start + _PIECE], upstream, now)
        return batches

    def _push_piece(self, batch: Batch, upstream: int, now: float) -> Steps:
        for inline, run in self._steps:
            if len(batch) == 0:
                return []
            batch = run(batch) if inline else (yield from run(batch))
        if len(batch) == 0:
            return []
        if self._windows is None:
            return [batch] if self._emits else []
        return self._marked((yield from self._windows.push(batch, upstream, now)))

    def _marked(self, batches: list[Batch]) -> list[Batch]:
        """The same, with word of the windows that were passed."""
        if self._marks and self._windows is not None:
            passed = self._windows.passed
            if passed is not None and passed != self._passed:
                self._passed = passed
                mark = Passed(passed, self._windows.frame.place.partition)
                batches.append(Counted([mark], [0]))  # no event
        return batches


def compile_program(
    layer: Layer,
    *,
    partition: int,
    partitions: int,
    upstreams: int = 1,
    key: Callable[[Any], Any] | Sequence[Callable[[Any], Any] | None] | None = None,
    sides: Sequence[int] = (),
    emits: bool = True,
    combine_for: str | None = None,
    grouping: GroupBy | GroupByKey | None = None,
) -> Program:
    """Make the program of one replica of a layer.

    Args:
        layer: the description.
        partition: the replica's number, from 0.
        partitions: how many replicas the layer has.
        upstreams: how many producers the replica reads from.
        key: the key function of the routing into the layer, or one for each upstream; None
            where it has none.
        sides: for each upstream which of the flows that the layer brings together it belongs
            to, from 0; all to the first, if not given.
        emits: False for `Flow.run`: all functions are called, but nothing is handed on and
            no state is iterated.
        combine_for: the label of the routing behind a layer without a reduce, if the next
            layer only counts its events, so that they may be counted here already.
        grouping: what the next layer does, if it groups and does not count.

    Raises:
        FlowBuildError: the layer has a window, but nothing that it could cut, or a reduce
            that it cannot have.

    >>> from flowlike.operators import Emit, Map, Reduce, run_inline
    >>> layer = Layer().then(Map(abs)).then(Reduce(int, lambda total, n: total + n))
    >>> program = compile_program(layer.then(Emit("state")), partition=0, partitions=1)
    >>> run_inline(program.push([1, -2, 3])), run_inline(program.push(range(5)))
    ([], [])
    >>> run_inline(program.finish())
    [[16]]
    """
    layer.check()
    place = Place(partition, partitions)
    segments = layer.segments
    tally = Tally()
    outer = [make_step(segment, place, tally) for segment in segments.outer]
    gatherer = None
    if layer.gathering is not None:
        from flowlike.operators.gatherer import make_gatherer  # noqa: PLC0415 - few flows need it

        gatherer = make_gatherer(layer.gathering, upstreams, place)
        upstreams, sides = 1, ()  # what has been gathered comes from one place
        key = key if key is None or callable(key) else None
    if combine_for is not None:
        if grouping is not None:
            groups = GroupingRun(place, combine_for, grouping)
            return Program(outer, groups, emits, tally, gatherer=gatherer)
        counts = CombiningRun(place, combine_for)
        in_pieces = all(segment.kind == "fused" for segment in segments.outer)
        counted = counts if in_pieces else None
        return Program(outer, counts, emits, tally, gatherer=gatherer, counted=counted)
    reducing, entering = layer.reducing, layer.entering
    if reducing is None and entering is None:
        return Program(outer, None, emits, tally, gatherer=gatherer)
    reducer = tail = None
    if reducing is not None:
        reducer = make_reducer(
            reducing,
            place=place,
            tally=tally,
            before=segments.looped,
            after=layer.after,
            default=layer.executor,
            emits=emits,
        )
        tail = Tail(layer.after, reducer, reducing.label, place, layer.executor, emits)
    window = GlobalWindow() if layer.window is None else layer.window
    entry = None
    if entering is not None:
        entry = entering.entry(place, sides or [0] * upstreams, window.kind == "session")
        if entering.drops:
            entry = entries.CountedEntry(entry, tally)
    frame = window.frame(
        place,
        reducer,
        tail,
        entry,
        [make_step(segment, place, tally) for segment in segments.inner],
    )
    keys = [key] * upstreams if key is None or callable(key) else key
    windows = window.start(frame, upstreams, keys)
    marks = any(isinstance(operator, HandOn) for operator in layer.after)
    return Program(outer, windows, emits, tally, gatherer=gatherer, marks=marks)
