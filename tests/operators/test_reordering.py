"""Pieces in any order that replicas can bring about, and batches in the order of the source."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.envelopes import stands_for
from flowlike.numbered import Numbered
from flowlike.operators import Reorderer
from flowlike.operators.reordering import BATCHES_AHEAD, EVENTS_AHEAD


@st.composite
def pieces(draw):
    """What replicas make of some source: for each of them its pieces, which ascend."""
    replicas = [deque() for _ in range(draw(st.integers(1, 4)))]
    position, expected = 0, []
    sizes = draw(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 40)), max_size=40))
    for width, size in sizes:
        events = [(position, each) for each in range(size)]
        piece = Numbered(position, position + width, events)
        draw(st.sampled_from(replicas)).append(piece)
        expected += events
        position += width
    return replicas, expected


@given(pieces(), st.integers(1, 50), st.randoms(use_true_random=False))
def test_whoever_sends_as_far_as_it_was_asked_the_end_is_reached_in_order(made, limit, random):
    replicas, expected = made
    reorderer = Reorderer(limit)
    open_demand = {number: reorderer.add(number) for number in range(len(replicas))}
    found = []
    while any(replicas):
        able = [
            number for number, waiting in enumerate(replicas) if waiting and open_demand[number]
        ]
        assert able, "everybody waits for somebody"
        number = random.choice(able)
        piece = replicas[number].popleft()
        most = random.randint(1, open_demand[number])
        if len(piece) > most:
            replicas[number].appendleft(piece[most:])
            piece = piece[:most]
        open_demand[number] -= len(piece)
        for batch in reorderer.push(piece, number):
            assert batch
            found += batch
        for producer, more in reorderer.more():
            assert more > 0
            open_demand[producer] += more
        assert reorderer.held <= limit * len(replicas)
        assert max(open_demand.values()) <= limit
    assert found == expected
    assert reorderer.held == 0


@given(st.integers(1, 30), st.integers(0, 60), st.data())
def test_parts_complete_their_positions_together(width, size, data):
    whole = Numbered(7, 7 + width, list(range(size)))
    parts, rest = [], whole
    while len(rest) > 1 and data.draw(st.booleans()):
        cut = data.draw(st.integers(1, len(rest) - 1))
        parts.append(rest[:cut])
        rest = rest[cut:]
    parts.append(rest)
    assert [event for part in parts for event in part.events] == whole.events
    assert sum(map(stands_for, parts)) == size
    position = 7
    for part in parts:
        assert part.first == position
        position = part.behind
        if size == width:
            assert part.events == list(range(part.first - 7, part.behind - 7))
    assert position == 7 + width


def test_parts_that_are_early_leave_one_behind_the_other():
    reorderer = Reorderer(100)
    reorderer.add("one")
    reorderer.add("other")
    piece = Numbered(1, 2, list("abc"))
    assert reorderer.push(piece[:1], "one") == []
    assert reorderer.push(piece[1:], "one") == []
    assert reorderer.held == 3
    assert reorderer.push(Numbered(0, 1, []), "other") == [["a"], ["b", "c"]]
    assert reorderer.held == 0


def test_a_list_that_is_filled_again_is_kept_as_it_was():
    reorderer = Reorderer(100)
    reorderer.add("one")
    reorderer.add("other")
    events = [2, 3]
    assert reorderer.push(Numbered(2, 4, events), "one") == []
    events[:] = [6, 7, 8]
    assert reorderer.push(Numbered(0, 2, [0, 1]), "other") == [[0, 1], [2, 3]]
    assert reorderer.held == 0


def test_a_part_whose_turn_it_is_does_not_wait_for_the_rest():
    reorderer = Reorderer(100)
    reorderer.add("one")
    piece = Numbered(0, 1, list("abc"))
    assert reorderer.push(piece[:2], "one") == [["a", "b"]]
    assert reorderer.push(piece[2:], "one") == [["c"]]


@pytest.mark.parametrize("limit", [5, 100, 1 << 19])
def test_a_producer_may_be_ahead_by_as_much_as_was_let_go_or_some_batches(limit):
    reorderer = Reorderer(limit)
    asked = reorderer.add("one")
    assert asked == min(limit, BATCHES_AHEAD)
    position = 0
    while position < 3 * EVENTS_AHEAD:
        assert reorderer.push(Numbered(position, position + 1, [position]), "one")
        position += 1
        asked += sum(more for _, more in reorderer.more())
        assert asked - position <= min(limit, max(BATCHES_AHEAD, position, 1), EVENTS_AHEAD)
    assert asked - position >= min(limit, EVENTS_AHEAD) / 2
    reorderer.push(Numbered(position, position + 1000, list(range(1000))), "one")
    reorderer.more()
    assert reorderer.add("other") == min(limit, BATCHES_AHEAD * 1000)
