"""Lines from TCP clients, with back-pressure down to the socket of the sender.

Run it with ``python examples/patterns/tcp_lines.py --port 7777``, and elsewhere
``nc localhost 7777 < README.md``. Ctrl-C ends it, ``--lines 1000`` does after so many.

A client of which a line waits for somebody to want it is not read: its socket is left alone, the
kernel's buffers fill, TCP tells the other side, and there ``send`` blocks. So a consumer that is
slow slows the senders, and a client that sends for ever costs no more memory than one that sends
once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple

from flowlike import Consumer, Producer, StageGroup, Subscribe, Subscription

FINISH: Final = "finish"
"""``ref.cast(FINISH)``: take no more clients and lines, deliver what was received, then finish."""


class Line(NamedTuple):
    """A line and who sent it.

    Attributes:
        client: address and port.
        text: without the end of the line (LF or CR LF).
    """

    client: str
    text: bytes


class TcpLines(Producer[Line]):
    """Listens on a port and emits the lines of all clients.

    The lines of a client come in its order; clients that have lines take turns. A
    client of which lines wait is not read until they are gone. So it holds of each client no more
    than one reading of its socket (256 KiB in asyncio) and the beginning of a line, ``max_line``
    bytes.

    * A line that is too long is dropped up to its end, and counted; its client goes on.
    * What a client sent last, without an end of line, is a line if the client has closed the
      connection in order. If the connection broke, it is dropped, and counted.
    * A client more than ``max_clients`` is sent away, and counted.
    * ``ref.cast(FINISH)`` ends it: nothing is read any more, the lines that it holds are
      delivered as they are asked for, then it finishes. What a client has sent and was not read
      is lost: TCP has no word for it, and so a protocol that minds needs answers of its own.
    * When it ends otherwise it closes all connections at once.

    Args:
        port: 0 for any; see ``address``.
        host: where to listen; ``None`` for everywhere.
        max_line: the most bytes of a line, its end not counted.
        max_clients: the most clients at a time.

    Attributes:
        address: host and port, once it listens.
        too_long: lines that were dropped because they were.
        broken: lines that were dropped because their connection broke in the midst of them.
        refused: clients that were sent away.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        port: int = 0,
        host: str | None = "127.0.0.1",
        *,
        max_line: int = 64 * 1024,
        max_clients: int = 1000,
    ) -> None:
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be 0 (any) to 65535, not {port}")
        for name, value in (("max_line", max_line), ("max_clients", max_clients)):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, not {value}")
        self.max_line = max_line
        self.max_clients = max_clients
        self.address = (host or "", port)
        self.too_long = self.broken = self.refused = 0
        self._open = 0  # lines asked for that have not come
        self._clients: set[Connection] = set()
        self._ready: deque[Connection] = deque()  # of which lines wait, by whose turn is next
        self._finishing = False
        self._server: asyncio.Server | None = None

    @property
    def clients(self) -> int:
        """How many are connected now."""
        return len(self._clients)

    @property
    def held(self) -> int:
        """How many bytes of clients it holds now: lines that wait, and beginnings of lines."""
        holding = {*self._clients, *self._ready}
        return sum(client.held() for client in holding)

    async def on_start(self) -> None:
        """Begin to listen; on the same port again after a restart."""
        self._open, self._finishing = 0, False
        self._clients, self._ready = set(), deque()
        host, port = self.address
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host or None, port)
        self.address = (host, self._server.sockets[0].getsockname()[1])

    def handle_demand(self, demand: int) -> None:
        """Deliver lines that wait; then let clients be read."""
        self._open += demand
        self._deliver()

    def handle_cast(self, message: str) -> None:
        """Finish.

        Raises:
            ValueError: the message is not ``FINISH``.
        """
        if message != FINISH:
            raise ValueError(f"TcpLines is cast FINISH only, not {message!r:.80}")
        self._finishing = True
        self._close()
        self._deliver()

    def on_stop(self, reason: str | BaseException) -> Coroutine[Any, Any, None]:
        """Leave no socket behind. From now on nothing is emitted; the rest may take a moment."""
        self._open, self._finishing = 0, True
        self._ready.clear()
        gone = [client.gone for client in self._clients]
        self._close()
        server, self._server = self._server, None
        return _all_closed(server, gone)

    # Of its clients.

    def admit(self, client: Connection) -> bool:
        """Whether a new client may stay."""
        if self._finishing or len(self._clients) >= self.max_clients:
            self.refused += 1
            return False
        self._clients.add(client)
        return True

    def received(self, client: Connection) -> None:
        """Lines of a client wait, and none did before."""
        self._ready.append(client)
        self._deliver()

    def left(self, client: Connection) -> None:
        """A connection is over; lines of it that wait still are delivered."""
        self._clients.discard(client)

    def _deliver(self) -> None:
        ready = self._ready
        while self._open and ready:
            # Everybody gets a share, so that nobody waits behind a client that sends without end.
            share = max(1, self._open // len(ready))
            for _ in range(min(self._open, len(ready))):
                client = ready.popleft()
                lines = client.take(share)
                self._open -= len(lines)
                if client.waiting:
                    ready.append(client)
                else:
                    client.resume()
                self.emit(lines)
        if self._finishing and not ready:
            self.finish()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.abort()


async def _all_closed(server: asyncio.Server | None, gone: list[asyncio.Future[None]]) -> None:
    if gone:
        await asyncio.wait(gone)
    if server is not None:
        await server.wait_closed()


class Connection(asyncio.Protocol):
    """Cuts what a client sends into lines, and keeps those that nobody has taken.

    Args:
        source: told when lines wait.

    Attributes:
        waiting: lines that were received and not taken.
        gone: resolved when the connection is over.
    """

    def __init__(self, source: TcpLines) -> None:
        self.waiting: deque[bytes] = deque()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._source = source
        self._name = ""
        self._rest = b""  # the beginning of a line
        self._dropping = False  # up to the end of a line that is too long
        self._transport: Any = None  # an asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = transport
        # One that has vanished already has no name any more.
        host, port, *_ = transport.get_extra_info("peername") or ("?", 0)
        self._name = f"{host}:{port}"
        if not self._source.admit(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Cut it into lines, and read no further while one of them waits."""
        *lines, rest = (self._rest + data).split(b"\n")
        if self._dropping and lines:
            del lines[0]
            self._dropping = False
        kept = [line.removesuffix(b"\r") for line in lines]
        kept = [line for line in kept if len(line) <= self._source.max_line]
        self._source.too_long += len(lines) - len(kept)
        # One byte more than the most: it may be the \r of an end.
        if len(rest) > self._source.max_line + 1:
            self._source.too_long += not self._dropping
            self._dropping = True
        self._rest = b"" if self._dropping else rest
        self._add(kept)

    def eof_received(self) -> None:
        """The client has sent everything."""
        if self._rest:
            rest, self._rest = self._rest, b""
            if len(rest) <= self._source.max_line:
                self._add([rest])
            else:
                self._source.too_long += 1

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is closed, in order or not."""
        if self._rest:
            self._source.broken += 1
            self._rest = b""
        self._transport = None
        self._source.left(self)
        self.gone.set_result(None)

    def take(self, count: int) -> list[Line]:
        """At most ``count`` of the lines that wait."""
        waiting = self.waiting
        return [Line(self._name, waiting.popleft()) for _ in range(min(count, len(waiting)))]

    def resume(self) -> None:
        """Read on."""
        if self._is_open():
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def held(self) -> int:
        """How many bytes it keeps."""
        return sum(map(len, self.waiting)) + len(self._rest)

    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _add(self, lines: list[bytes]) -> None:
        if lines:
            known = bool(self.waiting)
            self.waiting.extend(lines)
            if not known:
                self._source.received(self)
            if self.waiting and self._is_open():
                self._transport.pause_reading()


class Printer(Consumer[Line]):
    """Prints lines with their clients.

    Args:
        most: call ``enough`` after so many; ``None``: never.
        enough: called once.
    """

    def __init__(self, most: int | None, enough: Callable[[], None]) -> None:
        self.count = 0
        self._most = most
        self._enough = enough

    def handle_events(self, events: list[Line], producer: Subscription) -> None:
        """One line for each."""
        for client, text in events:
            if self.count == self._most:
                return
            print(f"{client}  {text.decode(errors='replace')}", flush=True)
            self.count += 1
            if self.count == self._most:
                self._enough()


async def print_lines(source: TcpLines, most: int | None) -> int:
    """Print what clients send, until ``most`` lines have come.

    Returns:
        How many there were.
    """
    async with StageGroup() as group:
        lines = await group.start(source)
        host, port = source.address
        print(f"tcp_lines: listening on {host or '*'} port {port}", file=sys.stderr, flush=True)
        printer = Printer(most, lambda: lines.cast(FINISH))
        await group.start(printer, subscribe_to=[Subscribe(lines, max_demand=100)])
        await group.wait()
    return printer.count


def main(argv: Sequence[str] | None = None) -> int:
    """Print the lines that clients send to a port."""
    parser = argparse.ArgumentParser(description="Print the lines that clients send to a TCP port.")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, default=7777, help="0 for any (7777)")
    parser.add_argument("--lines", type=int, metavar="N", help="end after so many lines")
    parser.add_argument(
        "--max-line", type=int, default=64 * 1024, metavar="BYTES", help="the longest line (65536)"
    )
    parser.add_argument(
        "--max-clients", type=int, default=1000, metavar="N", help="at a time (1000)"
    )
    arguments = parser.parse_args(argv)
    if arguments.lines is not None and arguments.lines < 1:
        parser.error(f"argument --lines: must be 1 or more, not {arguments.lines}")
    try:
        source = TcpLines(
            arguments.port,
            arguments.host,
            max_line=arguments.max_line,
            max_clients=arguments.max_clients,
        )
    except ValueError as error:
        parser.error(str(error))
    status = 0
    try:
        asyncio.run(print_lines(source, arguments.lines))
    except OSError as error:
        print(f"tcp_lines: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        status = 130
    dropped = f"{source.too_long} lines too long, {source.broken} broken, {source.refused} refused"
    print(f"tcp_lines: ended; {dropped}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
