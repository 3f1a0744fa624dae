"""A source is closed, once, however its flow ends."""

from __future__ import annotations

import asyncio
import threading
from itertools import count

import pytest

from flowlike import Flow, StageGroup
from flowlike.connectors import Source

READ_IN = ["auto", "loop", "thread"]


def fails_at_7(event):
    if event == 7:
        raise ValueError(event)
    return event


def ends(flow):
    flow.run()


def fails(flow):
    with pytest.raises(ValueError, match="7"):
        flow.map(fails_at_7).run()


def is_left(flow):
    for _ in flow:
        break


def batches_are_left(flow):
    for _ in flow.batches():
        break


def times_out(flow):
    async def never(event):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        flow.map(never).run(timeout=0.05)


def is_stopped(flow):
    async def main():
        began = asyncio.Event()
        async with flow.each(lambda n: began.set()).start() as running:
            await began.wait()
            await running.stop(drain=False)

    asyncio.run(main())


def is_drained(flow):
    async def main():
        began = asyncio.Event()
        async with flow.each(lambda n: began.set()).start():
            await began.wait()

    asyncio.run(main())


def is_cancelled(flow):
    async def main():
        began = asyncio.Event()
        run = asyncio.create_task(flow.each(lambda n: began.set()).arun())
        await began.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(main())


def block_fails(flow):
    async def main():
        began = asyncio.Event()
        async with flow.each(lambda n: began.set()).start():
            await began.wait()
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        asyncio.run(main())


def async_for_is_closed(flow):
    async def main():
        events = aiter(flow)
        assert await anext(events) == 0
        await events.aclose()

    asyncio.run(main())


ENDS = [
    ends,
    fails,
    is_left,
    batches_are_left,
    times_out,
    is_stopped,
    is_drained,
    is_cancelled,
    block_fails,
    async_for_is_closed,
]


@pytest.mark.parametrize("read_in", READ_IN)
@pytest.mark.parametrize("end", ENDS)
def test_a_generator_is_closed(end, read_in):
    closed = []

    def generator():
        try:
            yield from range(1000) if end is ends else count()
        finally:
            closed.append(threading.current_thread())

    source = generator()
    end(Flow.from_iterable(source, read_in=read_in, stages=1))
    assert len(closed) == 1
    assert source.gi_frame is None


@pytest.mark.parametrize("end", ENDS)
def test_an_async_generator_is_closed(end):
    closed = []

    async def generator():
        try:
            for number in range(1000) if end is ends else count():
                yield number
        finally:
            closed.append(True)

    end(Flow.from_iterable(generator(), stages=1))
    assert closed == [True]


@pytest.mark.parametrize("end", ENDS)
def test_an_async_generator_that_waits_is_closed(end):
    closed = []

    async def generator():
        try:
            for number in range(8):
                yield number
            if end is not ends:
                await asyncio.Event().wait()
        finally:
            closed.append(True)

    end(Flow.from_iterable(generator(), stages=1))
    assert closed == [True]


def test_every_source_is_closed_when_one_fails(numbers):
    def broken():
        yield 1
        raise OSError("gone")

    others = [numbers(), numbers()]
    with pytest.raises(OSError, match="gone"):
        Flow.from_iterables([others[0], broken(), others[1]]).run()
    assert [other.closed for other in others] == [1, 1]


def leave(flow):
    batches = flow.batches()
    next(batches)
    batches.close()


@pytest.mark.parametrize("read_in", READ_IN)
@pytest.mark.parametrize("end", [leave, is_stopped, is_drained])
def test_a_generator_that_raises_while_it_is_closed(read_in, end):
    error = OSError("cannot close")

    def generator():
        try:
            yield from count()
        finally:
            raise error

    with pytest.raises(OSError, match="cannot close") as caught:
        end(Flow.from_iterable(generator(), read_in=read_in))
    assert caught.value is error


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("end", [leave, is_stopped, is_drained])
def test_an_async_generator_that_raises_while_it_is_closed(waits, end):
    error = OSError("cannot close")

    async def generator():
        try:
            for number in count():
                yield number
                if waits and number == 8:
                    await asyncio.Event().wait()
        finally:
            raise error

    with pytest.raises(OSError, match="cannot close") as caught:
        end(Flow.from_iterable(generator()))
    assert caught.value is error


@pytest.mark.parametrize("awaited", [False, True])
async def test_a_group_that_ends_before_its_source_has_begun(numbers, awaited):
    """A worker process may fail before the event loop here has had a turn."""

    class Later(numbers):
        __iter__ = __next__ = None

        def __aiter__(self):
            return self

        async def aclose(self):
            self.close()

        async def __anext__(self):
            return 0

    source = Later() if awaited else numbers()
    async with StageGroup() as group:
        ref = group.spawn(Source(source).open())
        group.end()
        await ref.wait()
    assert (source.read, source.closed) == (0, 1)
