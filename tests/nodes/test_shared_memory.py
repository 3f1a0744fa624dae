"""Large buffers through the memory that both ends of a link see."""

import asyncio
import gc
import io
import os
import threading
import weakref
from queue import SimpleQueue

import numpy as np
import pyarrow as pa
import pytest

from flowlike.nodes import shared_memory
from flowlike.nodes.channel import make_channel
from flowlike.nodes.shared_memory import SharedMemory, memory_file
from flowlike.nodes.slots import GRAIN

LARGE = 100_000


class Ends:
    """Two links with shared memory, and what has arrived at the second."""

    async def __aenter__(self):
        one, two = make_channel()
        self.file = io.FileIO(os.dup(one.descriptors()[1]))
        self.one, self.two = one.link(), two.link()
        self.ours, self.theirs = self.one._memory, self.two._memory
        self.taken_back = asyncio.Event()
        take_back = self.ours.take_back

        def take_back_and_tell(start):
            take_back(start)
            self.taken_back.set()

        self.ours.take_back = take_back_and_tell
        self.arrived = asyncio.Queue()
        self.two.on_message(self.arrived.put_nowait)
        self.one.attach()
        self.two.attach()
        return self

    async def __aexit__(self, *error):
        self.file.close()
        del self.ours.take_back  # else it would hold itself
        self.one.close()
        self.two.close()

    async def send(self, message):
        """Send a message, and what has arrived."""
        self.one.send(message)
        return await self.arrived.get()

    def in_use(self):
        """The slots that were not given back."""
        return self.ours._slots.used

    async def until_free(self):
        """Wait until all slots were given back."""
        while self.in_use():
            self.taken_back.clear()
            await self.taken_back.wait()

    def held(self):
        """The bytes that the system holds for the memory."""
        return os.fstat(self.file.fileno()).st_blocks * 512


@pytest.fixture
def file():
    """A memory for two ends."""
    with memory_file() as file:
        yield file


async def test_a_large_array_is_a_view_and_a_small_one_is_not():
    async with Ends() as ends:
        array = await ends.send(np.arange(LARGE))
        assert ends.in_use() == [0]
        assert array.tolist() == list(range(LARGE))
        array[0] = 7  # as with any array that was unpickled
        del array
        await ends.until_free()
        assert (await ends.send(np.arange(1000))).sum() == 499_500
        assert not ends.in_use()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(LARGE * 2).reshape(-1, 4),
        np.asfortranarray(np.arange(LARGE * 2).reshape(-1, 4)),
        np.zeros(LARGE, [("key", "i4"), ("value", "f8")]),
        np.arange(LARGE * 2)[::2],
        np.array([str(n) for n in range(20_000)], object),
        np.array(["word"] * 20_000),
        np.array([], float),
        np.arange(LARGE).astype("datetime64[s]"),
    ],
    ids=["2-D", "Fortran", "structured", "strided", "objects", "text", "empty", "times"],
)
async def test_arrays_of_all_kinds(array):
    async with Ends() as ends:
        got = await ends.send({"array": array})
        assert got["array"].dtype == array.dtype
        assert np.array_equal(got["array"], array)
        assert got["array"].flags.f_contiguous == array.flags.f_contiguous or array.ndim == 1
        del got
        await ends.until_free()


async def test_what_is_read_only_stays_so():
    async with Ends() as ends:
        array = np.arange(LARGE)
        array.flags.writeable = False
        got = await ends.send(array)
        assert not got.flags.writeable
        assert np.array_equal(got, array)


async def test_arrow():
    async with Ends() as ends:
        batch = pa.record_batch({"n": np.arange(LARGE), "x": np.arange(LARGE) / 2})
        got = await ends.send(batch)
        assert len(ends.in_use()) == 2
        assert got.equals(batch)
        part = got.slice(10, 3)
        del got
        gc.collect()
        assert len(ends.in_use()) == 2
        assert part.column("n").to_pylist() == [10, 11, 12]
        del part
        await ends.until_free()


async def test_a_view_of_a_view_keeps_the_slot():
    async with Ends() as ends:
        got = await ends.send(np.arange(LARGE))
        part = memoryview(got[10:20][::2].view(np.uint64))
        del got
        await ends.send("a round")
        assert ends.in_use() == [0]
        await ends.send(np.zeros(LARGE))
        assert part.tolist() == [10, 12, 14, 16, 18]
        del part
        await ends.until_free()


async def test_a_view_outlives_both_links_and_the_memory_ends_with_it():
    async with Ends() as ends:
        got = await ends.send(np.arange(LARGE))
        mapping = weakref.ref(ends.theirs)
    del ends
    assert got.sum() == LARGE * (LARGE - 1) // 2
    got[:] = 1
    assert mapping() is not None
    del got
    gc.collect()
    assert mapping() is None


async def test_a_view_that_ends_in_another_thread_gives_its_slot_back():
    async with Ends() as ends:
        arrays = [await ends.send(np.arange(LARGE))]
        thread = threading.Thread(target=arrays.clear)
        thread.start()
        thread.join()
        await ends.until_free()


async def test_a_slot_comes_back_although_nothing_is_sent():
    async with Ends() as ends:
        got = await ends.send(np.arange(LARGE))
        given_back = ends.one._sent
        del got
        await ends.until_free()
        assert ends.one._sent == given_back


async def test_what_ends_while_no_loop_serves_is_given_back_with_the_next_one():
    async with Ends() as ends:
        got = await ends.send(np.arange(LARGE))
        ends.two.detach()
        del got
        ends.arrived.put_nowait("a turn of the loop")
        await ends.arrived.get()
        assert ends.in_use() == [0]
        ends.two.attach()
        await ends.until_free()


async def test_a_message_that_nobody_reads_gives_its_slots_back():
    async with Ends() as ends:
        ends.two.on_message(lambda message: None)
        ends.one.send(np.arange(LARGE))
        assert ends.in_use() == [0]
        await ends.until_free()


async def test_without_room_buffers_travel_with_the_message_in_order(monkeypatch):
    monkeypatch.setattr(shared_memory, "SIZE", 8 * GRAIN)
    monkeypatch.setattr(shared_memory, "_LENGTH", 16 * GRAIN)
    async with Ends() as ends:
        sent = [[np.full(size, n, np.uint8) for size in (GRAIN, 9 * GRAIN)] for n in range(30)]
        for message in sent:
            ends.one.send(message)  # nobody receives meanwhile: 8 have a slot, 52 have none
        assert len(ends.in_use()) == 8
        for message in sent:
            got = await ends.arrived.get()
            assert all(map(np.array_equal, got, message))
        del got
        await ends.until_free()


async def test_no_memory_grows_and_the_end_of_a_run_gives_it_back():
    async with Ends() as ends:
        for n in range(1000):
            assert (await ends.send(np.full((n % 7 + 1) * 20_000, n)))[-1] == n
        await ends.until_free()
        assert 0 < ends.held() < 8 << 20
        kept = await ends.send(np.zeros(LARGE))
        ends.one.trim()
        assert 0 < ends.held() <= kept.nbytes + GRAIN
        assert not kept.any()
        del kept
        await ends.until_free()
        assert not ends.held()


def test_slots_of_a_forked_process_are_not_used_again(file):
    one, two = SharedMemory(file, 0), SharedMemory(file, 1)
    start = one.place(memoryview(bytes(LARGE)))
    seen = two.view(start, LARGE)
    two.keep()  # what a fork does
    del seen
    assert two.given_back() == []
    start = one.place(memoryview(bytes(LARGE)))
    seen = two.view(start, LARGE)
    del seen
    assert two.given_back() == [start]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_keeps_what_is_seen(file):
    one, two = SharedMemory(file, 0), SharedMemory(file, 1)
    seen = two.view(one.place(memoryview(bytes(LARGE))), LARGE)
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    del seen
    assert two.given_back() == []


def test_both_halves_are_written_at_the_same_time(file):
    ends = SharedMemory(file, 0), SharedMemory(file, 1)
    starts = [end.place(memoryview(bytes([n + 1]) * LARGE)) for n, end in enumerate(ends)]
    assert starts == [0, 0]
    assert ends[0].view(0, LARGE).min() == 2
    assert ends[1].view(0, LARGE).max() == 1


async def test_views_that_end_in_many_threads_at_any_time():
    async with Ends() as ends:
        views = SimpleQueue()

        def end_them():
            while (view := views.get()) is not None:
                assert (view == view[0]).all()  # nobody has written over it

        threads = [threading.Thread(target=end_them) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(1000):
            views.put(await ends.send(np.full(LARGE // 8, n)))
        for _ in threads:
            views.put(None)
        for thread in threads:
            thread.join()
        await ends.until_free()
