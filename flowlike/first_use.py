"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

__all__ = ["on_first_use"]


def on_first_use(package: str, **homes: str) -> Callable[[str], object]:
    """The ``__getattr__`` of a package: who starts does not load what only some flows need.

    Type checkers are shown the same names as ordinary imports, under ``TYPE_CHECKING``.

    Args:
        package: its name.
        homes: by module of the package, the names that it has, with spaces between them. None may
            be called as a module of the package is: an import of that would take its place.
    """
    modules = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find
