"""Native chunk functions: kernels on arrays, hashing and scattering, chunk sizes."""

from __future__ import annotations

from .calibration import Calibration as Calibration
from .calibration import calibrate as calibrate
from .hashing import partition_of as partition_of
from .hashing import stable_hash as stable_hash
from .kernel import Kernel as Kernel
from .logistic import LogisticMap as LogisticMap
from .logistic import logistic_map as logistic_map
from .logistic import logistic_map_naive as logistic_map_naive
from .scatter import partition_ids as partition_ids
from .scatter import scatter as scatter

__all__ = [
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
