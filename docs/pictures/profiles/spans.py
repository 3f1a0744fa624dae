"""What each thread of a flow does, and when: the loop's turns, kernels, splitting."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from flowlike.flow.calling import Caller
from flowlike.flow.native_pool import Job, NativePool
from flowlike.flow.splitting import Splitter
from flowlike.stages.run_queue import RunQueue

__all__ = ["LOOP", "Span", "joined", "watched"]

LOOP = "loop"
"""The thread in which the flow was started; those of kernels have names of their own."""

Kind = Callable[..., str | None]


class Span(NamedTuple):
    """A time in which a thread was busy; all times are in microseconds.

    Attributes:
        thread: its name; `LOOP`, or as the native pool calls it.
        kind: "turn" (the loop serves stages), "kernel" or "split"; in the loop these two lie
            inside of a turn.
        start: since the flow began.
        stop: the same.
        cpu: what the thread has used meanwhile.
    """

    thread: str
    kind: str
    start: int
    stop: int
    cpu: int


@contextmanager
def watched() -> Iterator[list[Span]]:
    """Watch the flows of the block.

    The list gets the spans in the order of their ends. The clock starts with the block.
    """
    spans: list[Span] = []
    began, here = time.perf_counter(), threading.current_thread()

    def watching(function: Callable[..., Any], kind: Kind) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*arguments: Any) -> Any:
            start, cpu = time.perf_counter(), time.thread_time()
            result = function(*arguments)
            stop, cpu = time.perf_counter(), time.thread_time() - cpu
            found = kind(result, *arguments)
            if found is not None:
                thread = threading.current_thread()
                name = LOOP if thread is here else thread.name
                times = (round(each * 1e6) for each in (start - began, stop - began, cpu))
                spans.append(Span(name, found, *times))
            return result

        return called

    # Where the loop enters flowlike, and where calls are made that may leave the GIL.
    places: list[tuple[type, str, Kind]] = [
        (RunQueue, "_run", _turn),
        (NativePool, "_reply", _turn),
        (NativePool, "_flush", _turn),
        (Job, "run", _job),
        (Caller, "do_now", _call_now),
    ]
    whole = [getattr(owner, name) for owner, name, _ in places]
    for (owner, name, kind), method in zip(places, whole, strict=True):
        setattr(owner, name, watching(method, kind))
    try:
        yield spans
    finally:
        for (owner, name, _), method in zip(places, whole, strict=True):
            setattr(owner, name, method)


def _turn(*_: object) -> str:
    return "turn"


def _job(_: object, job: Any, *_started: float) -> str:
    splits = getattr(job._calls.function, "__func__", None) is Splitter._split_array
    return "split" if splits else "kernel"


def _call_now(results: object, *_: object) -> str | None:
    return None if results is None else "kernel"


def joined(spans: Sequence[Span], gap: int) -> list[Span]:
    """The spans with those made one that no eye would keep apart.

    Args:
        spans: in any order.
        gap: as many microseconds may lie between two of a kind and a thread.

    Returns:
        Sorted.

    Example:
        >>> one, other = Span("a", "turn", 0, 5, 5), Span("a", "turn", 7, 9, 1)
        >>> joined([other, one], gap=2)
        [Span(thread='a', kind='turn', start=0, stop=9, cpu=6)]
    """
    together: list[Span] = []
    last: dict[tuple[str, bool], int] = {}  # by thread, and apart for what lies inside of turns
    for span in sorted(spans, key=lambda each: each.start):
        line = span.thread, span.kind == "turn"
        before = together[last[line]] if line in last else None
        if before is None or before.kind != span.kind or span.start - before.stop > gap:
            last[line] = len(together)
            together.append(span)
        else:
            stop = max(before.stop, span.stop)
            together[last[line]] = before._replace(stop=stop, cpu=before.cpu + span.cpu)
    return sorted(together)
