"""Measurements that pictures are drawn from: ``cd docs && python -m pictures.profiles``."""

from pictures.profiles.places import KERNELS as KERNELS
from pictures.profiles.places import LOOP_ROOM as LOOP_ROOM
from pictures.profiles.places import POOL as POOL
from pictures.profiles.places import SPLITTING as SPLITTING
from pictures.profiles.places import YOURS as YOURS
from pictures.profiles.places import Place as Place
from pictures.profiles.recorded import FOLDER as FOLDER
from pictures.profiles.recorded import Recorded as Recorded
from pictures.profiles.spans import LOOP as LOOP
from pictures.profiles.spans import Span as Span

__all__ = [
    "FOLDER",
    "KERNELS",
    "LOOP",
    "LOOP_ROOM",
    "POOL",
    "SPLITTING",
    "YOURS",
    "Place",
    "Recorded",
    "Span",
]
