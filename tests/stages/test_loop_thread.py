"""Who talks to a stage from another thread is told how to."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from flowlike import Flow, Producer, StageGroup
from flowlike.testing import ProbeConsumer, ProbeProducer


def in_a_thread(call: Callable[[], Any]) -> BaseException | None:
    """What a call raises in a thread of its own."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is what the test wants to see
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


@pytest.mark.parametrize("what", ["emit", "finish", "cast", "send"])
async def test_a_call_from_another_thread_is_refused_and_the_cure_named(what: str) -> None:
    source = ProbeProducer[int]()
    async with StageGroup() as group:
        ref = await group.start(source)
        calls = {
            "emit": lambda: source.emit([1]),
            "finish": source.finish,
            "cast": lambda: ref.cast("x"),
            "send": lambda: ref.send("x"),
        }
        error = in_a_thread(calls[what])
        assert isinstance(error, RuntimeError)
        assert f"{what} was called in another thread" in str(error)
        assert "loop.call_soon_threadsafe(" in str(error)
        assert await ref.buffered_count() == 0


async def test_a_call_from_another_loop_is_refused_and_the_cure_named() -> None:
    async with StageGroup() as group:
        ref = await group.start(ProbeProducer[int]())
        error = in_a_thread(lambda: asyncio.run(ref.call("x")))
        assert isinstance(error, RuntimeError)
        assert "asyncio.run_coroutine_threadsafe(ref.call(request), loop)" in str(error)


async def test_the_cure_works() -> None:
    source, sink = ProbeProducer[int](), ProbeConsumer[int](manual=False)
    loop = asyncio.get_running_loop()
    async with StageGroup() as group:
        ref = await group.start(source)
        await group.start(sink, subscribe_to=[ref])
        assert in_a_thread(lambda: loop.call_soon_threadsafe(source.emit, [1, 2])) is None
        await sink.expect([1, 2])


class Fed(Producer[int]):
    def handle_demand(self, demand: int) -> list[int]:
        return []

    def handle_info(self, message: Any) -> list[int]:
        return [message]

    def on_start(self) -> None:
        self.emit([0])


def test_between_two_steps_of_a_for_loop_its_own_thread_may_emit() -> None:
    fed = Fed()
    seen = []
    for event in Flow.from_stages([fed]):
        seen.append(event)
        if event == 2:
            break
        fed.emit([event + 1])
    assert seen == [0, 1, 2]
