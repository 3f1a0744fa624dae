"""Messages as bytes."""

import pickle

import numpy as np
import pytest

from flowlike.nodes.frames import FrameReader, pack


def receive(pieces, cut):
    """Give a reader what was packed, in pieces of at most ``cut`` bytes."""
    reader = FrameReader()
    stream = memoryview(b"".join(pieces))
    messages = []
    while stream:
        count = min(cut, len(stream), len(reader.room))
        reader.room[:count] = stream[:count]
        stream = stream[count:]
        frame = reader.filled(count)
        if frame is not None:
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
    [head, data] = pack(0, "text")
    reader = FrameReader()
    broken = [head, memoryview(b"x" * len(data))]
    frame = None
    for piece in broken:
        reader.room[: len(piece)] = piece
        frame = reader.filled(len(piece))
    assert frame is not None
    with pytest.raises(pickle.UnpicklingError):
        frame.read()
