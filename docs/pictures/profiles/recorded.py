"""What was measured, as a file that a picture is drawn from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

__all__ = ["FOLDER", "Recorded", "machine"]

FOLDER = Path(__file__).parent
"""Where the files are that the pictures of the documentation are drawn from."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Rows that were measured in one session.

    Args:
        machine: on what, for the picture.
        rows: what JSON can hold.
    """

    machine: str
    rows: Sequence[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """What was written there."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["machine"], content["rows"])

    def write(self, path: Path) -> None:
        """Write a file with a line for each row, so that its changes can be read."""
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in self.rows)
        path.write_text(
            f'{{"machine":{json.dumps(self.machine)},"rows":[\n{rows}\n]}}\n', encoding="utf-8"
        )


def machine() -> str:
    """The shape of this machine, in words."""
    return (
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )
