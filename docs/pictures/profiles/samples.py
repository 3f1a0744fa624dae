"""What the loop's thread of a flow does: samples that py-spy takes from another process.

From inside they would be wrong: Python calls the handler of a signal at the next call or jump
back, and so gives the time of a short function to its neighbour.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pictures.profiles import again, flows
from pictures.profiles.places import Frame, Place, place_of

__all__ = ["count_places", "sample", "sampler"]

PER_SECOND = 250

_AGAIN = ("again", again.__file__)
_JOB = "Job.run"


def sampler() -> str:
    """Where py-spy is.

    Raises:
        FileNotFoundError: it is not installed.
    """
    found = shutil.which("py-spy", path=sysconfig.get_path("scripts")) or shutil.which("py-spy")
    if found is None:
        raise FileNotFoundError("the rooms are sampled by py-spy: pip install py-spy")
    return found


def sample(name: str, seconds: float, size: int) -> Counter[Place]:
    """Run a flow in a process of its own, and count where its loop holds the GIL.

    Args:
        name: of the flow.
        seconds: of CPU time that it may use.
        size: of the arrays.

    Raises:
        FileNotFoundError: py-spy is not installed.
        CalledProcessError: it cannot look into another process, for instance; it says why.
    """
    with TemporaryDirectory() as folder:
        stacks = Path(folder, "stacks")
        command = [sampler(), "record", "--gil", "--threads", "--function", "--full-filenames"]
        command += ["--format", "raw", "--rate", str(PER_SECOND), "--output", str(stacks), "--"]
        command += [sys.executable, "-m", again.__name__, name, str(seconds), str(size)]
        docs = Path(__file__).parents[2]
        subprocess.run(command, cwd=docs, check=True, stdout=subprocess.DEVNULL)
        return count_places(stacks.read_text(encoding="utf-8").splitlines())


def count_places(lines: Iterable[str]) -> Counter[Place]:
    """How often each place was seen in the loop's thread.

    What is not part of a run is left out, and calls of jobs of the native pool: of those
    `pictures.profiles.spans` knows the CPU time. So it does of the other threads. Samples of them
    would mislead: where every core is busy, the sampler gets one when a thread makes a system
    call, and so sees system calls.

    Args:
        lines: as py-spy writes them: the frames of a thread and how often they were seen.

    Raises:
        ValueError: they are written in another way.
    """
    counts: Counter[Place] = Counter()
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        frames = [Frame.parse(each) for each in stack.split(";")[1:]]
        if _AGAIN in frames and not any(frame.function == _JOB for frame in frames):
            counts[place_of(frames, flows.__file__)] += int(samples)
    return counts
