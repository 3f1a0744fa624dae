"""A flow that is run again and again, in a process of its own, which another one watches.

``python -m pictures.profiles.again NAME SECONDS SIZE``, in the folder ``docs``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
from pictures.profiles.flows import Profiled, flows_to_profile

__all__ = ["again"]


def again(flow: Profiled, seconds: float) -> tuple[int, float, float]:
    """Run a flow until it has used so much CPU time.

    Returns:
        How often, what all threads have used, and what this one has, in which the loop runs.
    """
    runs = 0
    started, here = time.process_time(), time.thread_time()
    while (used := time.process_time() - started) < seconds or not runs:
        flow.run()
        runs += 1
    return runs, used, time.thread_time() - here


if __name__ == "__main__":
    name, budget, size = sys.argv[1:]
    with flows_to_profile(int(size)) as flows:
        chosen = next(flow for flow in flows if flow.name == name)
        chosen.run()  # what is done only once is no part of the profile
        again(chosen, float(budget))
