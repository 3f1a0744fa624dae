"""Stages on several nodes subscribe to each other as if they were on one."""

from __future__ import annotations

from fake_links import Joined
from plain_stages import Collect, Count, Double

from flowlike import StageGroup, Subscribe
from flowlike.testing import interleaved


@interleaved(20)
async def test_events_and_ends_cross():
    joined, collect = Joined(3), Collect()
    zero, one, two = joined.nodes
    async with StageGroup() as group:
        count = await group.start(Count(1000))
        double_to = one.ref(zero.admit(count, 7), "count")
        double = await group.start(Double(), subscribe_to=[double_to])
        collect_to = two.ref(one.admit(double, 7), "double")
        await group.start(collect, subscribe_to=[Subscribe(collect_to, max_demand=10)])
        await group.wait()
    assert collect.events == list(range(0, 2000, 2))
    assert collect.stopped == "normal"
    assert not joined.links[0, 2].messages, "nobody between has to do with it"
