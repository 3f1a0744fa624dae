"""The logistic map: exact on every path, for every input it takes, and clear about others."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowlike.native import LogisticMap, logistic_map, logistic_map_naive
from flowlike.native.logistic import paths

LEAST, GREATEST = -(2**63), 2**63 - 1
ARTICLE = {"num": 10, "p": 6700417, "mu": 22}

EDGES = [
    LEAST,
    GREATEST,
    0,
    1,
    -1,
    2,
    -2,
    2**25,
    2**26,
    2**50,
    -(2**50),
    2**50 - 1,
    2**51,
    -(2**51),
]
MODULI = [
    *(1, 2, 3, 4, 10, 6700417, 2**26 - 5, 2**26, 2**26 + 1, 2**32, 2**32 + 15),
    *(2**40 + 9, 2**48 - 59, 2**48 - 1, 2**48, 2**48 + 1, GREATEST, LEAST),
]

int64s = st.integers(LEAST, GREATEST) | st.integers(-1000, 1000) | st.sampled_from(EDGES)
moduli = (
    int64s | st.integers(-(2**27), 2**27) | st.integers(2**47, 2**48) | st.sampled_from(MODULI)
).filter(bool)


def remainder(dividend: int, divisor: int) -> int:
    """With the sign of the dividend, as C, Elixir and math.fmod have it."""
    size = abs(dividend) % abs(divisor)
    return -size if dividend < 0 else size


def expected(x: int, num: int, p: int, mu: int) -> int:
    for _ in range(num):
        x = remainder(mu * x * (x + 1), p)
    return x


@pytest.fixture(params=list(paths()))
def path(request: pytest.FixtureRequest) -> LogisticMap:
    return paths()[request.param]


@given(xs=st.lists(int64s, max_size=120), num=st.integers(-2, 12), p=moduli, mu=int64s)
@example(xs=EDGES, num=3, p=LEAST, mu=LEAST)
@example(xs=EDGES, num=3, p=-1, mu=GREATEST)
@example(xs=EDGES, num=1, p=2**26, mu=-(2**25))
def test_every_path_agrees_with_unbounded_integers(
    xs: list[int], num: int, p: int, mu: int
) -> None:
    exact = [expected(x, num, p, mu) for x in xs]
    for way in paths().values():
        assert way(np.array(xs, np.int64), num=num, p=p, mu=mu).tolist() == exact


@pytest.mark.parametrize("mu", [0, 1, -1, 2, 22, -22, 6700416, 2**25, GREATEST, LEAST])
@pytest.mark.parametrize("p", MODULI + [-p for p in MODULI[:-1]])
def test_the_extremes(path: LogisticMap, p: int, mu: int) -> None:
    for num in (1, 2, 10):
        exact = [expected(x, num, p, mu) for x in EDGES]
        assert path(EDGES, num=num, p=p, mu=mu).tolist() == exact


def test_the_naive_kernel_agrees_where_nothing_overflows() -> None:
    xs = np.arange(-1000, 100_000)
    for mu in (22, -22):
        given_params = {**ARTICLE, "mu": mu}
        exact = logistic_map(xs, **given_params)
        assert np.array_equal(logistic_map_naive(xs, **given_params), exact)


@pytest.mark.parametrize("kernel", [logistic_map, logistic_map_naive])
def test_no_iterations_are_a_copy(kernel: LogisticMap) -> None:
    xs = np.array(EDGES)
    for num in (0, -1, LEAST):
        copy = kernel(xs, num=num, p=7, mu=3)
        assert copy.tolist() == EDGES
        assert not np.shares_memory(copy, xs)


@pytest.mark.parametrize("kernel", [logistic_map, logistic_map_naive])
@pytest.mark.parametrize("num", [10, 0, -1])
@pytest.mark.parametrize("events", [[1, 2], [], b"", np.arange(3)])
def test_p_of_zero(kernel: LogisticMap, num: int, events: object) -> None:
    with pytest.raises(ZeroDivisionError, match="p must not be 0"):
        kernel(events, num=num, p=0, mu=3)
    bound = kernel.bind(num=num, p=0, mu=3)
    with pytest.raises(ZeroDivisionError):
        bound(events)


def test_each_failure_is_an_exception_of_its_own() -> None:
    caught = []
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as failure:
            logistic_map([1], num=1, p=0, mu=1)
        caught.append(failure.value)
    assert caught[0] is not caught[1]


@pytest.mark.parametrize("events", [[5, 6, -7], range(-3, 40, 7), range(40, -3, -7), [], range(0)])
def test_lists_and_ranges_give_arrays(events: list[int] | range) -> None:
    result = logistic_map(events, **ARTICLE)
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.int64
    assert result.tolist() == [expected(x, **ARTICLE) for x in events]


def test_ranges_up_to_the_ends_of_int64() -> None:
    for events in (range(GREATEST - 2, GREATEST + 1), range(LEAST, GREATEST, 2**63 + 5)):
        assert logistic_map(events, num=0, p=1, mu=1).tolist() == list(events)
    for beyond in (range(GREATEST - 2, GREATEST + 2), range(LEAST - 1, LEAST + 1)):
        with pytest.raises(OverflowError, match="int64"):
            logistic_map(beyond, **ARTICLE)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_give_bytes(kind: type) -> None:
    xs = np.arange(1, 50)
    result = logistic_map(kind(xs.tobytes()), **ARTICLE)
    assert isinstance(result, bytes)
    assert result == logistic_map(xs, **ARTICLE).tobytes()
    assert logistic_map(b"", **ARTICLE) == b""


def test_bytes_that_are_no_int64() -> None:
    with pytest.raises(ValueError, match="multiples of 8, not 9 bytes"):
        logistic_map(bytes(9), **ARTICLE)


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([1.0, 2.0], TypeError),
        ([1, math.nan], TypeError),
        ([1, "2"], TypeError),
        (["1", "2"], TypeError),
        ([1, None], TypeError),
        ([[1, 2], [3, 4]], TypeError),
        ([[1], [2, 3]], TypeError),
        ([2**63], OverflowError),
        ([-1, 2**63], OverflowError),
        ([2**64], OverflowError),
        ("12345678", TypeError),
        ((1, 2), TypeError),
        (5, TypeError),
        (None, TypeError),
        (np.array([1.0, math.nan]), TypeError),
        (np.arange(3, dtype=np.int32), TypeError),
        (np.arange(3, dtype=np.uint64), TypeError),
        (np.arange(3, dtype=">i8"), TypeError),
        (np.arange(9).reshape(3, 3), ValueError),
        (np.arange(9)[::2], ValueError),
        (np.array(5), ValueError),
    ],
    ids=repr,
)
def test_other_events_are_refused(events: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        logistic_map(events, **ARTICLE)


def test_booleans_and_numpy_integers_are_integers() -> None:
    assert logistic_map([True, np.int32(5), 7], num=0, p=1, mu=1).tolist() == [1, 5, 7]


@pytest.mark.parametrize("param", ["num", "p", "mu"])
def test_bad_parameters(param: str) -> None:
    for value in (2**63, LEAST - 1):
        with pytest.raises(OverflowError, match=f"{param} must fit"):
            logistic_map([1], **{**ARTICLE, param: value})
        with pytest.raises(OverflowError, match=f"{param} must fit"):
            logistic_map.bind(**{param: value})
    for wrong in (1.0, math.nan, "1", None, Fraction(3), np.float32(2)):
        with pytest.raises(TypeError, match=f"{param} must be"):
            logistic_map([1], **{**ARTICLE, param: wrong})
    assert logistic_map([1], **{**ARTICLE, param: np.int64(3)}).shape == (1,)


def test_threads_share_it() -> None:
    kernel = logistic_map.bind(**ARTICLE)
    xs = np.arange(200_000)
    exact = kernel(xs)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(kernel, np.split(xs, 20)))
    assert np.array_equal(np.concatenate(results), exact)


def test_it_is_sent_to_other_processes_by_name() -> None:
    for kernel in (logistic_map, logistic_map_naive):
        again = pickle.loads(pickle.dumps(kernel.bind(**ARTICLE)))
        assert again.name == kernel.name
        assert again([5]).tolist() == [expected(5, **ARTICLE)]


@pytest.mark.parametrize("path_name", paths())
def test_the_environment_chooses_the_path(path_name: str) -> None:
    program = (
        "from flowlike.native import logistic_map\n"
        "print(logistic_map([5], num=10, p=6700417, mu=22)[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FLOWLIKE_CPU": path_name},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) == expected(5, **ARTICLE)


def test_an_unknown_path_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from flowlike.native import logistic_map"],
        env={**os.environ, "FLOWLIKE_CPU": "abacus"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "FLOWLIKE_CPU must be one of" in run.stderr
