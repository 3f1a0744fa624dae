"""Measure what the pictures of profiles show, and draw them.

Run it with ``cd docs && python -m pictures.profiles``, on a machine that does nothing else, with
py-spy installed; ``--help`` lists the options. It writes the ``.json`` files of this folder, which
``python -m pictures`` draws from.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
from comparing import count
from logistic_map.columns import MU, NUM, P

from flowlike.cli.chunk_times import time_chunks
from flowlike.native import logistic_map
from pictures import chunks, rooms, threads
from pictures.profiles import FOLDER, KERNELS, LOOP, POOL, SPLITTING, Recorded, flows
from pictures.profiles.again import again
from pictures.profiles.recorded import machine
from pictures.profiles.samples import sample, sampler
from pictures.profiles.spans import joined, watched

GAP = 20
"""Microseconds between two spans that are drawn as one."""


def of_threads(flow: flows.Profiled, runs: int) -> dict[str, Any]:
    """A row of ``threads.json``: of so many runs the shortest, which was disturbed least."""
    flow.run()
    found = []
    for _ in range(runs):
        with watched() as spans:
            started = time.perf_counter()
            flow.run()
            seconds = time.perf_counter() - started
        found.append((seconds, list(spans)))
    seconds, spans = min(found, key=lambda each: each[0])
    return threads.row(flow.name, seconds, joined(spans, GAP))


def of_rooms(flow: flows.Profiled, seconds: float, size: int) -> dict[str, Any]:
    """A row of ``rooms.json``: runs that use so much CPU time together.

    What native calls, the loop's thread and the others use is measured; samples say only what
    the loop's thread does.
    """
    flow.run()
    with watched() as spans:
        runs, used, loop = again(flow, seconds)
    calls = [span for span in spans if span.kind != "turn"]
    places = dict.fromkeys((KERNELS, SPLITTING, POOL), 0.0)
    for call in calls:
        places[SPLITTING if call.kind == "split" else KERNELS] += call.cpu / 1e6
    places[POOL] = used - loop - sum(call.cpu / 1e6 for call in calls if call.thread != LOOP)
    seen = sample(flow.name, seconds, size)
    one = (used - sum(places.values())) / seen.total()
    for place, samples in seen.items():
        places[place] = places.get(place, 0.0) + one * samples
    return rooms.row(flow.name, flow.event, runs * flow.events, places)


def of_chunks(repeats: int) -> dict[str, Any]:
    """A row of ``chunks.json``: the kernel of the logistic map, as `flowlike calibrate` does it."""
    kernel = logistic_map.bind(num=NUM, p=P, mu=MU)
    return chunks.row("logistic_map", time_chunks(kernel, range, repeats=repeats))


def record(folder: Path, *, size: int, runs: int, seconds: float, repeats: int) -> None:
    """Measure, and write the files that pictures are drawn from.

    Args:
        folder: gets them.
        size: of the arrays.
        runs: of each flow whose threads are watched.
        seconds: of CPU time, for each flow that is sampled.
        repeats: of the calls of a kernel.
    """
    timed = [of_threads(flow, runs) for flow in flows.flows_on_arrays(size)]
    with flows.flows_to_profile(size) as profiled:
        sampled_rows = [of_rooms(flow, seconds, size) for flow in profiled]
    for name, rows in (
        ("threads", timed),
        ("rooms", sampled_rows),
        ("chunks", [of_chunks(repeats)]),
    ):
        Recorded(machine(), rows).write(folder / f"{name}.json")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, write and draw."""
    parser = argparse.ArgumentParser(
        description="Measure what the pictures of profiles show, and draw them.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--size", type=count, default=1 << 25, help="of the arrays")
    parser.add_argument("--runs", type=count, default=9, help="of a flow whose threads are watched")
    parser.add_argument("--seconds", type=float, default=6.0, help="of CPU time for a flow's rooms")
    parser.add_argument("--repeats", type=count, default=20, help="of a call of the kernel")
    arguments = parser.parse_args(argv)
    try:
        sampler()
    except FileNotFoundError as error:
        parser.error(str(error))
    record(FOLDER, **vars(arguments))
    for name, draw in (
        ("chunks.svg", chunks.draw),
        ("rooms.svg", rooms.draw),
        ("threads.svg", threads.draw),
    ):
        (FOLDER.parent / name).write_text(draw(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
