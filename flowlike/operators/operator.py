"""What all operators are: a description with a name and a label."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["Operator", "function_name"]


class Operator:
    """The description of one operator: immutable, checked when it is made, nothing running.

    Attributes:
        name: the method of `Flow` that records it.
        follows_layer: whether its function runs in the layer's executor by default.
    """

    __slots__ = ()
    name: ClassVar[str]
    follows_layer: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The operator as plans and notes show it, such as ``map(parse)``."""
        return f"{self.name}()"


def function_name(function: Any) -> str:
    """A short name for a function, a partial, a kernel, an object or a key.

    >>> function_name(len), function_name(3), function_name("word")
    ('len', '3', "'word'")
    """
    if isinstance(function, (int, str)) and not isinstance(function, type):
        return repr(function)
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    for attribute in ("__name__", "name"):
        name = getattr(function, attribute, None)
        if isinstance(name, str):
            return name
    return type(function).__name__
