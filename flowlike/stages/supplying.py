"""The work of a producer: it passes the demand of its consumers on to ``handle_demand``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowlike.options import check_choice
from flowlike.stages.outlet import Outlet
from flowlike.stages.results import AT_HAND, is_awaitable
from flowlike.stages.stage import Producer

if TYPE_CHECKING:
    from flowlike.stages.running import RunningStage

__all__ = ["Supply"]


class Supply:
    """Makes events as they are asked for.

    Args:
        running: the stage whose work it is.
        stage: the same as the user wrote it.
        outlet: where its events leave.

    Attributes:
        mode: "forward" passes demand on, "accumulate" holds it.

    Raises:
        ValueError: the ``demand`` of the stage is neither of them.
    """

    __slots__ = ("_outlet", "_running", "_stage", "mode")

    def __init__(self, running: RunningStage, stage: Producer[Any], outlet: Outlet) -> None:
        self._running = running
        self._stage = stage
        self._outlet = outlet
        self.mode = check_choice("demand", stage.demand, ("forward", "accumulate"))

    def is_possible(self) -> bool:
        """See :class:`~flowlike.stages.work.Work`."""
        if self._running.finishing:
            return self._outlet.is_empty()
        return self._outlet.needs() > 0 and self.mode == "forward"

    def goes_first(self) -> bool:
        """See :class:`~flowlike.stages.work.Work`."""
        return False

    def do_piece(self) -> None:
        """See :class:`~flowlike.stages.work.Work`."""
        running = self._running
        if running.finishing:
            if self._outlet.is_empty():
                running.end("normal", finished=True)
        elif self.mode == "forward" and (need := self._outlet.need()):
            self._handle_demand(need)

    def _handle_demand(self, need: int) -> None:
        running = self._running
        started = running.clock()
        try:  # as in `RunningStage.call`, at the pace of single events
            result = self._stage.handle_demand(need)
            if type(result) in AT_HAND or not is_awaitable(result):
                running.send_timed(result, "handle_demand", started)
            else:
                callback, context = self._stage.handle_demand, ("handle_demand", started)
                running.wait_for(callback, result, running.send_timed, context)
        except BaseException as error:  # noqa: BLE001 - it is the owner's
            running.crash(error, self._stage.handle_demand)
