"""A producer that runs: it passes the demand of its consumers on to ``handle_demand``."""

from __future__ import annotations

import asyncio
from typing import Any

from flowlike.batches import Batch
from flowlike.options import check_choice
from flowlike.stages.owner import Owner
from flowlike.stages.run_queue import RunQueue
from flowlike.stages.running import RunningStage
from flowlike.stages.stage import Producer

__all__ = ["SupplyingStage"]


class SupplyingStage(RunningStage):
    """Runs a producer.

    Attributes:
        demand_mode: "forward" passes demand on, "accumulate" holds it.
    """

    __slots__ = ("demand_mode",)

    def __init__(
        self,
        stage: Producer[Any],
        name: str,
        *,
        owner: Owner,
        queue: RunQueue,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.demand_mode = check_choice("demand", stage.demand, ("forward", "accumulate"))
        super().__init__(stage, name, owner=owner, queue=queue, loop=loop)

    def emit(self, events: Any) -> None:
        """See :meth:`RunningStage.emit`."""
        try:
            super().emit(events)
        finally:
            if self._can_work():  # a dispatcher may have dropped some, or failed
                self._wake()

    def _can_work(self) -> bool:
        outlet = self.outlet
        assert outlet is not None
        if self._finishing:
            return outlet.is_empty()
        return outlet.needs() > 0 and self.demand_mode == "forward"

    def _work(self) -> None:
        outlet = self.outlet
        assert outlet is not None
        if self._finishing:
            if outlet.is_empty():
                self.end("normal", finished=True)
        elif self.demand_mode == "forward" and (need := outlet.need()):
            stage: Any = self.stage
            context = ("handle_demand", self.clock())
            self.call(stage.handle_demand, (need,), self.send_timed, *context)

    def _send(self, batch: Batch) -> None:
        self.events_in += len(batch)
        super()._send(batch)
