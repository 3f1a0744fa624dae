"""The worker processes of a runner whose stages live in them, seen from the parent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from weakref import WeakMethod

from flowlike.carried import CarriedError
from flowlike.errors import NodeLost, StageStopped
from flowlike.nodes.address import Address
from flowlike.nodes.channel import make_channel
from flowlike.nodes.crew import Crew
from flowlike.nodes.introductions import Introductions
from flowlike.nodes.link import Unreadable
from flowlike.nodes.node import Node
from flowlike.nodes.remote_ref import RemoteRef
from flowlike.nodes.run_messages import (
    Dismiss,
    Dismissed,
    EndStages,
    Invite,
    Met,
    Progress,
    Refusal,
    Reply,
    Request,
    Settled,
    StageEnded,
)
from flowlike.nodes.socket_link import SocketLink
from flowlike.nodes.stand_in import StandIn
from flowlike.nodes.worker_process import WorkerProcess
from flowlike.stages import StageGroup, StageRef

__all__ = ["Hosts"]

PATIENCE = 0.5
"""Seconds for a worker to do what it is told, until it is ended: a function may hold it."""

_NAMED = 3  # stages of a lost worker that its error names

Granted = Callable[[Any], Awaitable[None] | None]
"""Does what a guest asks for; what it awaits is awaited before the reply."""


class Hosts:
    """Worker processes for stages. They serve one run at a time, and stay warm between runs.

    Every two of them, and each of them and this process, have a link of their own, on which their
    stages talk. What concerns a run as a whole goes over the link to each worker that it started
    with. All methods but `close` are called on the thread of the run's event loop.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._crew = Crew(count, self._take, self._lose)
        known = WeakMethod(self._loss_of)  # who keeps the workers is kept by none of them

        def better(error: BaseException) -> BaseException | None:
            loss_of = known()
            return None if loss_of is None else loss_of(error)

        self._node = Node(0, better)
        self._losses: dict[str, NodeLost] = {}  # of this run, by the name of the worker
        self._introductions = Introductions()
        self._run = 0
        self._group: StageGroup
        self._grant: Granted
        self._stand_ins: dict[Address, StandIn] = {}
        self._guests: dict[WorkerProcess, asyncio.Future[bool] | None] = {}
        self._unsettled: set[WorkerProcess] = set()
        self._patience: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._admitted = 0

    def claim(self) -> bool:
        """Take them for a run, until `finish`; False if another one has them, or they are closed.

        A process that was forked off has none of them.
        """
        return self._crew.claim()

    @property
    def members(self) -> list[WorkerProcess]:
        """The workers."""
        return self._crew.members

    def begin(self, group: StageGroup, grant: Granted) -> None:
        """Begin a run that has claimed them: start those that are missing, without waiting.

        Args:
            group: owns the stages of the run, those in the workers too.
            grant: does what guests ask for.

        Raises:
            OSError: the system gives no more processes or descriptors.
        """
        self._group = group
        self._grant = grant
        self._run += 1
        self._admitted = 0
        for dead in [member for member in self.members if not member.is_alive]:
            self._crew.end(dead)
            self._forget(dead)
        self._crew.begin()
        self._node.begin(self._run)
        for member in self.members:
            link = member.data or self._link(member)
            link.on_lost(partial(self._crew.give_up, member))
            link.attach()
        self._introductions.begin(self.members)

    def address(self, ref: StageRef | StandIn) -> Address:
        """The address of a stage of the run, for those in the workers."""
        if isinstance(ref, StandIn):
            return ref.address
        self._admitted += 1
        return self._node.admit(ref, self._admitted)

    def stand_in(self, member: WorkerProcess, number: int, name: str, report: Any) -> StandIn:
        """What stands for a stage that will live in a worker, a stage of the group from now on.

        Args:
            member: the worker.
            number: of the stage, its own in this run and this worker.
            name: of the stage.
            report: what there is to report of a stage that has done nothing.
        """
        address = Address(member.number, self._run, number)
        remote = self._node.ref(address, name)
        assert isinstance(remote, RemoteRef)
        stand_in = StandIn(remote, self._end_stage, report)
        self._stand_ins[address] = stand_in
        self._group.adopt(stand_in)
        return stand_in

    def invite(self, member: WorkerProcess, guest: bytes) -> None:
        """Have a worker make its stages; those of the group wait until all have subscribed."""
        self._guests[member] = None
        self._unsettled.add(member)
        self._group.expect_subscription()
        run = self._run
        self._introductions.then(lambda: member.link.send(Invite(run, guest)))

    async def finish(self, *, keep: bool) -> None:
        """End the run, all stages have ended: nothing of it is left in the workers.

        Args:
            keep: whether they stay for another run; else they are ended.
        """
        try:
            if keep:
                await self._dismiss()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:  # also when whoever waits for it is cancelled
            self._clear()
            if not keep:
                self._crew.close()
            self._crew.finish()

    async def _dismiss(self) -> None:
        """Have the workers forget the run; those that do not are ended."""
        loop = asyncio.get_running_loop()
        answers = []
        for member in self._guests:
            if member in self.members:
                answer = self._guests[member] = loop.create_future()
                answers.append(answer)
                member.link.send(Dismiss(self._run))
        try:
            if answers:
                await asyncio.wait(answers, timeout=2 * PATIENCE)
        finally:
            for member, is_clean in self._guests.items():
                clean = is_clean is not None and is_clean.done() and is_clean.result()
                if member in self.members and not clean:
                    self._end(member)

    def _clear(self) -> None:
        for timer in self._patience.values():
            timer.cancel()
        self._patience.clear()
        self._guests.clear()
        self._unsettled.clear()
        self._stand_ins.clear()
        self._losses.clear()
        self._introductions.finish()
        self._node.end(self._run)
        for member in self.members:
            if member.data is not None:
                member.data.detach()
                member.data.trim()
                member.data.on_lost(_nobody)  # who keeps the workers is kept by none of them

    def close(self) -> None:
        """End them all for good; if a run has them, with it."""
        self._crew.close()

    def _link(self, member: WorkerProcess) -> SocketLink:
        """Make the link on which stages here and there talk.

        Raises:
            OSError: the system gives no more descriptors.
        """
        ours, theirs = make_channel()
        try:
            self._introductions.send(member, theirs, 0, "the parent process")
        except BaseException:
            ours.close()
            raise
        link = member.data = ours.link()
        self._node.join(member.number, link, member.name)
        return link

    # What the workers say.

    def _take(self, member: WorkerProcess, message: Any) -> None:
        if isinstance(message, Unreadable):
            self._group.fail(message.error)
            return
        if isinstance(message, Met):
            try:
                self._introductions.received(member)
            except OSError as lacking:
                self._group.fail(lacking)
            return
        if message.run != self._run:
            return  # it comes too late
        match message:
            case StageEnded(run, stage, reason, counts):
                stand_in = self._stand_ins[Address(member.number, run, stage)]
                stand_in.told(*counts)
                self._ended(stand_in, self._opened(reason))
            case Progress(run, of_stages):
                for stage, counts in of_stages.items():
                    self._stand_ins[Address(member.number, run, stage)].told(*counts)
            case Settled():
                self._settled(member)
            case Refusal(_, error):
                self._group.fail(self._node.open(error))
                self._vacate(member)
            case Request(_, number, what):
                task = asyncio.get_running_loop().create_task(self._answer(member, number, what))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Dismissed(_, clean):
                answer = self._guests[member]
                if answer is not None and not answer.done():
                    answer.set_result(clean)

    def _opened(self, reason: str | CarriedError) -> str | BaseException:
        return reason if isinstance(reason, str) else self._node.open(reason)

    def _ended(self, stand_in: StandIn, reason: str | BaseException) -> None:
        if stand_in.ended:
            return
        stand_in.ended = True
        if isinstance(reason, StageStopped) and stand_in.is_ending:
            reason = "shutdown"  # what it was to subscribe to was ended before
        self._group.stage_ended(stand_in, reason)

    def _settled(self, member: WorkerProcess) -> None:
        if member in self._unsettled:
            self._unsettled.remove(member)
            self._group.subscription_settled()

    async def _answer(self, member: WorkerProcess, number: int | None, what: Any) -> None:
        error = None
        try:
            granted = self._grant(what)
            if granted is not None:
                await granted
        except Exception as refused:  # noqa: BLE001 - whoever has asked raises it
            error = self._node.pack(refused)
        if number is not None:
            member.link.send(Reply(self._run, number, error))

    def _lose(self, member: WorkerProcess) -> None:
        """One has died: the run cannot go on."""
        living = [each.name for each in self._living(member)]
        names = ", ".join(living[:_NAMED])
        if len(living) > _NAMED:
            names += f" and {len(living) - _NAMED} others"
        loss = self._losses[member.name] = member.loss(f" with {names}" if names else "")
        self._node.lose(member.number, loss)
        self._forget(member)
        if not self._group.has_ended:
            self._group.fail(loss)
        self._vacate(member)

    def _loss_of(self, error: BaseException) -> NodeLost | None:
        """What is known here of a worker that another one has lost: how it has died."""
        if not isinstance(error, NodeLost):
            return None
        for member in self.members:
            if member.name == error.node:
                self._crew.give_up(member)
                break
        return self._losses.get(error.node)

    # Ends.

    def _end_stage(self, stand_in: StandIn, reason: str) -> None:
        """Have a stage ended; a worker that does not do it in time is ended itself."""
        for member in self.members:
            if member.number == stand_in.address.node:
                member.link.send(EndStages(self._run, stand_in.address.stage, reason))
                if member not in self._patience:
                    loop = asyncio.get_running_loop()
                    self._patience[member] = loop.call_later(PATIENCE, self._lose_patience, member)

    def _lose_patience(self, member: WorkerProcess) -> None:
        del self._patience[member]
        if member in self.members and self._living(member):
            self._end(member)

    def _end(self, member: WorkerProcess) -> None:
        """End a worker that does not do what it is told."""
        self._crew.end(member)
        self._forget(member)
        self._vacate(member)

    def _living(self, member: WorkerProcess) -> list[StandIn]:
        return [
            each
            for each in self._stand_ins.values()
            if each.address.node == member.number and not each.ended
        ]

    def _vacate(self, member: WorkerProcess) -> None:
        """No stage lives there any more."""
        self._settled(member)
        answer = self._guests.get(member)
        if answer is not None and not answer.done():
            answer.set_result(False)
        for each in self._living(member):
            self._ended(each, "shutdown")

    def _forget(self, member: WorkerProcess) -> None:
        try:
            self._introductions.forget(member)
        except OSError as error:
            self._group.fail(error)


def _nobody() -> None:
    """No run is on."""
