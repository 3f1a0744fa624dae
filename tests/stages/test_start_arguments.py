"""What ``group.start`` and ``Subscribe`` say to arguments that are none."""

import pytest

from flowlike import StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer


@pytest.mark.parametrize("name", [5, b"count", ["count"]])
async def test_a_name_that_is_none(name):
    async with StageGroup() as group:
        with pytest.raises(TypeError, match="name must be a str, or None for that of the class"):
            await group.start(ProbeProducer(), name=name)


async def test_a_start_that_was_not_awaited():
    async with StageGroup() as group:
        started = group.start(ProbeProducer())
        with pytest.raises(TypeError, match=r"takes the StageRef .* StageGroup.start .*; await it"):
            Subscribe(started)
        with pytest.raises(TypeError, match="; await it"):
            await group.start(ProbeConsumer(), subscribe_to=[started])
        with pytest.raises(TypeError, match=r"not 5$"):
            Subscribe(5)
        started.close()
