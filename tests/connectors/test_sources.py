"""What can be a source, and that it can be read again, or says why not."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from flowlike import Flow, SourceExhausted


class Countdown:
    """Iterable again and again, by the old sequence protocol."""

    def __getitem__(self, index):
        if index == 3:
            raise IndexError(index)
        return 3 - index


class AsyncWords:
    """Asynchronously iterable again and again."""

    async def __aiter__(self):
        for word in ("a", "b"):
            yield word


async def awaited_numbers(n):
    for number in range(n):
        yield number


@pytest.mark.parametrize(
    ("source", "events"),
    [
        ([1, 2, 3], [1, 2, 3]),
        (range(2, 9, 3), [2, 5, 8]),
        ((1, "x"), [1, "x"]),
        ({"a": 1, "b": 2}, ["a", "b"]),
        ({"a": 1, "b": 2}.items(), [("a", 1), ("b", 2)]),
        ("häß", ["h", "ä", "ß"]),
        (b"ab", [97, 98]),
        (frozenset([7]), [7]),
        (np.array([1, 2]), [1, 2]),
        (Countdown(), [3, 2, 1]),
        (AsyncWords(), ["a", "b"]),
        ([], []),
        ("", []),
        (range(0), []),
        (np.empty(0), []),
        ([None, [], ()], [None, [], ()]),
    ],
)
@pytest.mark.parametrize("read_in", ["auto", "loop", "thread"])
def test_whatever_can_be_iterated_can_be_read_twice(source, events, read_in):
    flow = Flow.from_iterable(source, read_in=read_in)
    assert flow.to_list() == events
    assert flow.to_list() == events
    assert flow.run().events_in == len(events)


def test_a_list_whose_length_is_more_than_it_has():
    class Boastful(list):
        def __len__(self):
            return 99

    assert Flow.from_iterable(Boastful([1, 2])).map(abs).to_list(timeout=30) == [1, 2]


def test_a_set():
    assert sorted(Flow.from_iterable({3, 1, 2}).to_list()) == [1, 2, 3]


def test_a_file(tmp_path):
    path = tmp_path / "lines"
    path.write_text("one\ntwo\n")
    with path.open() as lines:
        assert Flow.from_iterable(lines).map(str.strip).to_list() == ["one", "two"]
        assert lines.closed


@pytest.mark.parametrize("read_in", ["auto", "loop", "thread"])
def test_a_generator(read_in):
    assert Flow.from_iterable((n * n for n in range(4)), read_in=read_in).to_list() == [0, 1, 4, 9]


def test_an_async_generator():
    assert Flow.from_iterable(awaited_numbers(1000)).to_list() == list(range(1000))


def test_several_sources_of_different_kinds():
    sources = [[1, 2], range(3, 5), np.array([5, 6]), iter([7, 8]), awaited_numbers(1)]
    report = Flow.from_iterables(sources).run()
    assert report.events_in == 9
    assert len(report.stages) == 5
    flow = Flow.from_iterables([[1, 2], range(3, 5), np.array([5, 6])])
    assert sorted(flow.to_list()) == [1, 2, 3, 4, 5, 6]


def fails(event):
    raise ValueError(event)


def run_well(flow):
    assert flow.to_list() == [0, 1, 2]


def run_and_fail(flow):
    with pytest.raises(ValueError, match="0"):
        flow.map(fails).run()


def leave_early(flow):
    for event in flow:
        assert event == 0
        break


def start_and_stop(flow):
    async def main():
        async with flow.start() as running:
            await running.stop(drain=False)

    asyncio.run(main())


ONE_SHOT = {
    "generator": lambda: (n for n in range(3)),
    "iterator": lambda: iter([0, 1, 2]),
    "map": lambda: map(int, "012"),
    "async generator": lambda: awaited_numbers(3),
}


@pytest.mark.parametrize("first", [run_well, run_and_fail, leave_early, start_and_stop])
@pytest.mark.parametrize("source", ONE_SHOT)
def test_a_one_shot_iterator_is_run_once(first, source):
    flow = Flow.from_iterable(ONE_SHOT[source]())
    first(flow)
    for run in (flow.run, flow.to_list, flow.to_array, lambda: next(iter(flow))):
        with pytest.raises(SourceExhausted, match="one-shot iterator and was started before"):
            run()


def test_branches_share_a_one_shot_iterator():
    flow = Flow.from_iterable(iter([0, 1, 2]))
    assert flow.map(str).to_list() == ["0", "1", "2"]
    with pytest.raises(SourceExhausted, match="give the flow something that can be iterated again"):
        flow.filter(bool).to_list()


def test_describing_a_flow_does_not_use_up_its_source():
    flow = Flow.from_iterable(iter([0, 1, 2]))
    flow.explain()
    repr(flow)
    flow.start()
    with pytest.raises(ValueError, match="timeout"):
        flow.run(timeout=-1)
    assert flow.to_list() == [0, 1, 2]
