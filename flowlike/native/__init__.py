"""Native chunk functions: kernels on arrays, hashing and scattering, chunk sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowlike.first_use import on_first_use
from flowlike.native.hashing import partition_of as partition_of
from flowlike.native.hashing import stable_hash as stable_hash
from flowlike.native.kernel import Kernel as Kernel
from flowlike.native.scatter import partition_ids as partition_ids
from flowlike.native.scatter import scatter as scatter

if TYPE_CHECKING:
    from flowlike.native.arena import Arena as Arena
    from flowlike.native.calibration import Calibration as Calibration
    from flowlike.native.calibration import calibrate as calibrate
    from flowlike.native.logistic import LogisticMap as LogisticMap
    from flowlike.native.logistic import logistic_map as logistic_map
    from flowlike.native.logistic import logistic_map_naive as logistic_map_naive
else:
    __getattr__ = on_first_use(
        __name__,
        arena="Arena",
        calibration="Calibration calibrate",
        logistic="LogisticMap logistic_map logistic_map_naive",
    )

__all__ = [
    "Arena",
    "Calibration",
    "Kernel",
    "LogisticMap",
    "calibrate",
    "logistic_map",
    "logistic_map_naive",
    "partition_ids",
    "partition_of",
    "scatter",
    "stable_hash",
]
