"""The stages of one process, and the way from them to those of others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flowlike.carried import CarriedError
from flowlike.errors import NodeLost, StageStopped
from flowlike.nodes.address import Address
from flowlike.nodes.known_errors import KnownErrors
from flowlike.nodes.link import Link, Unreadable
from flowlike.nodes.neighbour import Broken, Neighbour
from flowlike.nodes.remote_ref import RemoteRef
from flowlike.options import check_count
from flowlike.stages.numbers import numbers
from flowlike.stages.ref import StageRef

__all__ = ["Node"]

_Parked = list[tuple[Neighbour, tuple[Any, ...]]]


class Node:
    """Lets stages on several event loops subscribe to each other over links.

    Stages see no difference: subscribing, demand, events, ends and their reasons cross in the
    order of the protocol. A node serves one run at a time, and their numbers grow. What comes for
    a stage that is not there yet waits for it; what comes for a run that has ended is dropped.
    When a link is lost, every subscription over it is over, with `NodeLost` as the reason.

    All of it happens on the thread of the loop that serves the links.

    Args:
        number: names it among the nodes that it is joined to; 0 is the one that begins runs.
        better: see `KnownErrors`.

    Raises:
        TypeError: it is no integer.
        ValueError: it is negative.

    Attributes:
        number: the same.
    """

    def __init__(
        self, number: int, better: Callable[[BaseException], BaseException | None] | None = None
    ) -> None:
        self.number = check_count("number", number, least=0)
        numbers.of_process(number)
        self._errors = KnownErrors(number, better)
        self._neighbours: dict[int, Neighbour] = {}
        self._run: int | None = None
        self._last = -1  # the last run that has begun
        self._stages: dict[int, StageRef] = {}
        self._places: dict[StageRef, int] = {}
        self._parked: dict[int, dict[int, _Parked]] = {}  # by run and stage
        self._lost = 0

    def __repr__(self) -> str:
        run = "no run" if self._run is None else f"run {self._run}"
        return f"<Node {self.number} in {run}, joined to {sorted(self._neighbours)}>"

    @property
    def lost(self) -> int:
        """How many events did not cross: sent to nodes that are lost, or come for ended runs.

        What was on a link when it was lost nobody knows.
        """
        return self._lost + sum(each.lost for each in self._neighbours.values())

    # Nodes.

    def join(self, number: int, link: Link, name: str) -> None:
        """Be joined to another node; one that was lost may be joined again, by another link.

        Args:
            number: of the other node.
            link: to it.
            name: of it, for messages: "worker process 2 (pid 77)".

        Raises:
            ValueError: this node has that number, or one that is joined already.
        """
        before = self._neighbours.get(number)
        if number == self.number or (before is not None and before.is_there):
            raise ValueError(f"node {self.number} cannot be joined to another node {number}")
        if before is not None:
            self._lost += before.lost
        neighbour = Neighbour(number, name, link, self._errors, self._place)
        self._neighbours[number] = neighbour
        link.on_message(partial(self._take, neighbour))
        link.on_lost(partial(self._lose, neighbour))

    def lose(self, number: int, error: BaseException) -> None:
        """Give a node up: its link is closed, subscriptions over it end with ``error``."""
        self._neighbours[number].lose(error)

    def _lose(self, neighbour: Neighbour) -> None:
        error = NodeLost(f"{neighbour.name} has closed its link")
        error.node = neighbour.name
        neighbour.lose(error)

    # Runs.

    def begin(self, run: int) -> None:
        """Begin a run: what comes for its stages is delivered, or waits for them.

        Raises:
            RuntimeError: another one has not ended.
            ValueError: a later one has ended.
        """
        if self._run is not None:
            raise RuntimeError(f"run {run} cannot begin before the end of run {self._run}")
        if run <= self._last:
            raise ValueError(f"run {run} cannot begin after run {self._last}: numbers grow")
        self._run = self._last = run
        for each in [each for each in self._parked if each < run]:
            self._drop(self._parked.pop(each))

    def end(self, run: int) -> None:
        """End a run: its stages are forgotten, what is parked or still comes is dropped.

        One that has ended, or has not begun, stays so.
        """
        if run != self._run:
            return
        self._run = None
        self._drop(self._parked.pop(run, {}))
        self._stages.clear()
        self._places.clear()
        for neighbour in self._neighbours.values():
            neighbour.forget()
        self._errors.forget()

    def _drop(self, parked: dict[int, _Parked]) -> None:
        for messages in parked.values():
            for neighbour, message in messages:
                neighbour.refuse(message)

    # Stages.

    def admit(self, ref: StageRef, stage: int) -> Address:
        """Let others know a stage that lives here; it is given what has come for it, in order.

        Args:
            ref: of the stage, which has been told to start.
            stage: its number, by which others call it in this run.

        Raises:
            RuntimeError: no run is on.
            ValueError: another stage has the number.
        """
        if self._run is None:
            raise RuntimeError(f"stage {ref.name!r} belongs to no run: begin one")
        if stage in self._stages:
            raise ValueError(
                f"stage {ref.name!r} cannot be number {stage}, which is {self._stages[stage]!r}"
            )
        self._stages[stage] = ref
        self._places[ref] = stage
        for neighbour, message in self._parked.get(self._run, {}).pop(stage, ()):
            neighbour.deliver(ref, message)
        return Address(self.number, self._run, stage)

    def ref(self, address: Address, name: str) -> StageRef | RemoteRef:
        """The stage that lives here, or one that sends there.

        Args:
            address: of the stage.
            name: of the stage, for messages.

        Raises:
            ValueError: no stage has this address here, or its node is not joined.
        """
        node, run, stage = address
        if node == self.number:
            if run != self._run or stage not in self._stages:
                raise ValueError(f"stage {name!r} is not here: {self!r} knows no {address}")
            return self._stages[stage]
        if node not in self._neighbours:
            raise ValueError(f"stage {name!r} is out of reach of {self!r}: {address}")
        return RemoteRef(self._neighbours[node], address, name)

    def _place(self, ref: StageRef, run: int) -> int:
        """The number of a stage here; one that nobody has admitted gets one of its own.

        Raises:
            StageStopped: the run has ended.
        """
        if run != self._run:
            raise StageStopped(f"run {run}, to which stage {ref.name!r} subscribes, has ended")
        place = self._places.get(ref)
        if place is None:
            place = -1 - len(self._stages)
            self.admit(ref, place)
        return place

    # Exceptions.

    def pack(self, error: BaseException) -> CarriedError:
        """An exception for another node; there it is one object, on whatever ways it comes."""
        return self._errors.pack(error)

    def open(self, carried: CarriedError) -> BaseException:
        """An exception of another node: the same object each time, until the run ends."""
        return self._errors.open(carried)

    # Messages.

    def _take(self, neighbour: Neighbour, message: Any) -> None:
        if type(message) is tuple:
            run, stage = message[0], message[1]
            if run == self._run:
                ref = self._stages.get(stage)
                if ref is not None:
                    neighbour.deliver(ref, message)
                    return
            if run == self._run or run > self._last:
                parked = self._parked.setdefault(run, {}).setdefault(stage, [])
                parked.append((neighbour, message))
            else:
                neighbour.refuse(message)
        elif self._run is not None:
            self._break(neighbour, message)

    def _break(self, neighbour: Neighbour, message: Unreadable | Broken) -> None:
        """What was in a message is lost, and nobody knows for whom it was."""
        assert self._run is not None
        if isinstance(message, Broken):
            if message.run == self._run:
                neighbour.break_off(self.open(message.error))
            return
        readers = " or ".join(map(repr, neighbour.readers())) or f"node {self.number}"
        message.error.add_note(f"while a message of {neighbour.name} to {readers} was unpickled")
        neighbour.link.send(Broken(self._run, self.pack(message.error)))
        neighbour.break_off(message.error)
