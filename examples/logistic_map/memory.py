"""The peak memory of column 8, measured in a process of its own.

Run by ``benchmark.py --memory``; alone: ``python examples/logistic_map/memory.py SIZE STAGES``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
from logistic_map.columns import MU, NUM, P
from logistic_map.map_calc import map_calc8


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """What a run of column 8 took at most, in bytes.

    Args:
        size: how many numbers.
        stages: how many partitions.
        before: the process with Python, NumPy and flowlike loaded.
        peak: the most the process ever had, with input and output.
    """

    size: int
    stages: int
    before: int
    peak: int

    def __str__(self) -> str:
        numbers = 8 * self.size
        return (
            f"peak memory of column 8, {self.size} numbers, stages {self.stages}: "
            f"{_mb(self.peak)} = input {_mb(numbers)} + output {_mb(numbers)} + "
            f"{_mb(self.peak - 2 * numbers)}, of which {_mb(self.before)} are Python, NumPy and "
            f"flowlike before the start"
        )


def measure_apart(size: int, stages: int) -> PeakMemory:
    """Measure in a new process, so that nothing else counts.

    Raises:
        subprocess.CalledProcessError: the process failed, and said why on stderr.
    """
    command = [sys.executable, __file__, str(size), str(stages)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return PeakMemory(**json.loads(done.stdout))


def measure_here(size: int, stages: int) -> PeakMemory:
    """Measure in this process; its peak so far must be small."""
    before = _peak()
    map_calc8(np.arange(1, size + 1), NUM, P, MU, stages)
    return PeakMemory(size, stages, before, _peak())


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    print(json.dumps(asdict(measure_here(int(sys.argv[1]), int(sys.argv[2])))))
