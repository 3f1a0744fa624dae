"""Where a stage is, as messages between nodes say it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Address"]


class Address(NamedTuple):
    """Names a stage on whatever node it lives; nothing that crosses names it otherwise.

    Attributes:
        node: the number of its node.
        run: the run that it belongs to: numbers of stages are used again in the next one.
        stage: its number in this run, on this node.
    """

    node: int
    run: int
    stage: int
