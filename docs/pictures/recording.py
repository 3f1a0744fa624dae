"""What stages really did: their messages and callbacks, recorded on a virtual clock."""

from __future__ import annotations

import asyncio
import functools
import math
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from flowlike import Consumer, Producer, ProducerConsumer
from flowlike.batches import events_of
from flowlike.stages.messages import Ask, Cancelled, Ended, Events, Subscribed
from flowlike.stages.run_queue import RunQueue
from flowlike.testing import VirtualLoop

__all__ = ["Called", "Recording", "Returned", "Sent", "record"]

AnyStage = TypeVar("AnyStage", bound="Producer[Any] | ProducerConsumer[Any, Any] | Consumer[Any]")

_CALLBACKS = ("on_start", "handle_demand", "handle_events", "emit", "handle_cancel", "on_stop")


class Sent(NamedTuple):
    """A message of one stage to another.

    Attributes:
        time: of the virtual clock, in seconds.
        sender: the name of a stage.
        receiver: the name of another.
        message: what was sent.
    """

    time: float
    sender: str
    receiver: str
    message: Ask | Events | Ended | Cancelled


class Called(NamedTuple):
    """A callback of a stage, or its own ``emit``.

    Attributes:
        time: when it began.
        stage: the name of the stage.
        callback: the name of the method.
        argument: its first argument, events as a list; ``None`` for ``on_start``.
    """

    time: float
    stage: str
    callback: str
    argument: Any


class Returned(NamedTuple):
    """The end of a callback.

    Attributes:
        time: when it returned.
        stage: the name of the stage.
        callback: the name of the method.
        argument: its first argument, as in :class:`Called`.
        result: what it returned, events as a list.
    """

    time: float
    stage: str
    callback: str
    argument: Any
    result: Any


class Recording:
    """Watches stages and keeps what they do, in order."""

    def __init__(self) -> None:
        self.steps: list[Sent | Called | Returned] = []
        self._names: dict[Any, str] = {}
        self._ends: dict[int, tuple[str, str]] = {}

    def watch(self, stage: AnyStage, name: str) -> AnyStage:
        """Record this stage from its start; it goes by ``name``."""
        for callback in _CALLBACKS:
            if hasattr(stage, callback):
                setattr(stage, callback, self._recorded(stage, name, getattr(stage, callback)))
        return stage

    def _recorded(self, stage: Any, name: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def called(*arguments: Any) -> Any:
            if callback.__name__ == "on_start":
                self._tap(stage._running.ref, name)
            what = _plain(arguments[0]) if arguments else None
            self.steps.append(Called(_now(), name, callback.__name__, what))
            result = callback(*arguments)
            if asyncio.iscoroutine(result):
                return returned(result, what)
            self.steps.append(Returned(_now(), name, callback.__name__, what, _plain(result)))
            return result

        async def returned(awaitable: Any, what: Any) -> Any:
            result = await awaitable
            self.steps.append(Returned(_now(), name, callback.__name__, what, _plain(result)))
            return result

        return called

    def _tap(self, ref: Any, name: str) -> None:
        """Read every message to this stage before it is delivered."""
        self._names[ref] = name
        deliver = ref.deliver

        def tapped(message: Any) -> None:
            match message:
                case Subscribed(number, consumer, _):
                    self._ends[number] = (name, self._names[consumer])
                case Ask() | Events() | Ended() | Cancelled():
                    ends = self._ends[message.subscription]
                    sender = ends[1] if name == ends[0] else ends[0]
                    if isinstance(message, Events):
                        message = message._replace(batch=_plain(message.batch))
                    self.steps.append(Sent(_now(), sender, name, message))
            deliver(message)

        ref.deliver = tapped


class _Patient(RunQueue):
    """Never lets the loop go first because real time has passed: a run is the same everywhere."""

    SLICE = math.inf
    __slots__ = ()


class _Loop(VirtualLoop):
    def new_run_queue(self) -> RunQueue:
        return _Patient(self)


def record(main: Callable[[Recording], Coroutine[Any, Any, None]]) -> Recording:
    """Run ``main`` with a new recording, and return that."""
    recording = Recording()
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(main(recording))
    return recording


def _now() -> float:
    return asyncio.get_running_loop().time()


def _plain(value: Any) -> Any:
    return list(events_of(value)) if isinstance(value, (list, range)) else value
