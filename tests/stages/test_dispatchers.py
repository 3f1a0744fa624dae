"""Dispatchers as plain values: no stage is started."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike import BroadcastDispatcher, DemandDispatcher, PartitionDispatcher


def options(partition=None, selector=None):
    return SimpleNamespace(partition=partition, selector=selector)


def test_demand_goes_to_the_largest_demand_first():
    dispatcher = DemandDispatcher()
    for number, asked in ((1, 2), (2, 5)):
        dispatcher.subscribe(number, options())
        dispatcher.ask(number, asked)
    assert dispatcher.wanted() == 7
    assert dispatcher.dispatch([1, 2, 3, 4, 5, 6]) == [(2, [1, 2, 3, 4, 5]), (1, [6])]
    assert dispatcher.wanted() == 1


def test_one_event_each_for_eight_consumers_that_ask_for_one():
    dispatcher = DemandDispatcher()
    for number in range(8):
        dispatcher.subscribe(number, options())
        dispatcher.ask(number, 1)
    deliveries = dispatcher.dispatch(list(range(8)))
    assert sorted(number for number, _ in deliveries) == list(range(8))


def test_max_demand_limits_a_batch():
    dispatcher = DemandDispatcher(max_demand=2)
    dispatcher.subscribe(1, options())
    dispatcher.ask(1, 5)
    assert [len(batch) for _, batch in dispatcher.dispatch(range(5))] == [2, 2, 1]


def test_a_cancelled_consumer_wants_nothing():
    dispatcher = DemandDispatcher()
    dispatcher.subscribe(1, options())
    dispatcher.ask(1, 5)
    dispatcher.cancel(1)
    dispatcher.cancel(1)
    assert dispatcher.wanted() == 0


def test_a_fresh_dispatcher_shares_nothing():
    dispatcher = DemandDispatcher(shuffle=True, max_demand=3)
    dispatcher.subscribe(1, options())
    dispatcher.ask(1, 5)
    assert dispatcher.fresh().wanted() == 0


def test_partitions_get_their_events_and_none_is_dropped():
    dispatcher = PartitionDispatcher(2, hash=lambda n: None if n == 3 else n % 2)
    for partition in (0, 1):
        dispatcher.subscribe(10 + partition, options(partition))
        dispatcher.ask(10 + partition, 5)
    assert dispatcher.dispatch([1, 2, 3, 4, 5]) == [(10, [2, 4]), (11, [1, 5])]
    assert (dispatcher.wanted(), dispatcher.kept()) == (6, 0)


def test_what_a_partition_did_not_ask_for_is_kept_for_it():
    dispatcher = PartitionDispatcher(2, hash=lambda n: 0)
    dispatcher.subscribe(1, options(0))
    dispatcher.subscribe(2, options(1))
    dispatcher.ask(1, 2)
    dispatcher.ask(2, 3)
    assert dispatcher.dispatch([1, 2, 3, 4, 5]) == [(1, [1, 2])]
    assert (dispatcher.kept(), dispatcher.wanted()) == (3, 0)
    assert dispatcher.ask(1, 2) == [(1, [3, 4])]
    assert dispatcher.ask(1, 9) == [(1, [5])]
    assert dispatcher.kept() == 0


def test_array_batches_stay_arrays():
    dispatcher = PartitionDispatcher(["even", "odd"], hash=lambda n: "odd" if n % 2 else "even")
    dispatcher.subscribe(1, options("even"))
    dispatcher.subscribe(2, options("odd"))
    dispatcher.ask(1, 10)
    dispatcher.ask(2, 10)
    (_, even), (_, odd) = dispatcher.dispatch(np.arange(6))
    assert isinstance(even, np.ndarray)
    assert even.tolist() == [0, 2, 4]
    assert odd.tolist() == [1, 3, 5]


@given(
    partitions=st.integers(1, 5),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9))),
)
def test_nothing_is_lost_or_doubled_and_demand_is_never_exceeded(partitions, steps):
    dispatcher = PartitionDispatcher(partitions, hash=lambda n: n * 7 % partitions)
    asked = dict.fromkeys(range(partitions), 0)
    got: dict[int, list[int]] = {number: [] for number in range(partitions)}
    for number in range(partitions):
        dispatcher.subscribe(number, options(number))
    sent = 0

    def deliver(deliveries):
        for number, batch in deliveries:
            got[number].extend(batch)

    for number, count in steps:
        consumer = number % partitions
        asked[consumer] += count
        deliver(dispatcher.ask(consumer, count))
        wanted = dispatcher.wanted()
        assert wanted >= 0
        deliver(dispatcher.dispatch(list(range(sent, sent + wanted))))
        sent += wanted
        assert all(len(events) <= asked[each] for each, events in got.items())
        assert sum(map(len, got.values())) + dispatcher.kept() == sent
    for number, events in got.items():
        deliver(dispatcher.ask(number, sent))
        assert events == [n for n in range(sent) if n * 7 % partitions == number]


@pytest.mark.parametrize(
    ("partition", "text"),
    [(None, "needs Subscribe"), (7, "unknown; there are 0, 1"), (0, "taken")],
)
def test_partitions_that_cannot_be_had(partition, text):
    dispatcher = PartitionDispatcher(2, hash=lambda n: 0)
    dispatcher.subscribe(1, options(0))
    with pytest.raises(ValueError, match=text):
        dispatcher.subscribe(2, options(partition))


def test_a_partition_of_a_producer_without_partitions():
    with pytest.raises(ValueError, match="without partitions"):
        DemandDispatcher().subscribe(1, options(0))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((0, hash), ValueError, "partitions must be at least 1"),
        (([], hash), ValueError, "one or more"),
        ((["a", "a"], hash), ValueError, "different names"),
        ((2, 5), TypeError, "hash must be callable"),
        ((2,), ValueError, "either hash or split"),
    ],
)
def test_bad_partitions(arguments, error, text):
    with pytest.raises(error, match=text):
        PartitionDispatcher(*arguments)


def test_a_hash_that_names_no_partition():
    dispatcher = PartitionDispatcher(2, hash=lambda n: 5)
    dispatcher.subscribe(1, options(0))
    dispatcher.ask(1, 1)
    with pytest.raises(ValueError, match="hash returned 5 for the event 'x'"):
        dispatcher.dispatch(["x"])


def test_bad_max_demand():
    with pytest.raises(ValueError, match="max_demand must be at least 1"):
        DemandDispatcher(max_demand=0)


def test_a_broadcast_goes_to_all_at_the_pace_of_the_slowest():
    dispatcher = BroadcastDispatcher()
    assert dispatcher.wanted() == 0
    for number, asked in ((1, 2), (2, 5)):
        dispatcher.subscribe(number, options())
        assert dispatcher.wanted() == 0
        dispatcher.ask(number, asked)
        dispatcher.subscribe(9, options())
        dispatcher.cancel(9)
    assert dispatcher.wanted() == 2
    batch = [1, 2]
    assert dispatcher.dispatch(batch) == [(1, batch), (2, batch)]
    assert dispatcher.wanted() == 0
    dispatcher.cancel(1)
    assert dispatcher.wanted() == 3


def test_what_a_selector_refuses_uses_no_demand():
    dispatcher = BroadcastDispatcher()
    dispatcher.subscribe(1, options())
    dispatcher.subscribe(2, options(selector=lambda n: n % 2))
    dispatcher.subscribe(3, options(selector=lambda n: n > 100))
    for number in (1, 2, 3):
        dispatcher.ask(number, 4)
    assert dispatcher.dispatch([1, 2, 3, 4]) == [(1, [1, 2, 3, 4]), (2, [1, 3])]
    dispatcher.ask(1, 9)
    assert dispatcher.wanted() == 2
    (_, all_of_them), (_, odd) = dispatcher.dispatch(np.array([5, 6]))
    assert all_of_them.tolist() == [5, 6]
    assert isinstance(odd, np.ndarray)
    assert odd.tolist() == [5]


@given(
    moduli=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9))),
)
def test_a_broadcast_never_exceeds_demand_and_loses_nothing(moduli, steps):
    dispatcher = BroadcastDispatcher()
    got: list[list[int]] = [[] for _ in moduli]
    asked = [0] * len(moduli)
    for number, modulus in enumerate(moduli):
        dispatcher.subscribe(number, options(selector=lambda n, modulus=modulus: n % modulus == 0))
    sent = 0
    for number, count in steps:
        consumer = number % len(moduli)
        dispatcher.ask(consumer, count)
        asked[consumer] += count
        wanted = dispatcher.wanted()
        assert wanted == min(a - len(events) for a, events in zip(asked, got, strict=True))
        for subscription, batch in dispatcher.dispatch(list(range(sent, sent + wanted))):
            got[subscription].extend(batch)
        sent += wanted
        assert dispatcher.kept() == 0
    for modulus, events in zip(moduli, got, strict=True):
        assert events == [n for n in range(sent) if n % modulus == 0]


def test_nobody_subscribes_to_a_broadcast_twice_or_to_a_part_of_it():
    dispatcher = BroadcastDispatcher()
    dispatcher.subscribe(1, options(), "consumer")
    with pytest.raises(ValueError, match="'consumer' is subscribed to this broadcast already"):
        dispatcher.subscribe(2, options(), "consumer")
    dispatcher.cancel(1)
    dispatcher.subscribe(3, options(), "consumer")
    assert dispatcher.fresh().wanted() == 0
    with pytest.raises(ValueError, match="a producer that broadcasts"):
        dispatcher.subscribe(4, options(partition=0), "other")


@pytest.mark.parametrize(
    "dispatcher", [DemandDispatcher(), PartitionDispatcher(1, hash=lambda n: 0)]
)
def test_a_selector_where_nothing_is_broadcast(dispatcher):
    with pytest.raises(ValueError, match="does not broadcast"):
        dispatcher.subscribe(1, options(0, selector=bool))


def test_a_selector_that_fails_says_for_which_event():
    dispatcher = BroadcastDispatcher()
    dispatcher.subscribe(1, options(selector=lambda n: 1 // n))
    dispatcher.ask(1, 3)
    with pytest.raises(ZeroDivisionError) as caught:
        dispatcher.dispatch([1, 0])
    assert caught.value.__notes__ == ["in the selector of a subscription, event 0"]


def test_a_seed_repeats_the_shuffled_order():
    def first_served(dispatcher):
        for number in range(8):
            dispatcher.subscribe(number, options())
            dispatcher.ask(number, 1)
        return [number for number, _ in dispatcher.dispatch([*range(8)])]

    seeded = [DemandDispatcher(shuffle=True, seed=seed) for seed in range(20)]
    orders = [first_served(dispatcher.fresh()) for dispatcher in seeded]
    assert orders == [first_served(dispatcher.fresh()) for dispatcher in seeded]
    assert len({tuple(order) for order in orders}) > 10


@pytest.mark.parametrize(
    ("shuffle", "seed", "error", "text"),
    [
        (True, -1, ValueError, "seed must be at least 0"),
        (True, "x", TypeError, "seed must be an integer"),
        (False, 1, ValueError, "shuffle=True, or leave seed out"),
    ],
)
def test_bad_seeds(shuffle, seed, error, text):
    with pytest.raises(error, match=text):
        DemandDispatcher(shuffle, seed=seed)
