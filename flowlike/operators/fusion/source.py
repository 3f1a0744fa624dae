"""The source text of fused functions.

Each call of a user's function stands on a line of its own, so that the line number in a
traceback tells the operator. The function is given an iterator, whose length hint tells
the event. So neither costs anything as long as nothing fails.

A fused function that ends in a list is a comprehension::

    def fused(events, f0=f0, f1=f1):
        return [
            e1
            for e0 in events
            for e1 in (f0(e0),)
            if f1(e1)
        ]

and one that ends in a reduce is a loop::

    def fused(events, state, outputs, f0=f0, f1=f1, f2=f2):
        for e0 in events:
            e1 = f0(e0)
            if not f1(e1): continue
            state = f2(state, e1)
        return state

What a filter drops is counted where the lengths before and after do not tell it: in a loop, and
beside a flat_map. A dropped event adds 1 to ``d0``, or to ``d1`` behind a flat_map.
"""

from __future__ import annotations

from functools import lru_cache
from types import CodeType
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["FILENAME", "Line", "MOST_FUSED", "Shape", "compile_shape"]

FILENAME = "<flowlike: fused operators>"
# CPython refuses more than 20 nested blocks, and a flat_map in a loop is one.
MOST_FUSED = 16

Shape: TypeAlias = tuple[str, ...]


class Line(NamedTuple):
    """What a line of the source does.

    Attributes:
        operator: the index of its operator.
        role: "call" a user's function, "unpack" a pair or "iterate" over a result.
    """

    operator: int
    role: Literal["call", "unpack", "iterate"]


class _Text:
    """Lines of source, and which of them belong to operators."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.roles: dict[int, Line] = {}
        self.depth = 0

    def put(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def mark(
        self, operator: int, text: str, role: Literal["call", "unpack", "iterate"] = "call"
    ) -> None:
        self.put(text)
        self.roles[len(self.lines)] = Line(operator, role)


@lru_cache(maxsize=512)
def compile_shape(shape: Shape, ending: str) -> tuple[CodeType, dict[int, Line]]:
    """The code that defines ``fused`` for operators of these names, and its lines.

    Args:
        shape: the names of the per-event operators, in order.
        ending: "list", or the name of the reducing operator (with ":silent" behind it
            where the events of emit_and_reduce are not wanted).
    """
    text = _comprehension(shape) if ending == "list" else _loop(shape, ending)
    return compile("\n".join(text.lines) + "\n", FILENAME, "exec"), text.roles


def _comprehension(shape: Shape) -> _Text:
    if "flat_map" in shape:
        return _counting_comprehension(shape)
    text = _Text()
    text.put(f"def fused({', '.join(['events', *_defaults(len(shape))])}):")
    text.depth = 1
    text.put("return [")
    _clauses(text, shape, counts=False)
    text.put("]")
    return text


def _counting_comprehension(shape: Shape) -> _Text:
    """With a flat_map: its own events, and what filters drop before (d0) and after it (d1)."""
    text = _Text()
    text.put(f"def fused({', '.join(['events', *_defaults(len(shape))])}):")
    text.depth = 1
    text.put("came = events.__length_hint__()")
    text.put("d0 = d1 = 0")
    text.put("found = [")
    _clauses(text, shape, counts=True)
    text.put("]")
    text.put("tally.filtered += d0 + d1")
    text.put("tally.exchange(came - d0, len(found) + d1)")
    text.put("return found")
    return text


def _clauses(text: _Text, shape: Shape, *, counts: bool) -> None:
    body = _Text()
    body.depth = text.depth + 1
    event, dropped = "e", "d0"
    for index, name in enumerate(shape):
        function, new = f"f{index}", f"e{index}"
        if name == "map":
            body.mark(index, f"for {new} in ({function}({event}),)")
            event = new
        elif name == "flat_map":
            body.mark(index, f"for r{index} in ({function}({event}),)")
            # Without the call the error about what cannot be iterated has no line of its own.
            body.mark(index, f"for i{index} in (iter(r{index}),)", "iterate")
            body.mark(index, f"for {new} in i{index}", "iterate")
            event, dropped = new, "d1"
        elif name == "map_values":
            body.mark(index, f"for k{index}, v{index} in ({event},)", "unpack")
            body.mark(index, f"for {new} in ((k{index}, {function}(v{index})),)")
            event = new
        elif name == "filter":
            count = f" or not ({dropped} := {dropped} + 1)" if counts else ""
            body.mark(index, f"if {function}({event}){count}")
        elif name == "reject":
            count = f" and ({dropped} := {dropped} + 1)" if counts else ""
            body.mark(index, f"if not ({function}({event}){count})")
        else:
            body.mark(index, f"for _ in ({function}({event}),)")
    text.put(f"    {event}")
    text.put("    for e in events")
    offset = len(text.lines)
    text.lines += body.lines
    text.roles = {number + offset: line for number, line in body.roles.items()}


def _loop(shape: Shape, ending: str) -> _Text:
    text = _Text()
    last = len(shape)
    names = _defaults(last if ending == "group_by_key" else last + 1)
    if ending == "group_by":
        names.append("value_of=value_of")
    elif ending.startswith("emit_and_reduce"):
        names.append("refuse=refuse")
    text.put(f"def fused({', '.join(['events', 'state', 'outputs', *names])}):")
    text.depth = 1
    if ending.startswith("group"):
        text.put("find = state.get")
    elif ending == "emit_and_reduce":
        text.put("extend = outputs.own.extend")
    filters = not {"filter", "reject"}.isdisjoint(shape)
    if filters:
        text.put("d0 = d1 = 0")
    text.put("for e in events:")
    text.depth = 2
    event, dropped = "e", "d0"
    for index, name in enumerate(shape):
        function, new = f"f{index}", f"e{index}"
        if name == "map":
            text.mark(index, f"{new} = {function}({event})")
            event = new
        elif name == "flat_map":
            text.mark(index, f"r{index} = {function}({event})")
            text.mark(index, f"for {new} in r{index}:", "iterate")
            text.depth += 1
            event, dropped = new, "d1"
        elif name == "map_values":
            text.mark(index, f"k{index}, v{index} = {event}", "unpack")
            text.mark(index, f"{new} = (k{index}, {function}(v{index}))")
            event = new
        elif name == "filter":
            text.mark(index, f"if not {function}({event}): {dropped} += 1; continue")
        elif name == "reject":
            text.mark(index, f"if {function}({event}): {dropped} += 1; continue")
        else:
            text.mark(index, f"{function}({event})")
    _reduce(text, ending, last, event)
    text.depth = 1
    if filters:
        text.put("tally.filtered += d0 + d1")
        text.put("tally.produced += d1")
    text.put("return state")
    return text


def _reduce(text: _Text, ending: str, last: int, event: str) -> None:
    function = f"f{last}"
    if ending == "reduce":
        text.mark(last, f"state = {function}(state, {event})")
    elif ending in ("emit_and_reduce", "emit_and_reduce:silent"):
        text.mark(last, f"result = {function}(state, {event})")
        text.mark(last, "if not isinstance(result, tuple) or len(result) != 2: refuse(result)")
        text.put("emitted, state = result")
        if ending == "emit_and_reduce":
            text.mark(last, "extend(emitted)", "iterate")
    else:
        if ending == "group_by_key":
            text.mark(last, f"key, value = {event}", "unpack")
        else:
            text.mark(last, f"key = {function}({event})")
            text.mark(
                last, f"value = value_of({event})" if ending == "group_by" else f"value = {event}"
            )
        text.mark(last, "group = find(key)")
        text.put("if group is None: state[key] = [value]")
        text.put("else: group.append(value)")


def _defaults(count: int) -> list[str]:
    # Defaults are locals, which are faster to reach than globals.
    return [f"f{index}=f{index}" for index in range(count)]
