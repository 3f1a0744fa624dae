"""Demand policies as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlike.stages.demand import AutoDemand, FixedDemand, demand_policy


def test_fixed_demand_asks_again_when_min_demand_is_left():
    demand = demand_policy(10, 4)
    assert demand.batch == 6
    assert demand.first() == 10
    assert [demand.handled(3, 0.0) for _ in range(4)] == [0, 6, 0, 6]


def test_the_default_min_demand_is_half():
    assert demand_policy(1000, None).batch == 500
    assert demand_policy(1, None).batch == 1


@given(
    maximum=st.integers(1, 50),
    minimum=st.integers(0, 49),
    pieces=st.lists(st.integers(1, 20)),
)
def test_fixed_demand_never_has_more_than_the_maximum_open(maximum, minimum, pieces):
    demand = FixedDemand(maximum, min(minimum, maximum - 1))
    unhandled = demand.first()
    for piece in pieces:
        size = min(piece, unhandled, demand.batch)
        if size:
            unhandled += demand.handled(size, 0.0) - size
        assert 0 <= unhandled <= maximum
    assert unhandled > 0 or demand.batch == maximum


def test_auto_demand_stays_at_one_for_slow_events():
    demand = AutoDemand()
    assert demand.first() == 1
    assert [demand.handled(1, 0.1) for _ in range(5)] == [1, 1, 1, 1, 1]
    assert demand.batch == 1


def test_auto_demand_grows_quickly_while_batches_are_fast():
    demand = AutoDemand(limit=1000)
    demand.first()
    sizes = []
    waiting = 1
    for _ in range(6):
        size = min(waiting, demand.batch)
        waiting += demand.handled(size, 1e-9 * size) - size
        sizes.append(demand.batch)
    assert sizes[:3] == [16, 256, 500]
    assert demand.batch == 500
    assert waiting <= 1000


def test_auto_demand_settles_at_two_milliseconds_a_batch():
    demand = AutoDemand()
    waiting = demand.first()
    for _ in range(30):
        size = min(waiting, demand.batch)
        waiting += demand.handled(size, 10e-6 * size) - size
    assert 100 <= demand.batch <= 400


def test_auto_demand_shrinks_when_events_become_slow():
    demand = AutoDemand()
    waiting = demand.first()
    for _ in range(8):
        size = min(waiting, demand.batch)
        waiting += demand.handled(size, 1e-8 * size) - size
    assert demand.batch > 10_000
    demand.handled(1000, 0.1)
    assert demand.batch == 20


@given(
    limit=st.integers(2, 10_000),
    steps=st.lists(st.tuples(st.integers(1, 5000), st.floats(1e-9, 1.0)), max_size=60),
)
def test_auto_demand_never_exceeds_its_limit_and_never_dries_up(limit, steps):
    demand = AutoDemand(limit)
    unhandled = demand.first()
    for piece, per_batch in steps:
        size = min(piece, unhandled, demand.batch)
        unhandled += demand.handled(size, per_batch) - size
        assert 1 <= unhandled <= limit


@pytest.mark.parametrize(
    ("maximum", "minimum", "error", "text"),
    [
        (0, None, ValueError, "max_demand must be at least 1"),
        (10, 10, ValueError, "min_demand must be smaller than max_demand"),
        (10, -1, ValueError, "min_demand must be at least 0"),
        ("auto", 1, ValueError, "cannot be combined"),
        ("much", None, ValueError, 'a number or "auto"'),
        (1.5, None, TypeError, "integer"),
        (True, None, TypeError, "integer"),
    ],
)
def test_bad_demands(maximum, minimum, error, text):
    with pytest.raises(error, match=text):
        demand_policy(maximum, minimum)


def test_a_batch_may_be_given_another_time() -> None:
    demand = AutoDemand(target=0.01)
    assert demand.first() == 1
    demand.handled(1, 0.004)
    assert demand.batch == 2
    usual = AutoDemand()
    usual.first()
    usual.handled(1, 0.004)
    assert usual.batch == 1


@pytest.mark.parametrize(
    ("cost", "size"), [(2e-5, 500), (5e-3, 2), (1e-6, 4096), (1e-7, 20_000), (3e-7, 6_666)]
)
def test_a_batch_of_few_events_may_take_longer(cost, size):
    demand = AutoDemand(patience=0.01)
    demand.first()
    for _ in range(20):
        demand.handled(demand.batch, demand.batch * cost)
    assert demand.batch == pytest.approx(size, rel=0.5)
    before = demand.batch
    demand.handled(demand.batch, demand.batch * cost)
    assert demand.batch == before


def test_a_policy_is_copied_with_all_that_it_was_given() -> None:
    given = AutoDemand(1000, batch=8, least=4, joins=False, target=0.01, growth=9, patience=0.1)
    copy = demand_policy(given, None)
    assert copy is not given
    assert isinstance(copy, AutoDemand)
    fields = ("limit", "batch", "least", "joins", "target", "growth", "patience")
    assert [getattr(copy, name) for name in fields] == [1000, 8, 4, False, 0.01, 9, 0.1]


@pytest.mark.parametrize("growth", [16, 256])
def test_a_batch_grows_as_fast_as_it_may(growth):
    policy = AutoDemand(growth=growth)
    policy.first()
    policy.handled(1, 1e-7)
    assert policy.batch == growth
