"""Kernels in runs: who does them, when, in what order, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from contract import here_only

from flowlike import Flow
from flowlike.flow.native_pool import RUN, WORTH_A_HOP, Job, NativePool
from flowlike.native import logistic_map
from flowlike.native._kernels import ffi
from flowlike.operators import Calls
from flowlike.testing import VirtualLoop

pytestmark = here_only("executor")

KERNEL = logistic_map.bind(num=10, p=6_700_417, mu=22)


def thread_name(argument):
    return threading.current_thread().name


class Customer:
    """Submits jobs of a known length and keeps their replies."""

    def __init__(self, cores=2):
        self.pool = NativePool(cores)
        self.replies = []
        self.open = 0
        self._all = asyncio.Event()

    def submit(self, seconds, function=thread_name, arguments=(0,)):
        self.open += 1
        calls = Calls(function, list(arguments), "native", 1, "a kernel", 1)
        job = Job(calls, lambda _: seconds, self._take)
        self.pool.submit(job)
        return job

    def _take(self, job):
        self.replies.append(job)
        self.open -= 1
        if not self.open:
            self._all.set()

    async def all(self):
        await self._all.wait()
        return [job.results for job in self.replies]

    def close(self):
        self.pool.close()
        for thread in self.pool.threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
async def customer():
    customer = Customer()
    yield customer
    customer.close()


@pytest.fixture
async def single():
    """The customer of a pool with one thread."""
    customer = Customer(cores=1)
    yield customer
    customer.close()


async def test_what_is_short_is_done_by_the_loop_after_everybodys_turn(customer):
    for _ in range(3):
        customer.submit(WORTH_A_HOP / 10)
    assert customer.replies == []
    assert await customer.all() == [[threading.current_thread().name]] * 3
    assert customer.pool.threads == []


async def test_what_is_short_goes_to_a_thread_in_company(customer):
    for _ in range(8):
        customer.submit(WORTH_A_HOP / 8)
    names = {name for (name,) in await customer.all()}
    assert names == {"flowlike-native_0"}


async def test_long_calls_go_to_all_threads_at_once(customer):
    together = threading.Barrier(2, timeout=10)
    for _ in range(2):
        customer.submit(RUN, lambda _: together.wait())
    await customer.all()
    assert len(customer.pool.threads) == 2


async def test_no_more_threads_than_cores(customer):
    for _ in range(20):
        customer.submit(RUN)
    await customer.all()
    assert len(customer.pool.threads) == 2


async def test_the_loop_is_woken_once_for_a_run(single):
    gate = threading.Event()
    single.submit(RUN, lambda _: gate.wait(10))
    woken = []
    loop = asyncio.get_running_loop()
    call_soon_threadsafe = loop.call_soon_threadsafe

    def counted(*arguments, **keywords):
        woken.append(1)
        return call_soon_threadsafe(*arguments, **keywords)

    loop.call_soon_threadsafe = counted
    for _ in range(40):  # four runs of ten
        single.submit(RUN / 10)
    gate.set()
    await single.all()
    assert 1 <= len(woken) <= 5


async def test_replies_of_one_thread_come_in_the_order_of_the_jobs(single):
    for number in range(100):
        single.submit(RUN / 7, lambda number: number, [number])
    assert await single.all() == [[number] for number in range(100)]


async def test_jobs_that_nobody_knows_wait_until_the_first_show_what_they_cost(single):
    gate = threading.Event()
    known = float("inf")
    done = []

    def kernel(number):
        gate.wait(10)
        done.append(number)

    def take(job):
        nonlocal known
        known = RUN / 10
        single._take(job)

    for number in range(6):
        single.open += 1
        calls = Calls(kernel, [number], "native", 1, "a kernel", 1)
        single.pool.submit(Job(calls, lambda _: known, take))
    assert len(single.pool._unknown) == 5
    gate.set()
    await single.all()
    assert done == list(range(6))


async def test_a_failure_is_the_jobs_alone(customer):
    def reciprocal(number):
        return 1 // number

    for number in (1, 0, 1):
        customer.submit(RUN / 3, reciprocal, [number])
    await customer.all()
    kinds = [type(job.error) for job in customer.replies]
    assert kinds == [type(None), ZeroDivisionError, type(None)]


async def test_what_was_given_up_does_not_begin(single):
    gate, begun = threading.Event(), []
    single.submit(RUN, lambda _: gate.wait(10))
    given_up = single.submit(RUN, begun.append)
    given_up.is_given_up = True
    single.open -= 1
    single.submit(RUN)
    gate.set()
    await single.all()
    assert begun == []


async def test_closing_drops_what_waits_and_ends_the_threads():
    customer = Customer(cores=1)
    gate, begun = threading.Event(), []
    customer.submit(RUN, lambda _: gate.wait(10))
    customer.submit(RUN, begun.append)
    customer.pool.close()
    gate.set()
    customer.close()
    assert begun == []
    assert customer.replies == []


def test_a_loop_that_is_closed_meanwhile():
    gate = threading.Event()

    async def main():
        customer = Customer(cores=1)
        customer.submit(RUN, lambda _: gate.wait(10))
        return customer

    customer = asyncio.run(main())
    gate.set()
    customer.close()


def test_a_virtual_clock_stands_while_a_kernel_runs():
    numbers = np.arange(1, 400_001)

    async def main():
        loop = asyncio.get_running_loop()
        ticks = []
        loop.call_later(3600, ticks.append, "an hour")
        async with Flow.from_iterable(numbers, stages=2).map_batch(KERNEL).start() as running:
            await running.wait()
        return ticks, loop.time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(main()) == ([], 0.0)


@pytest.mark.parametrize("stages", [1, 2, 40])
def test_a_replica_has_one_call_at_a_time(stages):
    inside: dict[int, int] = {}
    lock = threading.Lock()

    class Watched(type(KERNEL)):
        __slots__ = ()

        def __call__(self, array, /, **keywords):
            with lock:
                replica = int(array[0]) % stages
                inside[replica] = inside.get(replica, 0) + 1
                assert inside[replica] == 1
            try:
                return super().__call__(array, **keywords)
            finally:
                with lock:
                    inside[replica] -= 1

    kernel = Watched.from_cffi(
        ffi,
        KERNEL._function,
        name="watched",
        input="i8",
        output="i8",
        params=KERNEL.params,
    ).bind(**KERNEL.bound)
    numbers = np.arange(20_000)
    flow = Flow.from_iterable(numbers).partition(stages=stages, hash=lambda n: n % stages)
    found = flow.map_batch(kernel).to_array()
    assert np.array_equal(np.sort(found), np.sort(KERNEL(numbers)))


def test_leaving_a_flow_while_kernels_run():
    gate, begun = threading.Event(), threading.Event()

    class Stuck(type(KERNEL)):
        __slots__ = ()

        def __call__(self, array, /, **keywords):
            begun.set()
            gate.wait(10)
            return super().__call__(array, **keywords)

    kernel = Stuck.from_cffi(
        ffi, KERNEL._function, name="k", input="i8", output="i8", params=KERNEL.params
    ).bind(**KERNEL.bound)

    async def main():
        async with Flow.from_iterable(np.arange(100), stages=1).map_batch(kernel).start() as flow:
            await asyncio.to_thread(begun.wait, 10)
            await flow.stop(drain=False)
            assert not gate.is_set()  # it is not waited for
            gate.set()

    asyncio.run(main())


def test_what_follows_a_kernel_may_be_awaited():
    seen = []

    async def note(batch):
        seen.append(len(batch))
        return batch

    numbers = np.arange(1, 100_001)
    flow = Flow.from_iterable(numbers, stages=1).map_batch(KERNEL).map_batch(note)
    flow = flow.map_batch(KERNEL).filter(lambda n: n >= 0)
    assert flow.to_list() == KERNEL(KERNEL(numbers)).tolist()
    assert sum(seen) == len(numbers)


def test_timers_ring_while_kernels_run_on_every_core():
    """How late, the program bars.py measures; here only that the loop has its turn."""
    numbers = np.arange(1, 1 << 22)
    rung = 0

    async def main():
        loop = asyncio.get_running_loop()

        def ring():
            nonlocal rung, timer
            rung += 1
            timer = loop.call_later(0.001, ring)

        timer = loop.call_later(0.001, ring)
        await Flow.from_iterable(numbers, stages=4).map_batch(KERNEL.bind(num=100)).arun()
        timer.cancel()

    asyncio.run(main())
    assert rung >= 5
