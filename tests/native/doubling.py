"""What a kernel that doubles every int64 has to do, whatever it is written in."""

from __future__ import annotations

import numpy as np

from flowlike import Flow
from flowlike.native import Kernel


class Doubling:
    """Inherited by tests with a fixture ``double``."""

    def test_in_place(self, double: Kernel) -> None:
        array = np.arange(2500)
        assert double(array, out=array) is array
        assert np.array_equal(array, np.arange(0, 5000, 2))

    def test_in_a_flow(self, double: Kernel) -> None:
        flow = Flow.from_iterable(np.arange(30_000), stages=2).map_batch(double)
        assert np.array_equal(np.sort(flow.to_array()), np.arange(0, 60_000, 2))
        windows = (
            Flow.from_iterable(np.arange(1000))
            .partition(stages=2, key=lambda n: n % 2)
            .collect_batch()
            .map_state(double)
        )
        assert np.array_equal(np.sort(windows.to_array()), np.arange(0, 2000, 2))
