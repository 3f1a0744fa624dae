"""Links over socket pairs, served by a loop."""

import asyncio
import socket

import numpy as np
import pytest

from flowlike.nodes.frames import pack
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


async def test_a_link_that_is_detached_meanwhile_keeps_what_has_arrived():
    async with Ends() as ends:
        got = []

        def take(message):
            got.append(message)
            if message == 3:
                ends.two.detach()
                ends.arrived.put_nowait("detached")

        ends.two.on_message(take)
        for n in range(100):
            ends.one.send(n)  # all arrive at once
        assert await ends.arrived.get() == "detached"
        assert got == [0, 1, 2, 3]
        ends.two.on_message(ends.arrived.put_nowait)
        ends.two.attach()
        assert [await ends.arrived.get() for _ in range(96)] == list(range(4, 100))


async def test_who_fails_to_take_a_message_gets_the_others_all_the_same():
    async with Ends() as ends:
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))

        def take(message):
            if message == 3:
                raise ValueError("no")
            ends.arrived.put_nowait(message)

        ends.two.on_message(take)
        for n in range(10):
            ends.one.send(n)
        assert [await ends.arrived.get() for _ in range(9)] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
        assert [type(context["exception"]) for context in told] == [ValueError]


async def test_a_link_that_is_closed_by_a_message_takes_no_other():
    async with Ends() as ends:
        got = []
        lost = asyncio.Event()

        def take(message):
            got.append(message)
            ends.two.close()

        ends.two.on_message(take)
        ends.one.on_lost(lost.set)
        ends.one.send("first")
        ends.one.send("second")
        await lost.wait()
        assert got == ["first"]


@pytest.mark.parametrize("part", [1, 19, 25, 100_000])
async def test_a_peer_that_dies_in_the_middle_of_a_frame_is_lost(part):
    ours, theirs = socket.socketpair()
    link = SocketLink(ours)
    got, lost = [], asyncio.Event()
    link.on_message(got.append)
    link.on_lost(lost.set)
    link.attach()
    theirs.sendall(b"".join([*pack(0, "whole"), b"".join(pack(1, np.arange(50_000)))[:part]]))
    theirs.close()
    await lost.wait()
    assert got == ["whole"]
