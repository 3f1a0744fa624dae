"""One array that is handed out piece by piece, and found again."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.native.arena import Arena

INT64 = np.dtype(np.int64)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    columns=st.sampled_from([(), (3,), (2, 2)]),
    room=st.integers(0, 60),
    data=st.data(),
)
def test_what_was_written_is_the_whole(sizes, columns, room, data):
    arena = Arena(sum(sizes) + room)
    expected = np.arange(sum(sizes) * int(np.prod(columns))).reshape(-1, *columns)
    pieces = []
    for size in sizes:
        piece = arena.empty((size, *columns), INT64)
        found = arena.find(piece)
        piece[:] = expected[found.start : found.stop]
        assert (arena.rows(found) == piece).all()
        pieces.append(found)
    assert sum(map(len, pieces)) == sum(sizes)
    whole = arena.whole(data.draw(st.permutations(pieces)))
    assert whole is not None
    assert whole.tolist() == expected.tolist()
    # A result may not keep memory alive that is twice its own.
    assert whole.base is None or len(whole.base) < 2 * len(whole)


def test_parts_of_pieces_are_found():
    arena = Arena(10)
    arena.empty((4,), INT64)
    piece = arena.empty((5,), INT64)
    assert arena.find(piece[1:3]) == range(5, 7)
    assert arena.whole([range(5, 7), range(7, 9), range(4), range(4, 5)]) is not None


@pytest.mark.parametrize("missing", [range(3), range(3, 5), range(5, 8)])
def test_a_piece_that_is_missing_or_twice_there(missing):
    arena = Arena(8)
    pieces = [arena.find(arena.empty((size,), INT64)) for size in (3, 2, 3)]
    assert arena.whole(pieces) is not None
    assert arena.whole([piece for piece in pieces if piece != missing]) is None
    assert arena.whole([*pieces, missing]) is None


def test_nothing_was_handed_out():
    arena = Arena(8)
    assert arena.whole([]) is None
    assert arena.find(np.arange(3)) is None
    with pytest.raises(ValueError, match="no rows have been handed out"):
        arena.rows(range(3))


def test_what_does_not_fit_lies_elsewhere():
    arena = Arena(8)
    first = arena.empty((5,), INT64)
    strangers = [
        arena.empty((4,), INT64),
        arena.empty((1,), np.dtype(np.float64)),
        arena.empty((1, 2), INT64),
        np.arange(3),
        first.view(np.uint64),
        first[::2],
        first[:4].reshape(2, 2),
    ]
    assert [arena.find(each) for each in strangers] == [None] * 7
    assert arena.find(arena.empty((3,), INT64)) == range(5, 8)


def test_many_threads():
    arena = Arena(4000)

    def write(number):
        for _ in range(100):
            arena.empty((10,), INT64)[:] = number

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.bincount(arena.rows(range(4000))).tolist() == [1000] * 4
