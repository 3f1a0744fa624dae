"""One side of a comparison, in a process of its own: does a task when it is told to.

``python -m rivals.worker NAME`` imports ``rivals.adapters.with_NAME``. It reads requests from
stdin and writes answers to stdout, one JSON object on each line. First it says which tasks it can
do, and how.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from rivals.tasks import TASKS, Task

__all__ = ["abilities", "answer", "main"]


def abilities(adapter: ModuleType) -> dict[str, dict[str, str]]:
    """What the adapter can do.

    Returns:
        For each task ``{"how": ...}``, or ``{"cannot": why}``.

    Raises:
        TypeError: the adapter says nothing of a task.
    """
    cannot: dict[str, str] = getattr(adapter, "CANNOT", {})
    found: dict[str, dict[str, str]] = {}
    for task in TASKS:
        function = getattr(adapter, task.name, None)
        if function is not None:
            found[task.name] = {"how": " ".join((inspect.getdoc(function) or "").split())}
        elif task.name in cannot:
            found[task.name] = {"cannot": cannot[task.name]}
        else:
            raise TypeError(f"{adapter.__name__} has no {task.name}, and CANNOT does not say why")
    return found


def answer(adapter: ModuleType, task: Task, prepared: Any, expected: object) -> dict[str, Any]:
    """Do a task once.

    Args:
        adapter: of the library.
        task: which one.
        prepared: its input.
        expected: what its result has to show.

    Returns:
        ``{"seconds": ...}`` by the clock on the wall, or ``{"error": ...}``.
    """
    try:
        started = time.perf_counter()
        result = getattr(adapter, task.name)(prepared)
        seconds = time.perf_counter() - started
    except Exception as error:  # noqa: BLE001 - whatever a library does belongs into the table
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}
    if task.shown(result) != expected:
        return {"error": f"wrong result: {str(task.shown(result))[:80]}"}
    return {"seconds": seconds}


def _serve(adapter: ModuleType, answers: TextIO) -> None:
    tasks = {task.name: task for task in TASKS}
    known: tuple[str, int] = ("", 0)
    prepared = expected = None
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(abilities(adapter)), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            task, size = tasks[request["task"]], request["size"]
            if (task.name, size) != known:
                prepared = task.prepare(size, Path(folder))
                expected = task.shown(task.expected(prepared))
                known = (task.name, size)
            print(json.dumps(answer(adapter, task, prepared, expected)), file=answers, flush=True)


def main(name: str) -> None:
    """Answer requests until stdin ends."""
    # Libraries print; what they print must not be taken for an answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        _serve(import_module(f"rivals.adapters.with_{name}"), answers)


if __name__ == "__main__":
    main(sys.argv[1])
