"""The pattern that lets so many events per second through."""

from __future__ import annotations

import asyncio
import doctest
import math
from random import Random

import pytest
from patterns import rate_limiter
from patterns.rate_limiter import Rate, RateLimiter

from flowlike import Consumer, StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, settled


class Clocked(Consumer[int]):
    """Asks by hand, and notes when what came."""

    def __init__(self) -> None:
        self.came: list[tuple[float, int]] = []
        self.asked = 0

    def handle_subscribe(self, role, options, peer):
        self.peer = peer
        return "manual"

    def ask(self, count):
        self.asked += count
        self.peer.ask(count)

    def handle_events(self, events, producer):
        now = asyncio.get_running_loop().time()
        self.came += [(now, event) for event in events]

    @property
    def times(self):
        return [time for time, _ in self.came]


def most_in(times: list[float], per: float) -> int:
    """The most events in any stretch of ``per`` seconds, its end not included."""
    return max(
        (sum(start <= time < start + per - 1e-9 for time in times) for start in times), default=0
    )


class Pipeline:
    """A probe, a limiter, and a consumer with a watch."""

    def __init__(self, rate: Rate, strategy: str | None = None) -> None:
        self.source: ProbeProducer[int] = ProbeProducer()
        self.limiter: RateLimiter[int] = RateLimiter(rate)
        self.sink = Clocked()
        self.group = StageGroup(strategy)

    async def __aenter__(self):
        await self.group.__aenter__()
        self.producer = await self.group.start(self.source, restart="transient")
        self.ref = await self.group.start(
            self.limiter, subscribe_to=[self.producer], restart="transient"
        )
        await self.group.start(self.sink, subscribe_to=[self.ref])
        return self

    async def __aexit__(self, *error: object):
        return await self.group.__aexit__(*error)

    async def until(self, time: float) -> None:
        """Let the clock go on."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(time - loop.time())  # noqa: TID251 - the clock is virtual
        await settled()


def test_so_many_in_each_second_as_fast_as_that(run_interleaved):
    async def main():
        async with Pipeline(Rate(3)) as line:
            line.sink.ask(100)
            line.source.emit(range(8))
            await line.until(10)
            assert line.sink.came == [
                *((0, n) for n in (0, 1, 2)),
                *((1, n) for n in (3, 4, 5)),
                *((2, n) for n in (6, 7)),
            ]
            line.source.finish()
            await line.group.wait()

    run_interleaved(main())


@pytest.mark.parametrize("seed", range(10))
def test_never_more_whatever_producer_and_consumer_do(run_virtual, seed):
    random = Random(seed)
    rate = Rate(random.randint(1, 9), random.choice([0.1, 0.7, 1.0, 3.0]))

    async def main():
        async with Pipeline(rate) as line:
            sent = 0
            while sent < 200:
                if random.random() < 0.5:
                    count = random.randint(1, 40)
                    line.source.emit(range(sent, sent + count))
                    sent += count
                if random.random() < 0.5:
                    line.sink.ask(random.randint(1, 30))
                step = random.choice([0.0, rate.per / 10, rate.per / 3, rate.per, 5 * rate.per])
                await line.until(asyncio.get_running_loop().time() + step)
                assert most_in(line.sink.times, rate.per) <= rate.events
            line.sink.ask(1000)
            line.source.finish()
            await line.group.wait()
            assert [event for _, event in line.sink.came] == list(range(sent))
            assert most_in(line.sink.times, rate.per) == rate.events

    run_virtual(main(), seed=seed)


def test_a_consumer_that_was_slow_gets_no_more_at_once(run_virtual):
    async def main():
        async with Pipeline(Rate(4)) as line:
            line.source.emit(range(100))
            line.sink.ask(1)
            await line.until(60)
            assert line.sink.times == [0]
            line.sink.ask(50)
            await line.until(61.5)
            assert line.sink.times == [0, *[60] * 4, *[61] * 4]

    run_virtual(main())


def test_it_asks_for_one_event_at_a_time_and_for_none_in_between(run_virtual):
    async def main():
        async with Pipeline(Rate(2)) as line:
            line.sink.ask(10)
            await line.source.expect_demand(1)
            line.source.emit([0])
            await line.source.expect_demand(1)
            line.source.emit([1])
            await line.source.expect_demand(0)
            await line.until(1)
            await line.source.expect_demand(1)
            assert line.source.asked == [1, 1, 1]

    run_virtual(main())


def test_another_rate_holds_at_once(run_virtual):
    async def main():
        async with Pipeline(Rate(2)) as line:
            line.source.emit(range(100))
            line.sink.ask(100)
            await line.until(0.5)
            assert await line.ref.call(Rate(5)) == Rate(2)  # the two of this second count
            await line.until(0.6)
            assert line.sink.times == [0, 0, 0.5, 0.5, 0.5]
            line.ref.cast(Rate(1))
            await line.until(3.7)
            assert line.sink.times[5:] == [1.5, 2.5, 3.5]
            line.ref.cast(Rate(0))
            await line.until(1000)
            assert len(line.sink.times) == 8
            assert await line.ref.call(Rate(3, per=10)) == Rate(0)
            await line.until(1011)
            assert line.sink.times[8:] == [1000] * 3 + [1010] * 3

    run_virtual(main())


def test_no_timer_runs_but_the_one_it_waits_for(run_virtual, monkeypatch):
    async def main():
        loop = asyncio.get_running_loop()
        async with Pipeline(Rate(10)) as line:
            set_timers = []
            call_at = loop.call_at
            monkeypatch.setattr(
                loop, "call_at", lambda *a, **k: set_timers.append(a) or call_at(*a, **k)
            )
            line.sink.ask(100)
            await settled()
            assert set_timers == []  # it waits for the producer
            line.source.emit(range(35))
            await settled()
            assert len(set_timers) == 1
            await line.until(20)
            ours = [
                timer for timer in set_timers if getattr(timer[1], "__self__", 0) is line.limiter
            ]
            assert len(ours) == 3  # one a second while events waited
            line.ref.cast(Rate(0))
            line.source.emit(range(9))
            await line.until(3600)
            assert len([t for t in set_timers if getattr(t[1], "__self__", 0) is line.limiter]) <= 4

    run_virtual(main())


@pytest.mark.parametrize("how", ["stop", "crash", "finish"])
def test_its_end_leaves_no_timer(run_virtual, how):
    async def main():
        line = Pipeline(Rate(1, per=100), "one_for_one")
        async with line:
            line.sink.ask(10)
            line.source.emit([1])
            await settled()
            [timer] = [each for each in asyncio.get_running_loop()._scheduled if each.when() == 100]
            assert not timer.cancelled()
            if how == "stop":
                await line.ref.stop()
            elif how == "crash":
                line.source.crash(OSError("lost"))
                await settled()
            else:
                line.source.finish()
                await line.ref.wait()
            assert timer.cancelled()

    run_virtual(main())


def test_what_has_gone_counts_after_a_restart_too(run_virtual):
    async def main():
        async with Pipeline(Rate(2), "one_for_one") as line:
            line.source.emit(range(10))
            line.sink.ask(10)
            await line.until(0.5)
            line.ref.cast("faster")  # that is a crash
            await settled()
            line.sink.ask(10)
            await line.until(2.5)
            assert line.sink.times == [0, 0, 1, 1, 2, 2]

    run_virtual(main())


def test_another_producer_after_the_first(run_virtual):
    async def main():
        sink: ProbeConsumer[str] = ProbeConsumer(manual=False)
        first, second = ProbeProducer(), ProbeProducer()
        async with StageGroup() as group:
            limiter = await group.start(RateLimiter(Rate(1)))
            await group.start(sink, subscribe_to=[limiter])
            options = Subscribe(await group.start(first), cancel="temporary")
            subscription = await limiter.subscribe(options)
            first.emit(["a"])
            await sink.expect(["a"])
            await subscription.cancel()
            await limiter.subscribe(await group.start(second))
            second.emit(["b"])
            await sink.expect_nothing(within=0.9)
            await sink.expect(["b"])

    run_virtual(main())


def test_two_producers_at_a_time_are_refused(run_virtual):
    async def main():
        async with Pipeline(Rate(1)) as line:
            other = await line.group.start(ProbeProducer())
            await line.ref.subscribe(other)
            await line.group.wait()

    with pytest.raises(ValueError, match="has one producer"):
        run_virtual(main())


def test_a_call_with_something_else(run_virtual):
    async def main():
        async with Pipeline(Rate(1)) as line:
            with pytest.raises(TypeError, match="takes a Rate, not 5"):
                await line.ref.call(5)
            assert await line.ref.call(Rate(2)) == Rate(1)

    run_virtual(main())


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((-1,), ValueError, "0 .a pause. or more, not -1"),
        ((2.5,), TypeError, "an integer, not 2.5"),
        ((True,), TypeError, "an integer, not True"),
        ((1, 0), ValueError, "positive number of seconds, not 0"),
        ((1, math.nan), ValueError, "positive number of seconds, not nan"),
        ((1, math.inf), ValueError, "positive number of seconds, not inf"),
    ],
)
def test_what_is_no_rate(arguments, error, text):
    with pytest.raises(error, match=text):
        Rate(*arguments)


def test_the_lines_of_a_file(run_virtual, capsys):
    lines = [f"line {n}\n" for n in range(9)]
    count = run_virtual(rate_limiter.print_lines(lines, Rate(2), [(1.5, 100)]))
    assert count == 9
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["    0.00 s  line 0", "    0.00 s  line 1"]
    assert printed[2:4] == ["    1.00 s  line 2", "    1.00 s  line 3"]
    assert printed[4:] == [f"    1.50 s  line {n}" for n in range(4, 9)]


def test_main(tmp_path, capsys):
    path = tmp_path / "lines"
    path.write_text("one\ntwo", encoding="utf-8")
    assert rate_limiter.main([str(path), "--rate", "9", "--per", "0.001"]) == 0
    captured = capsys.readouterr()
    assert [line.split("  ")[-1] for line in captured.out.splitlines()] == ["one", "two"]
    assert captured.err == "2 lines, at most 9 events per 0.001 s\n"
    path.write_bytes(b"\xff")
    assert rate_limiter.main([str(path)]) == 1
    assert rate_limiter.main([str(tmp_path / "missing")]) == 1
    assert "missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--rate", "-1"], "must be 0 (a pause) or more, not -1"),
        (["--per", "nan"], "positive number of seconds, not nan"),
        (["--change", "5"], "such as 3:50, not '5'"),
        (["--change", "nan:5"], "such as 3:50, not 'nan:5'"),
        (["--change", "1:-5"], "such as 3:50, not '1:-5'"),
    ],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit):
        rate_limiter.main(arguments)
    assert text in capsys.readouterr().err


def test_ctrl_c(interrupted):
    status, rest, errors = interrupted("rate_limiter", "--rate", "1", feed="a\nb\n", after="a")
    assert (status, rest, errors) == (130, "", "rate_limiter: interrupted\n")


def test_the_docstrings():
    assert doctest.testmod(rate_limiter) == doctest.TestResults(failed=0, attempted=1)
