"""Ends of channels, and the way to other processes."""

import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys

import pytest

from flowlike.nodes.channel import make_channel, receive_end, send_end


@pytest.fixture
def way():
    """The two ends of a socket that carries ends."""
    with contextlib.ExitStack() as stack:
        ends = socket.socketpair()
        for end in ends:
            stack.enter_context(end)
        yield ends


async def talk(one, two):
    """Send a message from one link to the other."""
    arrived = asyncio.get_running_loop().create_future()
    two.on_message(arrived.set_result)
    one.attach()
    two.attach()
    one.send("hello")
    assert await arrived == "hello"
    one.close()
    two.close()


async def test_both_ends_are_links_to_each_other():
    one, two = make_channel()
    await talk(one.link(), two.link())


async def test_an_end_that_was_sent_works_where_it_was_received(way):
    one, two = make_channel()
    sent = two.descriptors()
    send_end(way[0], two)
    for descriptor in sent:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    received = receive_end(way[1])
    assert not any(os.get_inheritable(descriptor) for descriptor in received.descriptors())
    await talk(one.link(), received.link())


async def test_several_ends_arrive_in_their_order(way):
    channels = [make_channel() for _ in range(5)]
    for _, two in channels:
        send_end(way[0], two)
    for one, _ in channels:
        await talk(one.link(), receive_end(way[1]).link())


def test_an_end_that_cannot_be_sent_is_closed(way):
    one, two = make_channel()
    way[1].close()
    with pytest.raises(BrokenPipeError):
        send_end(way[0], two)
    one.close()  # the fixture counts what is open


def test_who_receives_is_told_that_the_sender_is_gone(way):
    way[0].close()
    with pytest.raises(EOFError, match="is gone"):
        receive_end(way[1])


def test_a_process_that_may_not_have_more_files_is_told_so(way):
    one, two = make_channel()
    send_end(way[0], two)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)  # the next that the system would give
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        with pytest.raises(OSError, match="too many"):
            receive_end(way[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    one.close()


ECHO = """
import asyncio, socket, sys
from flowlike.nodes.channel import receive_end

async def main():
    link = receive_end(way).link()
    lost = asyncio.Event()
    link.on_message(link.send)
    link.on_lost(lost.set)
    link.attach()
    await lost.wait()

with socket.socket(fileno=int(sys.argv[1])) as way:
    asyncio.run(main())
"""


def start_echo(way):
    """A process that receives an end, and sends back what arrives there."""
    program = [sys.executable, "-c", ECHO, str(way.fileno())]
    return subprocess.Popen(program, pass_fds=[way.fileno()])


async def test_two_processes_talk_over_a_channel_that_a_third_has_made(way):
    ours, theirs = way
    process = start_echo(theirs)
    one, two = make_channel()
    send_end(ours, two)
    link = one.link()
    answers = asyncio.Queue()
    link.on_message(answers.put_nowait)
    link.attach()
    for message in ("one", {"two": bytes(100_000)}, 3):
        link.send(message)
        assert await answers.get() == message
    link.close()
    assert process.wait(10) == 0
