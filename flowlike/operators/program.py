"""A program: one replica of a layer as a pure state machine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from flowlike.batches import Batch
from flowlike.operators.calls import Calls
from flowlike.operators.layer import Layer
from flowlike.operators.mapping import Step, make_step
from flowlike.operators.notes import Place
from flowlike.operators.reducers import make_reducer
from flowlike.operators.tail import Tail
from flowlike.operators.windows import GlobalWindow, WindowRun

__all__ = ["Program", "compile_program"]


class Program:
    """One replica of a layer: batches in, batches out, its state in between.

    `push` and `finish` are generators: they yield `Calls` for what has to run elsewhere,
    are sent the results, and return batches, none of them empty, in order. One of them runs
    at a time. After an exception the program is not to be used again.

    Args:
        steps: what happens before the reduce.
        windows: the windows with the reduce, if there is one.
        emits: False if nothing is handed on.
    """

    __slots__ = ("_emits", "_steps", "_windows")

    def __init__(self, steps: list[Step], windows: WindowRun | None, emits: bool) -> None:
        self._steps = steps
        self._windows = windows
        self._emits = emits

    def push(self, batch: Batch) -> Generator[Calls, list[Any], list[Batch]]:
        """Take a batch."""
        for inline, run in self._steps:
            if len(batch) == 0:
                return []
            batch = run(batch) if inline else (yield from run(batch))
        if len(batch) == 0:
            return []
        if self._windows is not None:
            return (yield from self._windows.push(batch))
        return [batch] if self._emits else []

    def finish(self) -> Generator[Calls, list[Any], list[Batch]]:
        """Take the end of the input: windows that are still open fire "done"."""
        if self._windows is None:
            return []
        return (yield from self._windows.finish())


def compile_program(
    layer: Layer, *, partition: int, partitions: int, emits: bool = True
) -> Program:
    """Make the program of one replica of a layer.

    Args:
        layer: the description.
        partition: the replica's number, from 0.
        partitions: how many replicas the layer has.
        emits: False for `Flow.run`: all functions are called, but nothing is handed on and
            no state is iterated.

    Raises:
        FlowBuildError: the layer has a window, but no reduce.

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
    segments, looped = layer.segments
    steps = [make_step(segment, place) for segment in segments]
    reducing = layer.reducing
    if reducing is None:
        return Program(steps, None, emits)
    window = GlobalWindow() if layer.window is None else layer.window
    reducer = make_reducer(
        reducing,
        place=place,
        before=looped,
        after=layer.after,
        default=layer.executor,
        emits=emits,
    )
    tail = Tail(layer.after, reducer, reducing.label, place, layer.executor, emits)
    return Program(steps, window.start(reducer, tail, place), emits)
