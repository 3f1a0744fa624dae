"""Messages as bytes."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.nodes.frames import FrameReader, pack, pack_slots


def receive(pieces, cut):
    """Give a reader what was packed, in pieces of at most ``cut`` bytes."""
    reader = FrameReader()
    stream = memoryview(b"".join(pieces))
    messages = []
    while stream:
        count = min(cut, len(stream), len(reader.room))
        reader.room[:count] = stream[:count]
        stream = stream[count:]
        reader.filled(count)
        while (frame := reader.next()) is not None:
            messages.append(frame.read())
    return messages


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_what_is_packed_arrives_however_it_is_cut(cut):
    array = np.arange(10_000 if cut == 1 else 100_000)
    sent = ["one", {"two": [array, array[:0], array[:3]]}, None]
    one, two, three = receive([p for n, m in enumerate(sent) for p in pack(n, m)], cut)
    assert (one, three) == ("one", None)
    for got, wanted in zip(two["two"], sent[1]["two"], strict=True):
        assert got.tolist() == wanted.tolist()
        assert got.flags.writeable


def test_large_arrays_are_not_copied_into_the_pickle():
    array = np.arange(100_000)
    _, data, memory = pack(0, [array, array[:10]])
    assert len(data) < 1000
    assert np.shares_memory(np.frombuffer(memory, np.int64), array)


def test_a_missing_message_is_seen():
    with pytest.raises(RuntimeError, match="message 1 came where 0 was expected"):
        receive(pack(1, "second"), 100)


def test_what_cannot_be_pickled_says_so():
    with pytest.raises(TypeError, match="generator"):
        pack(0, (n for n in range(3)))


def test_what_cannot_be_made_is_told_when_it_is_read():
    [whole] = pack(0, "text")
    reader = FrameReader()
    reader.room[: len(whole)] = whole[:-6] + b"x" * 6
    reader.filled(len(whole))
    frame = reader.next()
    with pytest.raises(pickle.UnpicklingError):
        frame.read()


def test_small_frames_arrive_together():
    whole = b"".join(piece for n in range(100) for piece in pack(n, n))
    reader = FrameReader()
    reader.room[: len(whole)] = whole
    reader.filled(len(whole))
    frames = [reader.next() for _ in range(101)]
    assert frames.pop() is None
    assert [frame.read() for frame in frames] == list(range(100))


@pytest.mark.parametrize("size", [(1 << 16) + n for n in range(-60, 8)])
def test_pickles_about_as_large_as_the_room(size):
    sent = ["before", bytes(size), "after"]
    assert receive([p for n, m in enumerate(sent) for p in pack(n, m)], 1 << 20) == sent


@given(
    st.lists(st.sampled_from([0, 1, 100, 40_000, 65_500, 70_000, 200_000]), max_size=8),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=5),
)
def test_any_messages_in_any_pieces(sizes, cuts):
    sent = [np.full(size, at, np.uint8) for at, size in enumerate(sizes)]
    reader, arrived = FrameReader(), []
    stream = memoryview(b"".join(p for n, m in enumerate(sent) for p in pack(n, m)))
    for cut in itertools.cycle([*cuts, 10_000]):
        if not stream:
            break
        count = min(cut, len(stream), len(reader.room))
        reader.room[:count] = stream[:count]
        stream = stream[count:]
        reader.filled(count)
        arrived += iter(reader.next, None)
    assert all(map(np.array_equal, (frame.read() for frame in arrived), sent))
    assert len(arrived) == len(sent)


def test_a_slot_on_a_link_without_slots_is_a_bug():
    whole = pack_slots(0, [0])
    reader = FrameReader()
    reader.room[: len(whole)] = whole
    reader.filled(len(whole))
    with pytest.raises(RuntimeError, match="a link without slots"):
        reader.next()
