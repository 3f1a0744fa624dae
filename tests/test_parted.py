"""Batches that were split for partitions which one stage carries together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.parted import Parted
from flowlike.pieces import shared_out

PARTS = st.lists(st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=6)


def flat(parted):
    return [(number, event) for number, events in parted.parts for event in events]


@given(PARTS, st.data())
def test_slices_take_the_events_in_their_order(parts, data):
    parted = Parted(list(enumerate(parts)))
    events = flat(parted)
    assert len(parted) == len(events)
    start = data.draw(st.integers(0, len(events)))
    stop = data.draw(st.integers(start, len(events)))
    piece = parted[start:stop]
    assert flat(piece) == events[start:stop]
    assert len(piece) == stop - start
    assert all(len(part) for _, part in piece.parts)


@given(st.lists(st.lists(st.integers(), max_size=3), min_size=1, max_size=9), st.data())
def test_every_part_that_is_not_empty_is_dealt_to_who_carries_it(parts, data):
    carriers = data.draw(st.integers(1, len(parts)))
    dealt = Parted.dealt(parts, carriers)
    assert len(dealt) == carriers
    for numbers, parted in zip(shared_out(len(parts), carriers), dealt, strict=True):
        assert parted.parts == [(n, parts[n]) for n in numbers if parts[n]]


@pytest.mark.parametrize(("partitions", "carriers"), [(1, 1), (7, 3), (128, 4), (130, 128)])
def test_all_partitions_are_shared_out_evenly(partitions, carriers):
    shares = shared_out(partitions, carriers)
    assert [number for share in shares for number in share] == list(range(partitions))
    sizes = set(map(len, shares))
    assert max(sizes) - min(sizes) <= 1
