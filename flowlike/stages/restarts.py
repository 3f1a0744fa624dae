"""Starting crashed stages again: which, when, and what they were subscribed to."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from flowlike.errors import StageStopped
from flowlike.options import check_choice, check_seconds
from flowlike.stages.messages import Ended, Start, SubscribeTo
from flowlike.stages.numbers import numbers
from flowlike.stages.restart_limit import RestartLimit, is_restarted
from flowlike.stages.stage import Stage
from flowlike.stages.subscription import Subscribe

if TYPE_CHECKING:
    from flowlike.stages.owner import Reason
    from flowlike.stages.peer import Peer
    from flowlike.stages.ref import StageRef
    from flowlike.stages.running import RunningStage

__all__ = ["Child", "Restarts"]

_log = logging.getLogger("flowlike")

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")

_DOWN = ("ending", "down", "waiting")


class Child:
    """A stage of a group that is started again, and how.

    Args:
        made_by: the instance, or the callable that makes one.
        running: as it runs now.
        options: what it subscribes to whenever it is started.
        restart: one of the restart words.
        state: "starting" until its first start has succeeded, "running", "ending" (told to end,
            to be started again), "down" (has ended), "waiting" (for its timer), "leaving" (told to
            end for good) or "gone".

    Attributes:
        ref: its address, through all restarts.
        born: subscriptions to its present life have greater numbers than this.
        lost: subscriptions it has lost, or had when it ended.
        replies: what its first start waits for.
    """

    __slots__ = (
        "born",
        "lost",
        "made_by",
        "options",
        "ref",
        "replies",
        "restart",
        "running",
        "state",
    )

    def __init__(
        self,
        made_by: Stage | Callable[[], Stage],
        running: RunningStage,
        options: Sequence[Subscribe],
        restart: str,
        state: str,
    ) -> None:
        self.made_by = made_by
        self.running = running
        self.ref: StageRef = running.ref
        self.born = 0
        self.options = options
        self.restart = restart
        self.state = state
        self.lost: list[Subscribe] = []
        self.replies: Sequence[asyncio.Future[Any]] = ()

    def settle(self) -> None:
        """Note that the first start has succeeded, maybe before who waits for it has heard."""
        if self.state == "starting" and all(map(_has_succeeded, self.replies)):
            self.state = "running"


class Restarts:
    """Decides what becomes of a group when one of its stages has ended.

    Args:
        strategy: which stages are started again when one has ended: "one_for_one" it alone,
            "one_for_all" all, "rest_for_one" it and those that were started after it.
        limit: how many restarts are allowed.
        backoff: seconds to wait before each.
        revive: makes and runs the stage of a child anew.
        fail: ends the group with an exception.
        changed: called when stages were started.

    Raises:
        TypeError: ``backoff`` is no duration.
        ValueError: another strategy, or a negative ``backoff``.
    """

    def __init__(
        self,
        strategy: str,
        limit: RestartLimit,
        backoff: float,
        *,
        revive: Callable[[Child], RunningStage],
        fail: Callable[[BaseException], None],
        changed: Callable[[], None],
    ) -> None:
        self._strategy = check_choice("strategy", strategy, STRATEGIES)
        self._limit = limit
        self._backoff = check_seconds("backoff", backoff, positive=False)
        self._revive = revive
        self._fail = fail
        self._changed = changed
        self._children: dict[Peer, Child] = {}  # in the order of their first start
        self._of: dict[RunningStage, Child] = {}
        self._unserved: list[tuple[Child, Subscribe]] = []  # their producers are down
        self._timers: dict[asyncio.TimerHandle, list[Child]] = {}  # and whom they start
        self._cause: BaseException | None = None  # the last crash, and whom it has taken along
        self._fallen: set[Child] = set()
        self._closed = False
        self._ending: set[RunningStage] = set()  # those whose end had begun when it was closed

    @property
    def pending(self) -> bool:
        """True while a stage is to be started again."""
        return any(child.state in _DOWN for child in self._children.values())

    def is_down(self, ref: Peer) -> bool:
        """True if the stage is to be started again and does not run yet."""
        child = self._children.get(ref)
        return child is not None and child.state in _DOWN

    def admit(self, child: Child) -> None:
        """A stage has been started for the first time."""
        self._children[child.ref] = child
        self._of[child.running] = child

    def opening(self, running: RunningStage, replies: Sequence[asyncio.Future[Any]]) -> None:
        """Its first start has succeeded when all these have; then it is started again."""
        self._of[running].replies = replies

    def forget(self, running: RunningStage) -> None:
        """Its first start has failed: it is nobody's any more."""
        child = self._of.pop(running, None)
        if child is not None:
            child.state = "gone"
            del self._children[child.ref]

    def close(self) -> None:
        """Nothing is started again from now on."""
        if not self._closed:
            self._ending = {running for running in self._of if running.is_ending}
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for child in self._children.values():
            if child.state in _DOWN:
                child.state = "gone"

    def ended(self, running: RunningStage, reason: Reason) -> bool:
        """A stage has ended; false if that is for the group to judge."""
        child = self._of.pop(running, None)
        if child is None:
            return False
        if self._closed:
            # A crash that would have led to a restart is none of the group, late as it is told.
            if running not in self._ending or not isinstance(reason, Exception):
                return False
            _log.error("stage %r has crashed and is gone", child.ref.name, exc_info=reason)
            return True
        child.settle()
        if running.inlet is not None:
            for subscription in running.inlet.subscriptions.values():
                _note(child.lost, subscription.options)
        for options in self._take_unserved(child):
            _note(child.lost, options)
        if child.state in {"ending", "leaving"}:
            if isinstance(reason, BaseException):
                text = "stage %r has failed as it was stopped"
                _log.error(text, child.ref.name, exc_info=reason)
            child.state = "down" if child.state == "ending" else "gone"
            self._start_soon()
        elif child.state == "starting":
            child.state = "gone"
            del self._children[child.ref]
        elif child.state == "running":
            self._fell(child, reason)
        return True

    def lost(self, running: RunningStage, options: Subscribe, over: Ended) -> bool:
        """A consumer's producer has ended; true if the subscription will be made again."""
        child, producer = self._of.get(running), self._children.get(options.to)
        if self._closed or child is None or producer is None:
            return False
        producer.settle()
        # A slow consumer hears of the end when the producer has run, and maybe ended, again.
        of_this_life = over.subscription > producer.born
        if of_this_life and producer.state in {"starting", "leaving", "gone"}:
            return False
        if of_this_life and producer.state == "running" and producer.running.is_ending:
            crashed = isinstance(over.reason, BaseException)
            if not is_restarted(producer.restart, crashed):
                return False
        _note(child.lost, options)
        if running.inlet is not None:
            running.inlet.expect(over)
        asyncio.get_running_loop().call_soon(self._regain, child, running, options)
        return True

    def _fell(self, child: Child, reason: Reason) -> None:
        """A stage has ended by itself."""
        crash = reason if isinstance(reason, BaseException) else None
        if crash is not None and not isinstance(crash, Exception):
            child.state = "gone"
            self._fail(crash)  # Ctrl-C, say
            return
        if not is_restarted(child.restart, crash is not None):
            child.state = "gone"
            if crash is not None:
                _log.error("stage %r has crashed and is gone", child.ref.name, exc_info=crash)
            return
        if crash is not None and crash is self._cause and child not in self._fallen:
            self._fallen.add(child)  # one crash, and those it took along, count once
        else:
            self._cause, self._fallen = crash, {child}
            if not self._limit.allows(asyncio.get_running_loop().time()):
                self._give_up(child, reason)
                return
        text = "stage %r has ended (%r, events lost so far: %d) and is started again"
        _log.warning(text, child.ref.name, reason, child.ref.counts().lost, exc_info=crash)
        child.state = "down"
        self._end_others(child)
        self._start_soon()

    def _give_up(self, child: Child, reason: Reason) -> None:
        child.state = "gone"
        if not isinstance(reason, BaseException):
            reason = RuntimeError(
                f"stage {child.ref.name!r} is permanent and has ended ({reason}) again; start it "
                'with restart="transient" if it may end'
            )
        reason.add_note(self._limit.note("stages"))
        self._fail(reason)

    def _end_others(self, fallen: Child) -> None:
        """End those that by the strategy are started again too, the last first."""
        children = list(self._children.values())
        if self._strategy == "one_for_one":
            return
        if self._strategy == "rest_for_one":
            children = children[children.index(fallen) + 1 :]
        ending = []
        for child in reversed(children):
            child.settle()
            if child.state == "running":
                child.state = "leaving" if child.restart == "temporary" else "ending"
                ending.append(child)
            elif child.state == "gone" and child.restart != "temporary":
                child.state = "down"
            elif child.state == "waiting":
                child.state = "down"  # else it would be started before the fallen one
                for waiting in self._timers.values():
                    if child in waiting:
                        waiting.remove(child)
        for child in ending:
            child.running.end("shutdown")

    def _start_soon(self) -> None:
        """When all have ended that had to: start them, after the back-off."""
        children = list(self._children.values())
        if any(child.state in {"ending", "leaving"} for child in children):
            return
        down = [child for child in children if child.state == "down"]
        if not down:
            return
        for child in down:
            child.state = "waiting"
        loop = asyncio.get_running_loop()

        def start() -> None:
            self._start(self._timers.pop(timer))

        timer = loop.call_later(self._backoff, start)
        self._timers[timer] = down

    def _start(self, children: list[Child]) -> None:
        for child in children:
            child.state = "running"
            try:
                running = child.running = self._revive(child)
                child.born = next(numbers)
            except Exception as error:  # noqa: BLE001 - the callable that makes it is the user's
                error.add_note(f"in what makes stage {child.ref.name!r}")
                self._fell(child, error)
                continue
            self._of[running] = child
            running.deliver(Start((), None))
            wanted = list(child.options)
            for options in child.lost:
                _note(wanted, options)
            child.lost = []
            subscribed = [self._subscribe(child, options) for options in wanted]
            if wanted and not any(subscribed):
                running.finish()  # all its producers had finished
        for child in {child: None for child, _ in self._unserved}:
            for options in self._take_unserved(child):
                self._again(child, options)
        self._changed()

    def _take_unserved(self, child: Child) -> list[Subscribe]:
        taken = [options for each, options in self._unserved if each is child]
        self._unserved = [pair for pair in self._unserved if pair[0] is not child]
        return taken

    def _regain(self, child: Child, running: RunningStage, options: Subscribe) -> None:
        """A consumer that has outlived its producer is subscribed again."""
        if child.running is running and not running.is_ending:
            child.lost = [each for each in child.lost if each is not options]
            self._again(child, options)

    def _again(self, child: Child, options: Subscribe) -> None:
        """Subscribe a consumer that expects it; if that is in vain and nothing is left, finish."""
        inlet = child.running.inlet
        assert inlet is not None
        inlet.expected -= 1
        if not self._subscribe(child, options) and not inlet.expected and not inlet.subscriptions:
            child.running.finish()

    def _subscribe(self, child: Child, options: Subscribe) -> bool:
        """Subscribe as soon as the producer runs; false if it is gone for good."""
        inlet = child.running.inlet
        assert inlet is not None
        if self.is_down(options.to):
            inlet.expected += 1
            self._unserved.append((child, options))
            return True
        if options.to.has_ended:
            return False
        inlet.expected += 1
        reply = asyncio.get_running_loop().create_future()
        settled = functools.partial(self._subscribed, child, child.running, options)
        reply.add_done_callback(settled)
        child.running.deliver(SubscribeTo(options, reply))
        return True

    def _subscribed(
        self,
        child: Child,
        running: RunningStage,
        options: Subscribe,
        reply: asyncio.Future[object],
    ) -> None:
        error = reply.exception()
        if child.running is not running or running.is_ending or running.inlet is None:
            return
        if error is None:
            running.inlet.expected -= 1
            if running.inlet.all_finished():
                running.finish()  # this one has finished as well before we heard of it
        elif isinstance(error, StageStopped):
            self._again(child, options)  # it has ended meanwhile
        else:
            running.end(error)


def _has_succeeded(reply: asyncio.Future[Any]) -> bool:
    return reply.done() and not reply.cancelled() and reply.exception() is None


def _note(noted: list[Subscribe], options: Subscribe) -> None:
    # By identity: equality would compare tags, and those may be arrays.
    if not any(options is each for each in noted):
        noted.append(options)
