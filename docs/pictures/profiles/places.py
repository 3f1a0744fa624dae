"""Whose time it is: the room and the file that a stack is in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import flowlike
from flowlike.operators.fusion.source import FILENAME

__all__ = ["KERNELS", "LOOP_ROOM", "POOL", "SPLITTING", "YOURS", "Frame", "Place", "place_of"]

HOME = f"{Path(flowlike.__file__).parent}/"
YOURS = "yours"
LOOP_ROOM = "loop"

_OF_THE_LOOP = {"event_loop.py", "flow/blocking.py"}
"""Where a loop is made, entered and closed; uvloop runs in C, so nothing is seen inside of it."""


class Frame(NamedTuple):
    """A call that was going on.

    Attributes:
        function: its name.
        file: as Python knows it.
    """

    function: str
    file: str

    @classmethod
    def parse(cls, text: str) -> Frame:
        """A frame as py-spy writes it.

        Raises:
            ValueError: it is none.

        Example:
            >>> Frame.parse("Kernel._run (/some/where/kernel.py:359)")
            Frame(function='Kernel._run', file='/some/where/kernel.py')
        """
        found = re.fullmatch(r"(.*) \((.*?)(:\d+)?\)", text)
        if found is None:
            raise ValueError(f"a frame is written 'function (file:line)', not {text!r}")
        return cls(found[1], found[2])


class Place(NamedTuple):
    """Whose time it is.

    Attributes:
        room: of the house; "yours" for functions that were given to a flow, "loop" for the event
            loop, "ground" for the single files of the ground floor.
        where: the file in the room, or your function.
    """

    room: str
    where: str


KERNELS = Place("native", "kernels")
SPLITTING = Place("native", "splitting arrays")
POOL = Place("flow", "native_pool.py")


def place_of(frames: Sequence[Frame], yours: str) -> Place:
    """The place of the innermost call that is yours or flowlike's.

    What that calls (NumPy, a method of ``str``) counts as its own.

    Args:
        frames: the innermost last.
        yours: the file of the functions that are given to flows.

    Example:
        >>> place_of([Frame("words", "mine.py"), Frame("findall", "re.py")], "mine.py")
        Place(room='yours', where='words')
    """
    for function, file in reversed(frames):
        if file == yours:
            return Place(YOURS, function)
        if file == FILENAME:
            return Place("operators", "the fused loop")
        if file.startswith(HOME):
            inside = file.removeprefix(HOME)
            if inside in _OF_THE_LOOP:
                break
            room, slash, inner = inside.partition("/")
            return Place(room if slash else "ground", Path(inner or room).name)
    return Place(LOOP_ROOM, "the event loop")
