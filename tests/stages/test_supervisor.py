"""A task for every event: so many at a time, supervised."""

import asyncio

import pytest
from plain_stages import Count

from flowlike import ConsumerSupervisor, StageGroup, Subscribe


class Work:
    """A worker that says when it begins, and ends an event when it is told."""

    def __init__(self):
        self.begun = asyncio.Queue()
        self.running = {}
        self.most = 0
        self.cancelled = []
        self.done = []

    async def __call__(self, event):
        end = self.running[event] = asyncio.get_running_loop().create_future()
        self.most = max(self.most, len(self.running))
        self.begun.put_nowait(event)
        try:
            await end
            self.done.append(event)
        except asyncio.CancelledError:
            self.cancelled.append(event)
            raise
        finally:
            del self.running[event]

    def let(self, event, error=None):
        if error is None:
            self.running[event].set_result(None)
        else:
            self.running[event].set_exception(error)


@pytest.fixture(autouse=True)
async def nothing_left():
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


async def test_so_many_at_a_time_and_one_more_when_one_is_done():
    work, source = Work(), Count(10)
    supervisor = ConsumerSupervisor(work, 3)
    async with StageGroup() as group:
        producer = await group.start(source)
        await group.start(supervisor, subscribe_to=[producer])
        assert [await work.begun.get() for _ in range(3)] == [0, 1, 2]
        assert (sum(source.asked), supervisor.running) == (3, 3)
        work.let(1)
        assert await work.begun.get() == 3
        assert sum(source.asked) == 4
        for event in (0, 2, 3, 4, 5, 6, 7, 8, 9):
            while event not in work.running:
                await work.begun.get()
            work.let(event)
        await group.wait()
    assert work.done == [1, 0, 2, 3, 4, 5, 6, 7, 8, 9]
    assert work.most == 3


async def test_several_producers_share_the_places():
    work = Work()
    async with StageGroup() as group:
        low = await group.start(Count(50))
        high = await group.start(Count(150, start=100))
        subscribe = [low, Subscribe(high, max_demand=1)]
        await group.start(ConsumerSupervisor(work, 4), subscribe_to=subscribe)
        for _ in range(100):
            work.let(await work.begun.get())
        await group.wait()
    assert sorted(work.done) == [*range(50), *range(100, 150)]
    assert work.most <= 4


async def test_a_finished_supervisor_has_waited_for_its_tasks():
    work = Work()
    async with StageGroup() as group:
        producer = await group.start(Count(2))
        supervisor = await group.start(ConsumerSupervisor(work, 5), subscribe_to=[producer])
        await producer.wait()
        assert {await work.begun.get(), await work.begun.get()} == {0, 1}
        work.let(0)
        work.let(1)
        assert await supervisor.wait() == "normal"
    assert work.done == [0, 1]


async def test_a_supervisor_that_is_stopped_cancels_its_tasks():
    work = Work()
    async with StageGroup() as group:
        producer = await group.start(Count(1000))
        supervisor = await group.start(ConsumerSupervisor(work, 2), subscribe_to=[producer])
        await work.begun.get()
        await work.begun.get()
        await supervisor.stop()
        assert sorted(work.cancelled) == [0, 1]
        assert supervisor.counts().lost == 2


async def test_a_temporary_worker_that_crashes_is_logged_and_gone(caplog):
    work = Work()
    async with StageGroup() as group:
        producer = await group.start(Count(2))
        supervisor = ConsumerSupervisor(work, 1)
        await group.start(supervisor, subscribe_to=[producer])
        work.let(await work.begun.get(), ValueError("no"))
        work.let(await work.begun.get())
        await group.wait()
        assert supervisor.given_up == 1
    assert work.done == [1]
    assert "a worker has crashed, event 0" in caplog.text
    assert "ValueError: no" in caplog.text


async def test_a_transient_worker_is_started_again_after_a_crash():
    work = Work()
    async with StageGroup() as group:
        producer = await group.start(Count(2))
        supervisor = ConsumerSupervisor(work, 1, restart="transient")
        await group.start(supervisor, subscribe_to=[producer])
        for _ in range(3):
            assert await work.begun.get() == 0
            work.let(0, ValueError("no"))
        assert await work.begun.get() == 0
        work.let(0)
        assert await work.begun.get() == 1
        work.let(1)
        await group.wait()
    assert work.done == [0, 1]


async def test_one_restart_too_many_ends_the_supervisor():
    async def fail(event):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        async with StageGroup() as group:
            producer = await group.start(Count(1))
            supervisor = ConsumerSupervisor(fail, 1, restart="transient", max_restarts=2)
            await group.start(supervisor, subscribe_to=[producer])
            await group.wait()
    assert caught.value.__notes__ == [
        "in the worker of stage 'ConsumerSupervisor', event 0",
        "workers were restarted more than 2 times within 5.0 s",
    ]


async def test_a_permanent_worker_is_started_again_whatever_happens():
    times = []

    async def count(event):
        times.append(event)

    with pytest.raises(RuntimeError, match="a permanent worker has returned"):
        async with StageGroup() as group:
            producer = await group.start(Count(1))
            supervisor = ConsumerSupervisor(count, 1, restart="permanent", max_restarts=4)
            await group.start(supervisor, subscribe_to=[producer])
            await group.wait()
    assert times == [0] * 5


async def test_a_producer_that_crashes_cancels_the_tasks():
    work = Work()
    with pytest.raises(LookupError):
        async with StageGroup() as group:
            producer = await group.start(Count(1000))
            await group.start(ConsumerSupervisor(work, 1), subscribe_to=[producer])
            await work.begun.get()
            producer._stage.end(LookupError())
            await group.wait()
    assert work.cancelled == [0]


@pytest.mark.parametrize("restart", ["temporary", "transient", "permanent"])
async def test_a_worker_that_returns_nothing_to_await_ends_the_supervisor(restart, caplog):
    text = "worker must be a coroutine function or return an awaitable, but .* returned '0'"
    with pytest.raises(TypeError, match=text) as caught:
        async with StageGroup() as group:
            producer = await group.start(Count(100))
            supervisor = ConsumerSupervisor(str, 2, restart=restart)
            await group.start(supervisor, subscribe_to=[producer])
            await group.wait()
    assert "in stage 'ConsumerSupervisor', event 0" in caught.value.__notes__
    assert caplog.text == ""


async def test_a_subclass_may_use_any_name():
    class Fetcher(ConsumerSupervisor):
        def __init__(self):
            super().__init__(self._work, 2)
            self._worker = self._most = self._restart = self._limit = self._tasks = None
            self._waiting = self._producers = self._idle = None
            self._fetched = []

        def _run(self):
            raise AssertionError("it is the subclass's own")

        _fill = _done = _until_idle = _give_up = _run

        async def _work(self, event):
            self._fetched.append(event)

    fetcher = Fetcher()
    async with StageGroup() as group:
        producer = await group.start(Count(5))
        await group.start(fetcher, subscribe_to=[producer])
        await group.wait()
    assert fetcher._fetched == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        ((5, 1), {}, TypeError, "worker must be callable"),
        ((str, 0), {}, ValueError, "max_concurrency must be at least 1"),
        ((str, 1), {"restart": "never"}, ValueError, "restart must be one of"),
        ((str, 1), {"max_restarts": -1}, ValueError, "max_restarts must be at least 0"),
        ((str, 1), {"within": 0}, ValueError, "within must be more than 0"),
    ],
)
def test_bad_arguments(arguments, options, error, text):
    with pytest.raises(error, match=text):
        ConsumerSupervisor(*arguments, **options)


async def test_a_supervisor_that_crashes_is_started_again_without_its_tasks():
    work = Work()

    class Supervisor(ConsumerSupervisor[int]):
        def handle_cast(self, message):
            raise message

    async with StageGroup("one_for_one") as group:
        producer = await group.start(Count(1000))
        supervisor = Supervisor(work, 2)
        ref = await group.start(supervisor, subscribe_to=[producer])
        assert {await work.begun.get(), await work.begun.get()} == {0, 1}
        ref.cast(LookupError())
        assert {await work.begun.get(), await work.begun.get()} == {2, 3}
        assert sorted(work.cancelled) == [0, 1]
        assert supervisor.running == 2
        work.let(2)
        assert await work.begun.get() == 4
