"""The loop for tests: its clock jumps, holds while others work, and says when all wait for ever."""

import asyncio
import threading
import time

import pytest

from flowlike import testing
from flowlike.testing import VirtualLoop, interleaved, settled


def now():
    return asyncio.get_running_loop().time()


def test_timers_come_in_order_and_cost_nothing():
    async def main():
        loop, heard = asyncio.get_running_loop(), []
        for delay in (86_400 * 3, 5, 0.001, 60):
            loop.call_later(delay, heard.append, delay)
        await asyncio.sleep(86_400 * 4)
        return heard, loop.time()

    started = time.monotonic()
    heard, ended = testing.run(main())
    assert heard == [0.001, 5, 60, 86_400 * 3]
    assert ended == 86_400 * 4
    assert time.monotonic() - started < 5


def test_a_timeout_comes_before_what_is_later_and_after_what_is_earlier():
    async def main():
        async with asyncio.timeout(2):
            await asyncio.sleep(1.9)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.sleep(2.1)
        return now()

    assert testing.run(main()) == pytest.approx(3.9)


def test_the_clock_stands_while_anything_can_run():
    async def main():
        asyncio.get_running_loop().call_later(1e-5, stop.append, True)
        turns = 0
        while turns < 1000:
            turns += 1
            await asyncio.sleep(0)
        assert (now(), stop) == (0.0, [])
        await asyncio.sleep(1)
        return stop

    stop = []
    assert testing.run(main()) == [True]


def test_the_clock_moves_far_from_zero():
    async def main():
        await asyncio.sleep(1e9)
        for _ in range(3):
            before = now()
            await asyncio.sleep(1e-9)
            await asyncio.sleep(1)
            assert now() == before + 1

    testing.run(main())


def test_the_clock_stands_while_an_executor_works():
    release = threading.Event()

    async def main():
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(None, release.wait, 30) for _ in range(3)]
        early = loop.call_later(0.5, calls.clear)
        threading.Timer(0.05, release.set).start()
        async with asyncio.timeout(1):
            assert await asyncio.gather(*calls) == [True] * 3
        early.cancel()
        return now()

    assert testing.run(main()) == 0.0


def test_a_failing_call_of_an_executor_lets_the_clock_go_again():
    async def main():
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        await asyncio.sleep(7)
        return now()

    assert testing.run(main()) == 7


def test_a_foreign_thread_holds_the_clock_while_it_is_said_to_work():
    async def main():
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        timer = threading.Timer(0.05, loop.call_soon_threadsafe, (done.set,))
        with loop.outside():
            timer.start()
            async with asyncio.timeout(0.001):
                await done.wait()
        timer.join()
        return now()

    assert testing.run(main()) == 0.0


def test_sockets_work():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
        await settled()
        return line

    for seed in (None, *range(5)):
        assert testing.run(main(), seed=seed) == b"hello\n"


def test_waiting_for_ever_is_an_error_that_says_who_waits():
    async def main():
        await asyncio.Event().wait()

    with (
        pytest.raises(RuntimeError, match=r"everything waits.*Task-\d+ at .*test_virtual_loop"),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(patience=0.01)) as runner,
    ):
        runner.run(main())


def test_settled_waits_until_only_the_clock_is_left():
    async def main():
        heard = []

        async def busy():
            for turn in range(50):
                await asyncio.sleep(0)
                heard.append(turn)
            await asyncio.sleep(1)
            heard.append("late")

        task = asyncio.create_task(busy())
        await settled()
        assert (heard, now()) == (list(range(50)), 0.0)
        await task
        assert heard[-1] == "late"

    for seed in (None, *range(5)):
        testing.run(main(), seed=seed)


def test_of_several_that_wait_until_all_is_settled_one_goes_on_at_a_time():
    async def main():
        order = []

        async def wait(name):
            await settled()
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

        gone = asyncio.create_task(wait("gone"))
        others = [asyncio.create_task(wait(name)) for name in "ab"]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(*others)
        return order

    assert testing.run(main()) == ["a", "a", "b", "b"]


async def test_settled_elsewhere():
    with pytest.raises(RuntimeError, match="needs a VirtualLoop, not "):
        await settled()


def order_of_tasks(seed):
    async def main():
        order = []

        async def note(name):
            for _ in range(3):
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(*map(note, "abcd"))
        return "".join(order)

    return testing.run(main(), seed=seed)


def test_tasks_go_on_in_an_order_that_the_seed_repeats():
    assert order_of_tasks(None) == "abcd" * 3
    orders = [order_of_tasks(seed) for seed in range(20)]
    assert len(set(orders)) > 15
    assert all(sorted(order) == sorted("abcd" * 3) for order in orders)
    assert [order_of_tasks(seed) for seed in range(20)] == orders


def test_plain_callbacks_keep_their_order_under_any_seed():
    async def main():
        heard = []
        for number in range(20):
            asyncio.get_running_loop().call_soon(heard.append, number)
        await settled()
        return heard

    for seed in range(10):
        assert testing.run(main(), seed=seed) == list(range(20))


def test_a_failure_names_its_seed():
    async def main():
        raise LookupError("lost")

    with pytest.raises(LookupError) as caught:
        testing.run(main(), seed=17)
    assert caught.value.__notes__ == ["interleaving: seed=17 repeats it"]
    with pytest.raises(LookupError) as caught:
        testing.run(main())
    assert not hasattr(caught.value, "__notes__")


def test_a_task_that_is_left_is_a_failure():
    async def main():
        waiting = asyncio.create_task(asyncio.Event().wait(), name="forgotten")
        await asyncio.sleep(0)
        assert not waiting.done()

    with pytest.raises(AssertionError, match=r"left tasks behind: forgotten at .*:\d+"):
        testing.run(main())


def test_interleaved_finds_the_order_that_breaks_a_test_and_names_it():
    @interleaved(50)
    async def racy():
        order = []

        async def note(name):
            order.append(name)

        await asyncio.gather(*map(note, "abc"))
        assert "".join(order) != "cab"

    with pytest.raises(AssertionError) as caught:
        racy()
    [note] = caught.value.__notes__
    seed = int(note.removeprefix("interleaving: seed=").split()[0])
    assert seed > 0
    with pytest.raises(AssertionError):
        interleaved([seed])(racy.__wrapped__)()


@interleaved(3)
async def test_an_interleaved_test_may_take_fixtures(tmp_path):
    assert tmp_path.is_dir()
    assert asyncio.get_running_loop().seed in {0, 1, 2}


@pytest.mark.parametrize("seeds", [0, []])
def test_no_seed_at_all(seeds):
    with pytest.raises(ValueError, match="seed"):
        interleaved(seeds)
