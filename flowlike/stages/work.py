"""What the turns of a running stage are good for."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Work"]


class Work(Protocol):
    """The work of one running stage.

    A producer's is :class:`~flowlike.stages.supplying.Supply`, that of a stage with producers
    :class:`~flowlike.stages.consuming.Consumption`.
    """

    def do_piece(self) -> None:
        """Do one piece of what there is to do, if there is any."""

    def is_possible(self) -> bool:
        """True if there is something to do without a further message."""

    def goes_first(self) -> bool:
        """True if the next piece goes before that of other stages."""
