"""What functions note in whatever process they are called."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Notes:
    """A list that functions of a flow append to, in this process and in workers.

    It is a file: one write, to its end, is one note. So a copy of it in another process is as good.

    Args:
        path: where nothing is yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(exist_ok=False)

    def append(self, note: Any) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, pickle.dumps(note))
        finally:
            os.close(file)

    def extend(self, notes: Any) -> None:
        for note in notes:
            self.append(note)

    def clear(self) -> None:
        os.truncate(self._path, 0)

    def __iter__(self) -> Iterator[Any]:
        with self._path.open("rb") as file:
            while file.peek(1):
                yield pickle.load(file)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]
