"""A link that breaks its promise is found out by the numbers of its frames."""

from __future__ import annotations

import socket

import pytest
from plain_stages import Collect, Count

from flowlike import StageGroup, Subscribe
from flowlike.nodes.node import Node
from flowlike.nodes.socket_link import SocketLink


class Faulty(SocketLink):
    """Loses, doubles or delays one message.

    Args:
        ours: the socket.
        fault: what happens.
        at: to which message.
    """

    def __init__(self, ours, fault, at):
        super().__init__(ours)
        self.fault, self.at = fault, at
        self.late = []

    def _add(self, pieces):
        sent = [pieces, *self.late]
        self.late = []
        if self._sent == self.at:
            match self.fault:
                case "loses":
                    sent = []
                case "doubles":
                    sent = [pieces, pieces]
                case "delays":
                    sent, self.late = [], [pieces]
        number = self._sent
        for each in sent:
            super()._add(each)
        self._sent = number + 1


async def flow_over(links):
    """Have events of two producers cross: when one waits for what was lost, the other goes on.

    Returns:
        The events that have arrived of each.
    """
    zero, one = Node(0), Node(1)
    zero.join(1, links[0], "node 1")
    one.join(0, links[1], "node 0")
    collects = [Collect(), Collect()]
    for node, link in zip((zero, one), links, strict=True):
        node.begin(1)
        link.attach()
    try:
        async with StageGroup() as group:
            for number, collect in enumerate(collects):
                address = zero.admit(group.spawn(Count(1000)), number)
                to = Subscribe(one.ref(address, "count"), max_demand=10)
                group.spawn(collect, subscribe_to=[to])
            await group.wait()
    finally:
        for link in links:
            link.close()
    return [collect.events for collect in collects]


async def test_a_link_that_keeps_its_promise():
    links = [Faulty(end, "nothing", 0) for end in socket.socketpair()]
    assert await flow_over(links) == [[*range(1000)]] * 2


@pytest.mark.parametrize("fault", ["loses", "doubles", "delays"])
@pytest.mark.parametrize("at", [0, 1, 7, 100])
@pytest.mark.parametrize("faulty", ["producer's", "consumer's"])
async def test_a_link_that_breaks_it_ends_the_flow_when_more_is_sent(fault, at, faulty):
    ends = zip(socket.socketpair(), ["producer's", "consumer's"], strict=True)
    links = [Faulty(end, fault if whose == faulty else "nothing", at) for end, whose in ends]
    with pytest.raises(RuntimeError, match=r"message \d+ came where \d+ was expected"):
        await flow_over(links)
