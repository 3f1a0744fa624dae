"""Every column of the benchmark beside unbounded integers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from logistic_map import benchmark, columns, in_llvm, in_opencl

from flowlike import Flow
from flowlike.errors import KernelError
from flowlike.native import Kernel

LEAST, GREATEST = -(2**63), 2**63 - 1
NUM, P, MU = columns.NUM, columns.P, columns.MU
COMPILED = [in_llvm.llvm, in_llvm.llvm_fast, in_opencl.opencl, in_opencl.opencl_inlined]


def expected(x: int, num: int, p: int, mu: int) -> int:
    for _ in range(num):
        x = mu * x * (x + 1)
        x = -(-x % abs(p)) if x < 0 else x % abs(p)
    return x


def ready(make: Callable[[], Any]) -> Any:
    """What it makes; the test is skipped where this machine lacks what that needs."""
    try:
        return make()
    except (KernelError, ModuleNotFoundError) as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", columns.COLUMNS)
def test_every_column_is_exact_at_the_corners(name: str) -> None:
    column = columns.COLUMNS[name]
    if column.prepare is not None:
        ready(column.prepare)
    greatest = benchmark.GREATEST_SIZE
    corners = [0, 1, 2, P - 2, P - 1, P, P + 1, 2 * P, 2**24, 2**26, greatest - 1, greatest]
    exact = [expected(x, NUM, P, MU) for x in corners]
    xs = np.array(corners)
    for stages in (1, 2) if column.staged else (1,):
        result = np.asarray(column.program(xs, np.empty_like(xs), stages)).tolist()
        assert (result if stages == 1 else sorted(result)) == (
            exact if stages == 1 else sorted(exact)
        )


@pytest.mark.parametrize("make", COMPILED, ids=lambda make: make.__name__)
def test_they_run_in_a_flow(make: Callable[..., Kernel]) -> None:
    kernel = ready(lambda: make(NUM, P, MU))
    xs = np.arange(1, 20_001)
    exact = np.sort(columns.COLUMNS["c"].program(xs, np.empty_like(xs), 1))
    chunks = Flow.from_iterable(xs, stages=2).map_batch(kernel)
    assert np.array_equal(np.sort(chunks.to_array()), exact)
    windows = Flow.from_iterable(xs).partition(stages=2).collect_batch().map_state(kernel)
    assert np.array_equal(np.sort(windows.to_array()), exact)


@pytest.mark.parametrize("make", COMPILED, ids=lambda make: make.__name__)
def test_p_of_zero(make: Callable[..., Kernel]) -> None:
    ready(lambda: make(NUM, P, MU))
    with pytest.raises(ZeroDivisionError, match="p must not be 0"):
        make(NUM, 0, MU)(np.arange(3))


@pytest.mark.parametrize("make", [in_llvm.llvm, in_opencl.opencl, in_opencl.opencl_inlined])
def test_signs_of_the_naive_loops(make: Callable[..., Kernel]) -> None:
    xs = np.arange(-1000, 1000)
    for p, mu in ((97, -22), (-97, 22), (-1, 5)):
        kernel = ready(lambda p=p, mu=mu: make(3, p, mu))
        assert kernel(xs).tolist() == [expected(x, 3, p, mu) for x in xs.tolist()]
    assert ready(lambda: make(0, 7, 3))(xs).tolist() == xs.tolist()


int64s = st.integers(LEAST, GREATEST) | st.integers(-1000, 1000)
moduli = st.integers(1, 2**25 - 1).map(lambda half: 2 * half + 1)


@given(
    xs=st.lists(int64s, max_size=200),
    num=st.integers(-1, 12),
    p=moduli | moduli.map(lambda p: -p),
    mu=int64s,
)
@example(xs=[LEAST, GREATEST, 2**50, -(2**50), 2**50 - 1, 2**51] * 20, num=3, p=2**26 - 1, mu=LEAST)
@example(xs=list(range(63)), num=1, p=3, mu=GREATEST)
@example(xs=list(range(-64, 65)), num=10, p=P, mu=-MU)
def test_the_fast_loop_is_exact_for_every_int64(xs: list[int], num: int, p: int, mu: int) -> None:
    if np.gcd(mu % abs(p), abs(p)) != 1:
        with pytest.raises(ValueError, match="no divisor in common"):
            in_llvm.llvm_fast(num, p, mu)
        return
    kernel = ready(lambda: in_llvm.llvm_fast(num, p, mu))
    assert kernel(np.array(xs, np.int64)).tolist() == [expected(x, num, p, mu) for x in xs]


@pytest.mark.parametrize("p", [1, -1, 2, 6700416, 2**26 + 1, LEAST])
def test_moduli_the_fast_loop_is_not_for(p: int) -> None:
    with pytest.raises(ValueError, match="p must be odd, with 3 <= "):
        in_llvm.llvm_fast(10, p, 22)


@pytest.mark.parametrize(
    ("module", "column", "cure"),
    [
        ("numba", "llvm", "pip install 'flowlike[llvm]'"),
        ("numba", "llvm-fast", "pip install 'flowlike[llvm]'"),
        ("pyopencl", "opencl", "pip install 'flowlike[opencl]'"),
        ("pyopencl", "opencl-inlined", "pip install 'flowlike[opencl]'"),
    ],
)
def test_a_column_that_cannot_run_is_refused_with_the_cure(
    module: str,
    column: str,
    cure: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for made in (in_llvm._llvm, in_llvm._llvm_fast, in_opencl._opencl, in_opencl.opencl_inlined):
        made.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SystemExit) as ended:
        benchmark.main(["--size", "10", "--columns", f"c,{column},5"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"column {column} cannot run here: " in said
    assert cure in said
    assert "or without: --columns c,5" in said
