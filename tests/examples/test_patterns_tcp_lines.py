"""The pattern of a TCP source with back-pressure down to the socket."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patterns import tcp_lines
from patterns.tcp_lines import FINISH, Connection, Line, TcpLines

from flowlike import StageGroup, Subscribe
from flowlike.testing import ProbeConsumer, run, settled

LONG = 30.0  # Seconds: a fuse where nothing but a failure takes long.


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LONG):
        while not condition():
            passed = loop.create_future()
            loop.call_soon(passed.set_result, None)
            await passed


class Listening:
    """A source, a probe behind it, and the clients of a test."""

    def __init__(self, *, manual: bool = False, **options) -> None:
        self.source = TcpLines(**options)
        self.sink: ProbeConsumer[Line] = ProbeConsumer(manual=manual)
        self.group = StageGroup()
        self.sockets: list[socket.socket] = []

    async def __aenter__(self):
        await self.group.__aenter__()
        self.ref = await self.group.start(self.source)
        await self.group.start(self.sink, subscribe_to=[Subscribe(self.ref)])
        return self

    async def __aexit__(self, *error: object):
        try:
            return await self.group.__aexit__(*error)
        finally:
            for each in self.sockets:
                each.close()

    async def connect(self) -> socket.socket:
        made = socket.socket()
        self.sockets.append(made)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        await asyncio.get_running_loop().sock_connect(made, self.source.address)
        return made

    async def send(self, data: bytes, *, close: bool = False) -> socket.socket:
        made = await self.connect()
        await asyncio.get_running_loop().sock_sendall(made, data)
        if close:
            made.close()
        return made

    async def texts(self, count: int) -> list[bytes]:
        return [text for _, text in await self.sink.take(count, within=LONG)]


async def test_lines_of_one_client():
    async with Listening() as here:
        made = await here.send(b"one\r\ntwo\n\n\r\n  \xff  \nlast")
        assert await here.texts(5) == [b"one", b"two", b"", b"", b"  \xff  "]
        host, port = made.getsockname()
        assert {line.client for line in here.sink.events} == {f"{host}:{port}"}
        made.close()
        assert await here.texts(1) == [b"last"]  # a file may end so, too
        await until(lambda: here.source.clients == 0)
        assert (here.source.too_long, here.source.broken, here.source.refused) == (0, 0, 0)


async def test_lines_of_many_clients_each_in_their_order():
    async with Listening() as here:
        count = 2000

        async def send(n):
            await here.send(b"".join(b"%d %d\n" % (n, k) for k in range(count)), close=True)

        async with asyncio.TaskGroup() as sending:
            for n in range(20):
                sending.create_task(send(n))
        texts = await here.texts(20 * count)
        for n in range(20):
            mine = [text for text in texts if text.startswith(b"%d " % n)]
            assert mine == [b"%d %d" % (n, k) for k in range(count)]


async def test_back_pressure_reaches_the_sending_socket():
    line = b"x" * 999 + b"\n"
    most = 64_000_000
    async with Listening(manual=True) as here:
        client = await here.connect()
        sent = turns = 0
        while sent < most and turns < 200:  # so often in a row the socket takes nothing
            try:
                sent += client.send((line * 100)[sent % 1000 :])
                turns = 0
            except BlockingIOError:
                turns += 1
                passed = asyncio.get_running_loop().create_future()
                asyncio.get_running_loop().call_soon(passed.set_result, None)
                await passed
        assert sent < most / 4, "the sender could send without end"
        assert 0 < here.source.held <= 256 * 1024 + here.source.max_line
        assert here.sink.events == []

        sending = asyncio.ensure_future(
            asyncio.get_running_loop().sock_sendall(client, line[sent % 1000 :])
        )
        whole = sent // 1000 + 1
        held = []
        taken = 0
        while taken < whole:  # what was asked for comes, and the sender may go on
            share = min(500, whole - taken)
            here.sink.ask(share)
            assert await here.texts(share) == [line[:-1]] * share
            taken += share
            held.append(here.source.held)
        await sending
        assert max(held) <= 256 * 1024 + here.source.max_line
        assert here.source.held == 0


async def test_a_client_that_sends_without_end_holds_up_nobody():
    async with Listening(manual=True) as here:
        greedy = await here.connect()
        sending = asyncio.ensure_future(
            asyncio.get_running_loop().sock_sendall(greedy, b"greedy\n" * 1_000_000)
        )
        await until(lambda: here.source.held > 0)
        await here.send(b"modest\n" * 5)
        await until(lambda: here.source.clients == 2)
        held = here.source.held
        await until(lambda: here.source.held > held)
        here.sink.ask(4)
        assert (await here.texts(4)).count(b"modest") == 2
        here.sink.ask(6)
        assert (await here.texts(6)).count(b"modest") == 3
        sending.cancel()
        await asyncio.wait([sending])


class Wire(asyncio.Transport):
    """Counts on nothing but what a transport is asked."""

    def __init__(self):
        super().__init__({"peername": ("there", 1)})
        self.paused = self.closing = False

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def is_closing(self):
        return self.closing

    def abort(self):
        self.closing = True


def lines_of(stream: bytes, most: int) -> tuple[list[bytes], int]:
    """What a reader with the whole stream before it would say."""
    *lines, rest = stream.split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines] + ([rest] if rest else [])
    return [line for line in lines if len(line) <= most], sum(len(line) > most for line in lines)


@given(
    pieces=st.lists(st.sampled_from([b"", b"a", b"bb", b"ccccc", b"\r", b"\n", b"\r\n"])),
    cuts=st.lists(st.integers(1, 6), min_size=1),
    most=st.integers(1, 6),
    asks=st.lists(st.integers(1, 4)),
)
def test_however_the_stream_is_cut(pieces, cuts, most, asks):
    stream = b"".join(pieces)

    async def main():
        source, sink = TcpLines(max_line=most), ProbeConsumer()
        source.on_start = lambda: None  # no socket here
        wire = Wire()
        asking = iter(asks)
        async with StageGroup() as group:
            ref = await group.start(source)
            await group.start(sink, subscribe_to=[ref])
            connection = Connection(source)
            connection.connection_made(wire)
            at = turn = 0
            while at < len(stream):
                cut = cuts[turn % len(cuts)]
                turn += 1
                if not wire.paused:
                    connection.data_received(stream[at : at + cut])
                    at += cut
                    assert len(connection._rest) <= most + 1
                assert wire.paused == bool(connection.waiting)
                if wire.paused:
                    sink.ask(next(asking, 1))
                    await settled()
            connection.eof_received()
            connection.connection_lost(None)
            sink.ask(1000)
            await settled()
            await ref.stop()
        assert (
            [line.text for line in sink.events],
            source.too_long,
        ) == lines_of(stream, most)
        assert source.broken == 0

    run(main())


async def test_a_line_that_is_too_long_is_dropped_and_counted():
    async with Listening(max_line=1000) as here:
        await here.send(b"a\n" + b"x" * 1_000_000 + b"\nb\n" + b"y" * 1001 + b"\n" + b"z" * 1000)
        here.sockets[-1].close()
        assert await here.texts(3) == [b"a", b"b", b"z" * 1000]
        assert here.source.too_long == 2


async def test_a_connection_that_breaks():
    async with Listening() as here:
        made = await here.send(b"whole\npart")
        assert await here.texts(1) == [b"whole"]
        await until(lambda: here.source.held == 4)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.close()  # with a reset
        await until(lambda: here.source.clients == 0)
        assert (here.source.broken, here.source.held) == (1, 0)


async def test_lines_of_a_client_that_has_left_still_come():
    async with Listening(manual=True) as here:
        await here.send(b"a\nb\nc", close=True)
        await until(lambda: here.source.held > 0)
        here.sink.ask(1)
        assert await here.texts(1) == [b"a"]
        here.sink.ask(9)
        assert await here.texts(2) == [b"b", b"c"]


async def test_finish_delivers_what_it_holds():
    async with Listening(manual=True) as here:
        await here.send(b"a\nb\nrest")
        await here.connect()
        await until(lambda: here.source.held == 6)
        await until(lambda: here.source.clients == 2)
        here.ref.cast(FINISH)
        here.sink.ask(1)
        assert await here.texts(1) == [b"a"]
        for made in here.sockets:  # all are told: an end, or a reset where something was not read
            with_end = asyncio.get_running_loop().sock_recv(made, 1)
            assert await asyncio.gather(with_end, return_exceptions=True) != [b"x"]
        with pytest.raises(ConnectionRefusedError):
            await here.connect()
        assert "running" in repr(here.ref)
        here.sink.ask(5)
        assert await here.texts(1) == [b"b"]
        assert await here.ref.wait() == "normal"
        assert await here.sink.expect_end(within=LONG) == "normal"
        assert here.source.broken == 1


async def test_finish_without_clients():
    async with Listening() as here:
        here.ref.cast(FINISH)
        await here.group.wait()
        assert here.sink.reason == "normal"


@pytest.mark.parametrize("how", ["stop", "crash"])
async def test_any_other_end_closes_everything(how):
    here = Listening(manual=True)
    crashes = pytest.raises(ValueError, match="cast FINISH only")
    with crashes if how == "crash" else nullcontext():
        async with here:
            await here.send(b"a\nb\n")
            await until(lambda: here.source.held == 2)
            if how == "stop":
                await here.ref.stop()
            else:
                here.ref.cast("what")
                await here.group.wait()
    assert (here.source.clients, here.source.held) == (0, 0)
    with socket.socket() as made, pytest.raises(ConnectionRefusedError):
        made.connect(here.source.address)


async def test_a_restart_listens_on_the_same_port(caplog):
    source, sink = TcpLines(), ProbeConsumer(manual=False)
    async with StageGroup("one_for_one") as group:
        ref = await group.start(source)
        await group.start(sink, subscribe_to=[Subscribe(ref, cancel="temporary")])
        address = source.address
        ref.cast("what")
        await until(lambda: "is started again" in caplog.text and source._server is not None)
        assert source.address == address
        _, writer = await asyncio.open_connection(*address)
        writer.write(b"again\n")
        [line] = await sink.take(1, within=LONG)
        assert line.text == b"again"
        writer.close()
        await writer.wait_closed()


async def test_one_client_too_many_is_sent_away():
    async with Listening(max_clients=2) as here:
        loop = asyncio.get_running_loop()
        first = await here.send(b"a\n")
        await here.send(b"b\n")
        await here.texts(2)
        third = await here.connect()
        answer = await asyncio.gather(loop.sock_recv(third, 1), return_exceptions=True)
        assert answer == [b""] or isinstance(answer[0], ConnectionResetError)
        assert (here.source.refused, here.source.clients) == (1, 2)
        first.close()
        await until(lambda: here.source.clients == 1)
        await here.send(b"d\n")
        assert await here.texts(1) == [b"d"]


async def test_a_port_that_is_taken():
    async with Listening() as here:
        host, port = here.source.address
        with pytest.raises(OSError, match="address already in use"):
            async with StageGroup() as group:
                await group.start(TcpLines(port, host))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": -1}, "port must be 0 .any. to 65535, not -1"),
        ({"max_line": 0}, "max_line must be 1 or more, not 0"),
        ({"max_clients": 0}, "max_clients must be 1 or more, not 0"),
    ],
)
def test_bad_options(options, text):
    with pytest.raises(ValueError, match=text):
        TcpLines(**options)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(["--lines", "0"], "must be 1 or more, not 0"), (["--port", "70000"], "not 70000")],
)
def test_bad_arguments(arguments, text, capsys):
    with pytest.raises(SystemExit):
        tcp_lines.main(arguments)
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("how", ["enough", "ctrl-c"])
def test_the_program(how):
    options = ["--port", "0"] + (["--lines", "2"] if how == "enough" else [])
    with subprocess.Popen(
        [sys.executable, tcp_lines.__file__, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        port = int(program.stderr.readline().split()[-1])
        with socket.create_connection(("127.0.0.1", port)) as made:
            made.sendall(b"one\ntwo\nthree\n")
            name = "{}:{}".format(*made.getsockname())
            printed = [program.stdout.readline() for _ in range(2)]
            assert printed == [f"{name}  one\n", f"{name}  two\n"]
            if how == "ctrl-c":
                program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=30)
        assert errors == "tcp_lines: ended; 0 lines too long, 0 broken, 0 refused\n"
        assert program.returncode == (0 if how == "enough" else 130)
