"""Where calibrations are kept between runs: a JSON file each, in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from flowlike.native.calibration import Calibration

__all__ = ["cache_path", "keep", "kept_at"]


def cache_path(name: str, target: float) -> Path:
    """The file for a calibration: one for each name, target, machine and version."""
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    machine = (platform.node(), platform.machine(), platform.processor(), os.cpu_count())
    versions = (version("flowlike"), platform.python_implementation(), platform.python_version())
    told_apart = repr((name, target, machine, versions)).encode()
    digest = hashlib.sha256(told_apart).hexdigest()[:16]
    plain = re.sub(r"[^A-Za-z0-9]", "_", name)
    return folder / "flowlike" / "calibration" / f"{plain}-{digest}.json"


def kept_at(path: Path) -> Calibration | None:
    """What was kept, or None where there is nothing, or nothing sound."""
    try:
        fields = json.loads(path.read_text("utf-8"))
        kept = Calibration(
            int(fields["chunk_size"]), float(fields["seconds_per_item"]), float(fields["overhead"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return kept if kept.chunk_size >= 1 else None


def keep(path: Path, calibration: Calibration) -> None:
    """Write it; a folder that cannot be written is warned of.

    Warns:
        RuntimeWarning: nothing was kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place, so that another process never reads half a file.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False
        ) as file:
            json.dump(asdict(calibration), file)
        Path(file.name).replace(path)
    except OSError as error:
        warnings.warn(
            f"the calibration is not kept, {path.parent} cannot be written: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
