"""Graphs of recorded stages over several nodes, and their books.

What leaves a stage for another node is noted twice: when it is sent, and when it arrives. Between
the two it is on the way, or lost with a link.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from fake_links import FakeLink, Joined
from laws.graphs import Built
from laws.ledger import Ledger, TappedGroup

from flowlike import NodeLost
from flowlike.nodes.address import Address
from flowlike.nodes.remote_ref import RemoteRef
from flowlike.stages.messages import Events, Subscribed


class CrossingLedger(Ledger):
    """The books of an example on several nodes.

    Args:
        seed: of the delays on links.
        nodes: how many.
        places: the number of the node of each stage.
    """

    expected = (*Ledger.expected, NodeLost)

    def __init__(self, seed: int, nodes: int, places: list[int]) -> None:
        super().__init__(seed)
        self.joined = Joined(nodes, seed)
        self.places = places
        self.arrived: defaultdict[int, list[int]] = defaultdict(list)

    def node(self, stage: Any) -> int:
        """The number of the node that a stage lives on."""
        return self.places[stage.number % len(self.places)]

    def group(self, stage: Any) -> TappedGroup:
        return NodeGroup(self, stage)

    @contextmanager
    def tapping(self) -> Iterator[None]:
        """Note what is sent to other nodes."""
        deliver = RemoteRef.deliver

        def tapped(ref: RemoteRef, message: Any) -> None:
            if isinstance(message, Events):
                self._send(message)
            deliver(ref, message)

        with patch.object(RemoteRef, "deliver", tapped):
            yield

    def _send(self, message: Events) -> None:
        number, batch = message
        self.delivered[number].extend(batch)
        asked = self.asked[number]
        self.hold(len(self.delivered[number]) <= asked, f"{asked} were asked for, not so many")

    def read(self, stage: Any, message: Any) -> None:
        match message:
            case Events(number, batch) if self.crosses(number):
                self.arrived[number].extend(batch)
            case Subscribed(number, RemoteRef() as consumer, _):
                node, _, place = consumer.address
                ref = self.joined.nodes[node]._stages[place]
                self.ends[number] = (stage, ref._stage.stage)
            case _:
                super().read(stage, message)

    def crosses(self, number: int) -> bool:
        """Whether the ends of a subscription are on two nodes."""
        emitter, consumer = self.ends[number]
        return self.node(emitter) != self.node(consumer)

    def check(self, *, settled: bool = False) -> None:
        for number, arrived in self.arrived.items():
            sent = self.delivered[number]
            assert arrived == sent[: len(arrived)], "what arrives is what was sent, in order"
        super().check(settled=settled)

    def _missing(self, stage: Any, numbers: list[int]) -> int:
        missing = super()._missing(stage, numbers)
        for number in numbers:
            if self.ends[number][1] is stage and self.crosses(number):
                missing -= len(self.delivered[number]) - len(self.arrived[number])
        return missing

    def check_links(self) -> None:
        """What did not arrive is on the way, was on a link that was lost, or nodes know it."""
        links = self.joined.links.values()
        sent = sum(len(self.delivered[n]) for n in self.ends if self.crosses(n))
        arrived = sum(map(len, self.arrived.values()))
        unheard = sum(map(events_in, links))
        known = sum(node.lost for node in self.joined.nodes)
        assert sent == arrived + unheard + known


def events_in(link: FakeLink) -> int:
    """How many events were sent over a link and have not arrived."""
    messages = [*link.under_way(), *link.unheard]
    return sum(len(each[3]) for each in messages if len(each) == 4 and type(each[3]) is not int)


class NodeGroup(TappedGroup):
    """A group whose stages others know."""

    def __init__(self, ledger: CrossingLedger, stage: Any) -> None:
        super().__init__(ledger)
        self._node = ledger.joined.nodes[ledger.node(stage)]

    def _run(self, *args: Any) -> Any:
        running = super()._run(*args)
        self._node.admit(running.ref, running.stage.number)
        return running


class Spread(Built):
    """The stages of a graph on several nodes."""

    ledger: CrossingLedger

    def ref(self, to: Any, plan: dict[str, Any]) -> Any:
        here = self.ledger.node(plan["stage"])
        address = Address(self.ledger.node(to), 1, to.number)
        return self.ledger.joined.nodes[here].ref(address, str(to))

    def stage(self, plan: dict[str, Any]) -> Any:
        plan["stage"] = super().stage(plan)
        return plan["stage"]
