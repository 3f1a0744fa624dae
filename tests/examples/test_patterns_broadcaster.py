"""The pattern of one stream with many listeners."""

from __future__ import annotations

import sys

import pytest
from patterns import broadcaster
from patterns.broadcaster import Broadcaster

from flowlike import StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, ProbeProducer, settled


def is_even(n):
    return n % 2 == 0


def test_everybody_gets_what_their_selector_takes(run_interleaved):
    async def main():
        source, all_of_it, even = ProbeProducer(), ProbeConsumer(), ProbeConsumer()
        async with StageGroup() as group:
            stage = Broadcaster()
            ref = await group.start(stage)
            await group.start(all_of_it, subscribe_to=[ref])
            await group.start(even, subscribe_to=[Subscribe(ref, selector=is_even)])
            assert stage.listeners == 2
            await ref.subscribe(await group.start(source))
            source.emit(range(10))
            all_of_it.ask(6)
            even.ask(2)
            # At the pace of the slowest: it wanted two even numbers, and odd ones cost it nothing.
            await all_of_it.expect(range(3))
            await even.expect([0, 2])
            await all_of_it.expect_nothing()
            even.ask(9)
            await all_of_it.expect([3, 4, 5])
            all_of_it.ask(9)
            await all_of_it.expect([6, 7, 8, 9])
            await even.expect([4, 6, 8])
            source.finish()
            await group.wait()
        assert [all_of_it.reason, even.reason] == ["normal", "normal"]

    run_interleaved(main())


def test_nothing_is_taken_while_nobody_listens(run_interleaved):
    async def main():
        source, late = ProbeProducer(), ProbeConsumer(manual=False)
        async with StageGroup() as group:
            ref = await group.start(Broadcaster(), subscribe_to=[await group.start(source)])
            source.emit([1, 2])
            await settled()
            assert ref.counts().events_in == 0
            await group.start(late, subscribe_to=[ref])
            await late.expect([1, 2])

    run_interleaved(main())


def test_a_listener_that_comes_later_and_one_that_goes(run_interleaved):
    async def main():
        source, first, second = ProbeProducer(), ProbeConsumer(), ProbeConsumer(manual=False)
        async with StageGroup() as group:
            stage = Broadcaster()
            ref = await group.start(stage, subscribe_to=[await group.start(source)])
            options = Subscribe(ref, cancel="temporary")
            one = await group.start(first)
            subscription = await one.subscribe(options)
            first.ask(1)
            source.emit(["a", "b", "c"])
            await first.expect(["a"])
            await group.start(second, subscribe_to=[ref])
            await second.expect_nothing()  # the first one holds everybody up
            await subscription.cancel()
            await second.expect(["b", "c"])
            assert stage.listeners == 1

    run_interleaved(main())


def test_it_finishes_when_the_last_listener_has_gone(run_interleaved):
    async def main():
        source, sink = ProbeProducer(), ProbeConsumer(manual=False)
        async with StageGroup("one_for_one") as group:
            producer = await group.start(source)
            ref = await group.start(Broadcaster(), subscribe_to=[producer], restart="temporary")
            listener = await group.start(sink, subscribe_to=[ref], restart="temporary")
            source.emit(["a"])
            await sink.expect(["a"])
            await listener.stop()
            assert await ref.wait() == "normal"

    run_interleaved(main())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_listener_that_crashes_leaves_the_others_alone(tmp_path, run_virtual):
    lines = [f"{n}\n" for n in range(1000)]
    good, bad = tmp_path / "good", "/dev/full"
    choices = broadcaster.choices_of([(str(good), "."), (bad, "7")], None)
    fine, failed = run_virtual(broadcaster.share_out(iter(lines), choices))
    assert good.read_text(encoding="utf-8") == "".join(lines)
    assert (fine.lines, fine.error) == (1000, None)
    assert isinstance(failed.error, OSError)


def test_main(tmp_path, capsys):
    log = tmp_path / "log"
    log.write_text("1 ERROR a\n2 info b\n3 WARN c\n4 FATAL d\n5 info e", encoding="utf-8")
    errors, rest = tmp_path / "errors", tmp_path / "rest"
    arguments = [str(log), "--to", str(errors), "ERROR|FATAL", "--to", "-", "WARN|d"]
    assert broadcaster.main([*arguments, "--rest", str(rest)]) == 0
    assert errors.read_text(encoding="utf-8") == "1 ERROR a\n4 FATAL d\n"
    assert rest.read_text(encoding="utf-8") == "2 info b\n5 info e"
    captured = capsys.readouterr()
    assert captured.out == "3 WARN c\n4 FATAL d\n"
    assert captured.err.splitlines() == [
        f"       2 lines to {errors}",
        "       2 lines to -",
        f"       2 lines to {rest}",
    ]


def test_files_that_cannot_be_opened_or_read(tmp_path, capsys):
    assert broadcaster.main([str(tmp_path / "missing"), "--to", "-", "a"]) == 1
    assert "missing" in capsys.readouterr().err
    log = tmp_path / "log"
    log.write_bytes(b"a\n\xff\n")
    assert broadcaster.main([str(log), "--to", str(tmp_path / "no" / "folder"), "a"]) == 1
    assert "folder" in capsys.readouterr().err
    assert broadcaster.main([str(log), "--to", "-", "a"]) == 1
    assert "can't decode byte 0xff" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_when_nobody_can_write_it_ends(tmp_path, capsys):
    log = tmp_path / "log"
    log.write_text("a\n" * 100_000, encoding="utf-8")
    assert broadcaster.main([str(log), "--to", "/dev/full", "a"]) == 1
    assert "0 lines to /dev/full, then it failed: [Errno 28]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give at least one --to PATH PATTERN, or --rest PATH"),
        (["--to", "a", "("], "the pattern of 'a' is none"),
        (["--to", "a", "x", "--rest", "a"], "'a' is given twice"),
    ],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit):
        broadcaster.main(arguments)
    assert text in capsys.readouterr().err


def test_ctrl_c(interrupted, tmp_path):
    rest = tmp_path / "rest"
    status, _, errors = interrupted(
        *("broadcaster", "--to", "-", "b", "--rest", str(rest)), feed="a\nb\n", after="b"
    )
    assert (status, errors) == (130, "broadcaster: interrupted\n")
    assert rest.read_text(encoding="utf-8") == "a\n"
