"""Links over socket pairs, served by a loop."""

import asyncio
import socket

import numpy as np
import pytest

from flowlike.nodes.link import Unreadable
from flowlike.nodes.socket_link import SocketLink


class Ends:
    """Two links to each other, and what has arrived at the second."""

    def __init__(self):
        one, two = socket.socketpair()
        self.one, self.two = SocketLink(one), SocketLink(two)
        self.arrived = asyncio.Queue()
        self.lost = asyncio.Event()
        self.two.on_message(self.arrived.put_nowait)
        self.two.on_lost(self.lost.set)

    async def __aenter__(self):
        self.one.attach()
        self.two.attach()
        return self

    async def __aexit__(self, *error):
        self.one.close()
        self.two.close()


async def test_messages_arrive_once_and_in_order():
    async with Ends() as ends:
        sent = [n if n % 10 else np.full(20_000, n) for n in range(300)]
        for message in sent:
            ends.one.send(message)  # more than a socket holds
        for message in sent:
            got = await ends.arrived.get()
            assert np.array_equal(got, message)
        ends.one.close()
        await ends.lost.wait()
        assert ends.arrived.empty()


async def test_many_arrays_in_one_message():
    async with Ends() as ends:
        arrays = [np.full(8192, n) for n in range(600)]
        ends.one.send(arrays)
        assert all(map(np.array_equal, await ends.arrived.get(), arrays))


async def test_what_is_sent_on_no_loop_waits_for_the_next_one():
    async with Ends() as ends:
        ends.one.detach()
        ends.two.detach()
        ends.one.send("kept")
        ends.one.attach()
        ends.two.attach()
        assert await ends.arrived.get() == "kept"


async def test_what_cannot_be_pickled_was_not_sent():
    async with Ends() as ends:
        with pytest.raises(TypeError, match="generator"):
            ends.one.send(n for n in range(3))
        ends.one.send("next")
        assert await ends.arrived.get() == "next"


class Broken:
    """Can be pickled, but not made again."""

    def __reduce__(self):
        return (int, ("no number",))


async def test_what_cannot_be_made_arrives_as_its_error():
    async with Ends() as ends:
        ends.one.send(Broken())
        got = await ends.arrived.get()
        assert isinstance(got, Unreadable)
        assert isinstance(got.error, ValueError)


async def test_a_link_to_nobody_drops_what_is_sent_and_is_lost_once():
    async with Ends() as ends:
        ends.one.close()
        await ends.lost.wait()
        ends.lost.clear()
        ends.two.send("into the void")
        assert not ends.lost.is_set()
