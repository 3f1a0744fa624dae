"""The table of the cancel modes."""

import pytest

from flowlike.stages.cancel_modes import ends_consumer
from flowlike.stages.messages import Cancelled, Ended

CRASH = RuntimeError("crash")


@pytest.mark.parametrize(
    ("over", "permanent", "transient"),
    [
        (Ended(1, "normal", True), False, False),
        (Ended(1, "normal", False), True, False),
        (Ended(1, "shutdown", False), True, False),
        (Ended(1, CRASH, False), True, True),
        (Cancelled(1, "normal"), True, False),
        (Cancelled(1, CRASH), True, True),
    ],
)
def test_what_ends_a_consumer(over, permanent, transient):
    assert ends_consumer("permanent", over) == permanent
    assert ends_consumer("transient", over) == transient
    assert not ends_consumer("temporary", over)
