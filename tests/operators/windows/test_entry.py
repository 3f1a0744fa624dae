"""What stands between a window's events and its reduce has a state for each window."""

from __future__ import annotations

import pytest

from flowlike import FixedWindow, SessionWindow
from flowlike.operators import (
    CollectBatch,
    Emit,
    Entering,
    GlobalWindow,
    Layer,
    Map,
    MapState,
    Reduce,
    compile_program,
    run_inline,
)

SUM = Reduce(int, lambda total, n: total + n)
STATE = Emit("state")
SHOWN = MapState(lambda state, ctx: (ctx.window_id, ctx.trigger, state))


class PassOdd:
    """Passes odd events on, and the even ones, negative, when the window ends."""

    def start(self):
        return []

    def push(self, state, batch, upstream):
        state += [n for n in batch if n % 2 == 0]
        return [n for n in batch if n % 2]
        yield

    def finish(self, state):
        return [-n for n in state]
        yield

    def upstream_ended(self, upstream):
        pass

    def merge(self, one, other):
        return one + other, [1000]


class Odd(Entering):
    name = "odd"

    def entry(self, place, sides, merges):
        assert list(sides) == [0]
        return PassOdd()


def itself(event):
    return event


def test_without_a_reduce_events_leave_at_once_and_at_the_end(story):
    one = story(Odd(), Map(str), window=GlobalWindow())
    assert one.push([1, 2, 3]) == ["1", "3"]
    assert one.push([4]) == []
    assert one.finish() == ["-2", "-4"]


def test_it_has_a_state_for_each_window(story):
    one = story(Odd(), window=FixedWindow(10, itself))
    assert one.push([1, 2, 9, 14]) == [1, 9, -2]
    assert one.push([25, 3]) == [-14, 25]
    assert one.program.late == 1
    assert one.finish() == []


def test_by_sees_what_enters_it_and_triggers_what_comes_out(story):
    window = FixedWindow(10, itself).trigger_every(2, "reset")
    one = story(Odd(), Map(lambda n: n * 100), SUM, SHOWN, STATE, window=window)
    assert one.push([1, 2, 3, 5]) == [(0, ("every", 2), 400)]
    assert one.push([11]) == [(0, ("every", 2), 300), (0, "done", 0)]
    assert one.finish() == [(10, "done", 1100)]


def test_operators_before_it_come_first(story):
    one = story(Map(lambda n: n + 1), Odd(), CollectBatch(), STATE, window=GlobalWindow())
    assert one.push([1, 2, 3]) == []
    assert one.finish() == [[3, -2, -4]]


def test_sessions_that_join(story):
    one = story(Odd(), CollectBatch(), SHOWN, STATE, window=SessionWindow(10, itself))
    assert one.push([1, 2, 21, 12]) == [(1, "done", [1, -2])]
    assert one.finish() == [(12, "done", [21, -12])]
    layer = Layer(window=SessionWindow(10, itself)).then(Odd())

    class TwoSides(Odd):
        def entry(self, place, sides, merges):
            assert list(sides) == [0, 1]
            return PassOdd()

    layer = Layer(window=SessionWindow(10, itself)).then(TwoSides()).then(CollectBatch())
    program = compile_program(
        layer.then(STATE), partition=0, partitions=1, upstreams=2, sides=[0, 1]
    )
    assert run_inline(program.push([1, 21])) == []
    assert run_inline(program.push([11], 1)) == []
    assert run_inline(program.finish()) == [[[1, 21, 1000, 11]]]


def test_an_exception_ends_it(story):
    class Broken(PassOdd):
        def push(self, state, batch, upstream):
            raise OSError("broken")
            yield

    class Breaks(Odd):
        def entry(self, place, sides, merges):
            return Broken()

    with pytest.raises(OSError, match="broken"):
        story(Breaks(), window=GlobalWindow()).push([1])
