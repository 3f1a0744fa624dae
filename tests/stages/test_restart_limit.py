"""How many restarts are too many, as a plain value."""

import pytest

from flowlike.stages.restart_limit import RestartLimit, is_restarted


def test_restarts_are_forgotten_after_a_while():
    limit = RestartLimit(2, 5.0)
    assert [limit.allows(now) for now in (0.0, 1.0, 5.5, 6.5, 6.6)] == [True] * 4 + [False]
    assert limit.note("stages") == "stages were restarted more than 2 times within 5.0 s"


def test_no_restart_may_be_allowed():
    assert not RestartLimit(0, 1.0).allows(0.0)


@pytest.mark.parametrize(
    ("restart", "crashed", "again"),
    [
        ("permanent", True, True),
        ("permanent", False, True),
        ("transient", True, True),
        ("transient", False, False),
        ("temporary", True, False),
        ("temporary", False, False),
    ],
)
def test_the_restart_words(restart, crashed, again):
    assert is_restarted(restart, crashed) is again
