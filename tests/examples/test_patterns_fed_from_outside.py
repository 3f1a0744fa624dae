"""The pattern of a producer that is fed by calls."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path

import pytest
from patterns import fed_from_outside
from patterns.fed_from_outside import CLOSE, Inbox, InboxClosed, put

from flowlike import BroadcastDispatcher, StageGroup, StageStopped, Subscribe
from flowlike.testing import ProbeConsumer, settled


class Fed:
    """An inbox, a probe behind it, and tasks that call."""

    def __init__(self) -> None:
        self.inbox: Inbox[object] = Inbox()
        self.sink: ProbeConsumer[object] = ProbeConsumer()
        self.group = StageGroup()

    async def __aenter__(self):
        await self.group.__aenter__()
        self.ref = await self.group.start(self.inbox)
        await self.group.start(self.sink, subscribe_to=[Subscribe(self.ref, cancel="temporary")])
        return self

    async def __aexit__(self, *error: object):
        return await self.group.__aexit__(*error)

    async def calls(self, *events):
        """One caller an event, in this order."""
        tasks = []
        for event in events:
            tasks.append(asyncio.create_task(self.ref.call(event, timeout=None)))
            await settled()
        return tasks


def test_a_caller_waits_until_its_event_is_taken(run_interleaved):
    async def main():
        async with Fed() as fed:
            first, second, third = await fed.calls("a", "b", "c")
            assert not first.done()
            fed.sink.ask(2)
            assert (await first, await second) == (1, 2)
            await fed.sink.expect(["a", "b"])
            await settled()
            assert not third.done()
            fed.sink.ask(3)
            assert await third == 3
            assert await fed.ref.call("d") == 4  # somebody waits for it already
            await fed.sink.expect(["c", "d"])
            assert fed.inbox.taken == 4
            assert await fed.ref.buffered_count() == 0

    run_interleaved(main())


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_a_caller_that_gives_up_takes_its_event_back(run_interleaved, how):
    async def main():
        async with Fed() as fed:
            [first] = await fed.calls("a")
            if how == "timeout":
                with pytest.raises(TimeoutError):
                    await fed.ref.call("b", timeout=1)
            else:
                [second] = await fed.calls("b")
                second.cancel()
                await asyncio.wait([second])
            [third] = await fed.calls("c")
            fed.sink.ask(5)
            assert (await first, await third) == (1, 2)
            await fed.sink.expect(["a", "c"])
            await fed.sink.expect_nothing()
            assert (fed.inbox.taken, fed.inbox.withdrawn) == (2, 1)

    run_interleaved(main())


@pytest.mark.interleavings(50)
def test_giving_up_in_the_very_moment(run_interleaved):
    async def main():
        async with Fed() as fed:
            callers = await fed.calls(*range(6))
            fed.sink.ask(4)
            for caller in callers[::2]:
                caller.cancel()
            await settled()
            fed.sink.ask(10)
            await settled()
            # Each event is delivered, or withdrawn and counted, in order and never both.
            assert fed.sink.events == sorted(set(fed.sink.events))
            assert len(fed.sink.events) == fed.inbox.taken
            assert fed.inbox.taken + fed.inbox.withdrawn == 6
            assert {1, 3, 5} <= set(fed.sink.events)
            replies = [caller.result() for caller in callers if not caller.cancelled()]
            assert replies == sorted(set(replies))

    run_interleaved(main())


def test_demand_that_comes_between_giving_up_and_hearing_of_it(run_virtual):
    async def main():
        async with Fed() as fed:
            first, second = await fed.calls("a", "b")
            fed.sink.ask(1)  # the inbox has its turn next
            next(iter(fed.inbox._waiting)).cancel()  # what it hears of after that
            assert await second == 1
            await fed.sink.expect(["b"])
            assert fed.inbox.withdrawn == 1
            with pytest.raises(RuntimeError, match="cancelled the answer"):
                await first

    run_virtual(main())


def test_close_with_callers_that_wait(run_interleaved):
    async def main():
        async with Fed() as fed:
            first, second, third = await fed.calls("a", "b", "c")
            fed.ref.cast(CLOSE)
            with pytest.raises(InboxClosed, match="takes no more"):
                await fed.ref.call("d")
            fed.sink.ask(1)
            assert await first == 1
            second.cancel()
            await settled()
            assert "running" in repr(fed.ref)
            fed.sink.ask(1)
            assert await third == 3 - 1
            assert await fed.ref.wait() == "normal"
            await fed.sink.expect(["a", "c"])
            assert await fed.sink.expect_end() == "normal"
            with pytest.raises(StageStopped):
                await fed.ref.call("e")

    run_interleaved(main())


@pytest.mark.parametrize("waiting", [0, 1])
def test_close_ends_it_at_once_or_when_the_last_caller_gives_up(run_virtual, waiting):
    async def main():
        async with Fed() as fed:
            callers = await fed.calls(*range(waiting))
            fed.ref.cast(CLOSE)
            for caller in callers:
                caller.cancel()
            assert await fed.ref.wait() == "normal"
            assert fed.inbox.withdrawn == waiting

    run_virtual(main())


@pytest.mark.parametrize("how", ["stop", "finish", "crash"])
def test_any_other_end_tells_the_callers(run_interleaved, how):
    async def main():
        fed = Fed()
        crashed = None
        try:
            async with fed:
                callers = await fed.calls("a", "b")
                if how == "stop":
                    await fed.ref.stop()
                elif how == "finish":
                    fed.ref.finish()
                else:
                    fed.ref.cast("what")
                await fed.ref.wait()
                await settled()
        except ValueError as error:
            crashed = error
        assert (crashed is not None) == (how == "crash")
        await asyncio.wait(callers)
        for caller in callers:
            with pytest.raises(StageStopped, match="'Inbox' has ended"):
                caller.result()
        assert fed.sink.events == []
        assert (fed.inbox.taken, fed.inbox.withdrawn) == (0, 0)

    run_interleaved(main())


def test_what_was_taken_for_a_consumer_that_left_is_for_the_next(run_virtual):
    async def main():
        async with Fed() as fed:
            next_one: ProbeConsumer[object] = ProbeConsumer()
            fed.sink.ask(2)
            await settled()
            await fed.sink._producers[0].cancel()
            await settled()
            assert await fed.ref.call("a") == 1
            await fed.group.start(next_one, subscribe_to=[fed.ref])
            next_one.ask(5)
            await next_one.expect(["a"])

    run_virtual(main())


def test_events_that_a_selector_refuses_hold_nobody_up(run_virtual):
    class Shared(Inbox[int]):
        dispatcher = BroadcastDispatcher()

    async def main():
        sink: ProbeConsumer[int] = ProbeConsumer()
        async with StageGroup() as group:
            ref = await group.start(Shared())
            even = Subscribe(ref, selector=lambda n: n % 2 == 0)
            await group.start(sink, subscribe_to=[even])
            sink.ask(2)
            for n in range(3):  # the refused one uses none of the two
                assert await ref.call(n) == n + 1
            await sink.expect([0, 2])
            with pytest.raises(TimeoutError):
                await ref.call(3)

    run_virtual(main())


def test_many_callers_are_served_in_their_order(run_virtual):
    async def main():
        async with Fed() as fed:
            count = 1000
            tasks = [asyncio.create_task(fed.ref.call(n, timeout=None)) for n in range(count)]
            await settled()
            for _ in range(count):
                fed.sink.ask(1)
            assert await asyncio.gather(*tasks) == list(range(1, count + 1))

    run_virtual(main())


async def test_a_thread_waits_too():
    sink: ProbeConsumer[str] = ProbeConsumer()
    numbers = []
    ended = []

    def feed(ref):
        numbers.append(put(ref, "a"))
        try:
            put(ref, "b")
        except StageStopped as error:
            ended.append(error)

    async with StageGroup() as group:
        inbox: Inbox[str] = Inbox()
        ref = await group.start(inbox)
        await group.start(sink, subscribe_to=[ref])
        feeding = asyncio.ensure_future(asyncio.to_thread(feed, ref))
        sink.ask(1)
        await sink.expect(["a"], within=30)
        await ref.stop()
        await asyncio.wait_for(feeding, 30)
    assert numbers == [1]
    assert len(ended) == 1


def tree(folder: Path) -> dict[str, str]:
    expected = {}
    for n in range(30):
        path = folder / f"d{n % 3}" / f"f{n}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * n)
        expected[str(path)] = hashlib.sha256(b"x" * n).hexdigest()
    return expected


@pytest.mark.parametrize("readers", ["1", "3"])
def test_main(tmp_path, capsys, readers):
    expected = tree(tmp_path)
    folders = [str(tmp_path / f"d{n}") for n in range(3)]
    assert fed_from_outside.main([*folders, "--readers", readers]) == 0
    captured = capsys.readouterr()
    found = dict(reversed(line.split("  ")) for line in captured.out.splitlines())
    assert found == expected
    assert captured.err == "30 files, 0 of them cannot be read\n"


def test_a_file_that_cannot_be_read(tmp_path, capsys, monkeypatch):
    expected = tree(tmp_path)

    def digest(file, name):
        if file.name.endswith("f7"):
            raise OSError("cannot read f7")
        return hashlib.new(name, file.read())

    monkeypatch.setattr(hashlib, "file_digest", digest)
    assert fed_from_outside.main([str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == len(expected) - 1
    assert "cannot read f7" in captured.err


def test_walkers_are_never_ahead_of_the_readers(tmp_path, monkeypatch):
    tree(tmp_path)
    lock, open_now, most = threading.Lock(), [0], [0]
    real_put = put

    def counting_put(ref, event):
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        number = real_put(ref, event)
        with lock:
            open_now[0] -= 1
        return number

    monkeypatch.setattr(fed_from_outside, "put", counting_put)
    told = []
    folders = [tmp_path / "d0", tmp_path / "d1"]
    files = fed_from_outside.checksums(folders, 1, lambda path, result: told.append(path))
    assert asyncio.run(files) == len(told) == 20
    assert most[0] <= len(folders)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "required: FOLDER"),
        (["no such folder"], "must be a folder, not 'no such folder'"),
        ([".", "--readers", "0"], "must be 1 or more, not 0"),
    ],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit):
        fed_from_outside.main(arguments)
    assert text in capsys.readouterr().err


def test_ctrl_c(interrupted, tmp_path):
    tree(tmp_path)
    fifo = tmp_path / "d0" / "endless"
    fifo.symlink_to("/dev/zero")  # no file, and so it is left out
    for n in range(2000):
        (tmp_path / f"g{n}").write_bytes(b"")
    status, _, errors = interrupted("fed_from_outside", str(tmp_path), after="  ")
    assert (status, errors) == (130, "fed_from_outside: interrupted\n")
