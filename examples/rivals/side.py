"""One side of a comparison, seen from outside: a worker that is told what to do."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Side", "SideError"]


class SideError(Exception):
    """A worker has not done its task. The text says why."""


class Side:
    """A running worker, to be used in a ``with`` block.

    Args:
        python: the interpreter of its environment.
        name: of its adapter.
        log: where its stderr goes.
        patience: seconds that an answer may take.

    Attributes:
        abilities: what it can do, see `rivals.worker.abilities`.

    Raises:
        SideError: the adapter cannot be imported.
    """

    def __init__(self, python: Path, name: str, log: Path, patience: float = 60.0) -> None:
        self._log = log
        self._patience = patience
        folder = str(Path(__file__).parents[1])
        paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("w", encoding="utf-8") as errors:
            self._worker = subprocess.Popen(
                [str(python.absolute()), "-m", "rivals.worker", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,  # So that `select` sees all that there is to read.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                cwd=folder,  # Where the sources of flowlike lie, they would come first.
                start_new_session=True,
            )
        try:
            self.abilities: dict[str, dict[str, str]] = self._answer()
        except SideError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def seconds(self, task: str, size: int) -> float:
        """Do a task once and say how long it took.

        Args:
            task: its name.
            size: of its input.

        Raises:
            SideError: it failed, gave a wrong result, or took too long.
        """
        assert self._worker.stdin is not None
        request = json.dumps({"task": task, "size": size}) + "\n"
        try:
            self._worker.stdin.write(request.encode())
        except OSError as error:
            raise SideError(f"its process has ended; see {self._log.name}") from error
        answer = self._answer()
        if "error" in answer:
            raise SideError(answer["error"])
        return float(answer["seconds"])

    def close(self) -> None:
        """End the worker, and all that it has started."""
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.close()
        try:
            self._worker.wait(10)
        except subprocess.TimeoutExpired:
            self._kill()
        self._worker.stdout.close()

    def _kill(self) -> None:
        os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.wait()

    def _answer(self) -> Any:
        assert self._worker.stdout is not None
        ready, _, _ = select.select([self._worker.stdout], [], [], self._patience)
        if not ready:
            self._kill()
            raise SideError(f"no result within {self._patience:g} s")
        line = self._worker.stdout.readline()
        if not line:
            raise SideError(f"its process has ended; see {self._log.name}")
        return json.loads(line)
