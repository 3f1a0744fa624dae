"""Wrap a C function of your own as a kernel, and use it like any other.

Run it with ``python examples/own_kernel/celsius.py``. It needs a C compiler (``cc``, or what
``CC`` in the environment names) and three steps:

1. ``celsius.c`` has a function ``int f(const T *in, U *out, size_t n, parameters...)``,
   and ``celsius.cdef`` declares it.
2. ``compiling.py`` compiles it with cffi and loads it.
3. `Kernel.from_cffi` gives it a name, the dtypes of its arrays, its parameters, and what to
   raise for the statuses that it returns.

After that a wrong dtype, a missing parameter or a parameter that does not fit is refused
before C sees it, a status becomes an exception, and the GIL is free while C runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from flowlike import Flow
from flowlike.native import Kernel

sys.path.insert(0, str(Path(__file__).parents[1]))  # for a run as a script
from own_kernel.compiling import compiled

HERE = Path(__file__).parent


class BrokenSensor(ValueError):
    """A reading that only a broken sensor gives."""


def celsius_kernel(folder: Path) -> Kernel:
    """The kernel ``celsius(readings, *, gain, offset)``, built in ``folder`` if needed."""
    module = compiled(HERE / "celsius.c", HERE / "celsius.cdef", folder)
    return Kernel.from_cffi(
        module.ffi,
        module.lib.celsius,
        name="celsius",
        input=np.int16,
        output=np.float64,
        params={"gain": "double", "offset": "double"},
        errors={
            1: BrokenSensor("a reading of -32768: the sensor is broken"),
            2: ValueError("celsius: gain must not be 0"),
        },
        elementwise=True,
    )


def main() -> None:
    """Convert a few readings, then show what is refused."""
    celsius = celsius_kernel(HERE / "build")
    kitchen = celsius.bind(gain=0.01, offset=-40.0)
    readings = np.array([5900, 6125, 6200], np.int16)
    print(kitchen)
    print("degrees:", kitchen(readings).tolist())

    into = np.empty(3)
    print("the same array filled again:", kitchen(readings, out=into) is into)

    # In a flow the batches are views of the source, and stay arrays to the end.
    days = np.resize(readings, 100_000)
    degrees = Flow.from_iterable(days, stages=2).map_batch(kitchen).to_array()
    print(f"{len(degrees)} readings through a flow, on average {degrees.mean():.2f}")

    for wrong in (readings.astype(np.int64), np.array([5900, -32768], np.int16)):
        try:
            kitchen(wrong)
        except (TypeError, BrokenSensor) as error:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
