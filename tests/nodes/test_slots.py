"""Places in a memory: no two overlap, and none is lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.nodes.slots import GRAIN, Slots

SIZE = 16 * GRAIN


@given(st.lists(st.one_of(st.integers(1, 5 * GRAIN), st.just(None)), max_size=60), st.randoms())
def test_slots_do_not_overlap_and_come_together_again(steps, chance):
    slots = Slots(SIZE)
    used = {}
    for size in steps:
        if size is None:
            if used:
                start = chance.choice(list(used))
                assert slots.give(start) == (start, used.pop(start))
        elif (start := slots.take(size)) is not None:
            assert start % GRAIN == 0
            used[start] = start + -(-size // GRAIN) * GRAIN
        else:
            assert all(end - start < size for start, end in slots.free)
        pieces = sorted([*used.items(), *slots.free])
        assert pieces[0][0] == 0
        assert pieces[-1][1] == SIZE
        assert all(one[1] == two[0] for one, two in pairwise(pieces))
        free = list(slots.free)
        assert all(one[1] < two[0] for one, two in pairwise(free))
    for start in used:
        slots.give(start)
    assert slots.take(SIZE) == 0


def test_what_was_given_back_is_used_first():
    slots = Slots(SIZE)
    first = [slots.take(GRAIN) for _ in range(4)]
    slots.give(first[1])
    slots.give(first[2])
    assert slots.take(2 * GRAIN) == first[1]


def test_a_slot_is_given_back_once():
    slots = Slots(SIZE)
    start = slots.take(1)
    slots.give(start)
    with pytest.raises(KeyError):
        slots.give(start)
