"""Another node, seen from here: the link to it, and the subscriptions that cross it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from flowlike.carried import CarriedError
from flowlike.envelopes import stands_for
from flowlike.errors import StageStopped
from flowlike.flat import flat
from flowlike.nodes.address import Address
from flowlike.nodes.known_errors import KnownErrors
from flowlike.nodes.link import Link
from flowlike.nodes.remote_ref import RemoteRef
from flowlike.pickling import pickled
from flowlike.stages.messages import (
    Accepted,
    Ask,
    Cancelled,
    Ended,
    Events,
    Refused,
    Subscribed,
)
from flowlike.stages.protocol import origin_of
from flowlike.stages.ref import StageRef, as_subscribe
from flowlike.stages.subscription import Subscribe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Broken", "Neighbour", "Request"]

_new = tuple.__new__  # makes a named tuple in half the time of its own constructor

_OPTIONS = tuple(field.name for field in fields(Subscribe) if field.name != "to")


class Request(NamedTuple):
    """A `Subscribed` that crosses: what it says of stages are numbers.

    Attributes:
        subscription: its number.
        consumer: the number of the stage on the sender's node.
        name: of the consumer.
        options: a pickle of those of the ``Subscribe``, but for the producer: if they cannot be
            read, it is known whom to refuse.
    """

    subscription: int
    consumer: int
    name: str
    options: bytes


class Broken(NamedTuple):
    """A message of a run could not be read: every subscription of it over this link ends.

    Attributes:
        run: its number.
        error: why.
    """

    run: int
    error: CarriedError


@dataclass(slots=True)
class _End:
    """The end of a subscription that is here.

    Attributes:
        stage: that it belongs to.
        produces: whether the stage is the producer.
        is_open: whether the producer has accepted.
    """

    stage: StageRef
    produces: bool
    is_open: bool


class Neighbour:
    """Carries what stages here say to stages there, and tells these when the node is lost.

    A message crosses as ``(run, stage, message)``. Events and demand, which most are, cost no
    more than they must: ``(run, stage, subscription, batch)``, and for demand a number in the
    place of the batch.

    Args:
        number: of the other node.
        name: of the other node, for messages.
        link: to it.
        errors: what this node knows of exceptions that cross.
        place: gives the number by which others know a stage of this node in a run.

    Attributes:
        number: the same.
        name: the same.
        link: the same.
        loss: why nothing crosses any more; ``None`` while all is well.
        lost: how many events were to go there and could not, or came for nobody.
    """

    __slots__ = ("_ends", "_errors", "_is_lost", "_place", "link", "loss", "lost", "name", "number")

    def __init__(
        self,
        number: int,
        name: str,
        link: Link,
        errors: KnownErrors,
        place: Callable[[StageRef, int], int],
    ) -> None:
        self.number = number
        self.name = name
        self.link = link
        self._errors = errors
        self._place = place
        self._ends: dict[int, _End] = {}
        self._is_lost = False
        self.loss: BaseException | None = None
        self.lost = 0

    @property
    def is_there(self) -> bool:
        """False once the node is gone for good."""
        return not self._is_lost

    def readers(self) -> list[str]:
        """The names of the stages here that read from stages there, each once."""
        names = (end.stage.name for end in self._ends.values() if not end.produces)
        return list(dict.fromkeys(names))

    # From stages here.

    def send(self, to: RemoteRef, message: Any) -> None:
        """Send a message of the stage protocol to a stage there.

        Raises:
            Exception: whatever says that it cannot be pickled; nothing was sent.
        """
        if self.loss is not None:
            self._drop(message)
            return
        _, run, stage = to.address
        kind = type(message)
        if kind is Events or kind is Ask:
            number, content = message
            try:
                self.link.send((run, stage, number, flat(content)))
            except Exception as error:
                error.add_note(f"while events were sent to stage {to.name!r} in {self.name}")
                raise
        elif kind is Subscribed:
            self._request(run, stage, message)
        else:
            self.link.send((run, stage, self._closed(message)))

    def _request(self, run: int, stage: int, message: Subscribed) -> None:
        number, consumer, options = message
        assert isinstance(consumer, StageRef)
        try:
            place = self._place(consumer, run)
            data = pickled({name: getattr(options, name) for name in _OPTIONS})
        except Exception as error:  # noqa: BLE001 - what cannot be pickled, or has ended
            consumer.deliver(Refused(number, error))
            return
        self._ends[number] = _End(consumer, produces=False, is_open=False)
        self.link.send((run, stage, Request(number, place, consumer.name, data)))

    def _closed(self, message: Any) -> Any:
        """The message as it crosses; a producer's last word closes the subscription here."""
        if not isinstance(message, Refused | Ended | Cancelled):
            return message
        number, reason, *more = message
        end = self._ends.get(number)
        if end is not None and end.produces:
            del self._ends[number]
            if isinstance(message, Refused):
                # It may be there before the word of a crash, which goes another way, and would
                # be taken for what has failed.
                reason = origin_of(reason)
        if not isinstance(reason, BaseException):
            return message
        return type(message)._make((number, self._errors.pack(reason), *more))

    def _drop(self, message: Any) -> None:
        """Nothing crosses any more; who waits for an answer gets one."""
        assert self.loss is not None
        if isinstance(message, Subscribed):
            message.consumer.deliver(Refused(message.subscription, self.loss))
        elif isinstance(message, Events):
            self.lost += stands_for(message.batch)

    # To stages here.

    def deliver(self, stage: StageRef, message: tuple[Any, ...]) -> None:
        """Bring a stage here a message that has come for it."""
        if self.loss is not None:
            self.refuse(message)
        elif len(message) == 4:
            _, _, number, content = message
            if type(content) is not int:
                stage.deliver(_new(Events, (number, content)))
            elif number in self._ends:  # else it was refused, or the producer has ended
                stage.deliver(_new(Ask, (number, content)))
        elif isinstance(message[2], Request):
            self._subscribe(stage, message[0], message[2])
        else:
            stage.deliver(self._opened(message[2]))

    def refuse(self, message: tuple[Any, ...]) -> None:
        """A message has come for a stage that will not be here: its run has ended."""
        if len(message) == 4:
            if type(message[3]) is not int:
                self.lost += stands_for(message[3])
        elif isinstance(message[2], Request) and self.loss is None:
            run, _, request = message
            error = StageStopped(f"run {run} has ended on the node of the producer")
            refused = Refused(request.subscription, self._errors.pack(error))  # type: ignore[arg-type]
            self.link.send((run, request.consumer, refused))

    def _subscribe(self, producer: StageRef, run: int, request: Request) -> None:
        number, place, name, data = request
        consumer = RemoteRef(self, Address(self.number, run, place), name)
        try:
            options = as_subscribe(Subscribe(producer, **pickle.loads(data)))
        except Exception as error:  # noqa: BLE001 - what cannot be made here, or emits nothing
            consumer.deliver(Refused(number, error))
            return
        self._ends[number] = _End(producer, produces=True, is_open=True)
        producer.deliver(Subscribed(number, consumer, options))

    def _opened(self, message: Any) -> Any:
        """The message as stages know it; a producer's last word closes the subscription here."""
        if isinstance(message, Accepted):
            self._ends[message.subscription].is_open = True
        if not isinstance(message, Refused | Ended | Cancelled):
            return message
        number, reason, *more = message
        end = self._ends.get(number)
        if end is not None and not end.produces:
            del self._ends[number]
        if not isinstance(reason, CarriedError):
            return message
        return type(message)._make((number, self._errors.open(reason), *more))

    # Ends.

    def lose(self, error: BaseException) -> None:
        """The node is gone for good."""
        self._is_lost = True
        self.link.close()
        self.break_off(error)

    def break_off(self, error: BaseException) -> None:
        """Nothing crosses any more in this run: each end here of a subscription is told."""
        if self.loss is None:
            self.loss = error
        ends, self._ends = self._ends, {}
        for number, end in ends.items():
            if end.produces:
                end.stage.deliver(Cancelled(number, error))
            elif end.is_open:
                end.stage.deliver(Ended(number, error, finished=False))
            else:
                end.stage.deliver(Refused(number, error))

    def forget(self) -> None:
        """The run has ended; in the next one all is well, unless the node is gone."""
        self._ends.clear()
        if not self._is_lost:
            self.loss = None
