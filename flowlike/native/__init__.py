"""Native chunk functions: kernels on arrays, hashing and scattering, chunk sizes."""

from __future__ import annotations

from flowlike.native.arena import Arena as Arena
from flowlike.native.calibration import Calibration as Calibration
from flowlike.native.calibration import calibrate as calibrate
from flowlike.native.hashing import partition_of as partition_of
from flowlike.native.hashing import stable_hash as stable_hash
from flowlike.native.kernel import Kernel as Kernel
from flowlike.native.logistic import LogisticMap as LogisticMap
from flowlike.native.logistic import logistic_map as logistic_map
from flowlike.native.logistic import logistic_map_naive as logistic_map_naive
from flowlike.native.scatter import partition_ids as partition_ids
from flowlike.native.scatter import scatter as scatter

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
