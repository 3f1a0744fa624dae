"""In which order stages are stopped and started again, where some take their time."""

import asyncio

from flowlike import Producer, StageGroup
from flowlike.testing import interleaved


class Said(Producer[int]):
    def __init__(self, name, said, pace=0):
        self.name, self.said, self.pace = name, said, pace

    def on_start(self):
        self.said.append(f"start {self.name}")

    async def on_stop(self, reason):
        await asyncio.sleep(self.pace)  # noqa: TID251 - the clock is virtual
        self.said.append(f"stop {self.name}")

    def handle_demand(self, demand):
        return ()

    def handle_cast(self, message):
        raise message


@interleaved(5)
async def test_stages_that_wait_for_their_restart_are_not_started_before_an_earlier_one():
    said = []
    loop = asyncio.get_running_loop()
    async with StageGroup("rest_for_one", backoff=2) as group:
        first = await group.start(Said("first", said))
        second = await group.start(Said("second", said))
        second.cast(LookupError("second"))
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        first.cast(LookupError("first"))
        await asyncio.sleep(1.5)  # noqa: TID251 - the clock is virtual
        del said[: said.index("stop first")]
        assert (loop.time(), said) == (2.5, ["stop first"])
        await asyncio.sleep(1)  # noqa: TID251 - the clock is virtual
        assert sorted(said) == ["start first", "start second", "stop first"]


@interleaved(5)
async def test_a_temporary_stage_has_ended_too_before_any_is_started_again():
    said = []
    async with StageGroup("one_for_all") as group:
        first = await group.start(Said("first", said))
        await group.start(Said("slow", said, pace=1), restart="temporary")
        first.cast(LookupError("first"))
        await asyncio.sleep(2)  # noqa: TID251 - the clock is virtual
        assert said[2:] == ["stop first", "stop slow", "start first"]
