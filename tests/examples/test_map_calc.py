"""The article's eight programs against integers of any size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logistic_map import map_calc

PROGRAMS = [getattr(map_calc, f"map_calc{number}") for number in range(1, 9)]
NATIVE = PROGRAMS[4:]
LEAST, GREATEST = -(2**63), 2**63 - 1

Program = Callable[[Any, int, int, int, int], Any]
programs = pytest.mark.parametrize("program", PROGRAMS)
stages = pytest.mark.parametrize("stages", [1, 2, 7])


def reference(xs: Any, num: int, p: int, mu: int) -> list[int]:
    results = []
    for x in map(int, xs):
        for _ in range(num):
            dividend = mu * x * (x + 1)
            x = abs(dividend) % abs(p) * (1 if dividend >= 0 else -1)  # noqa: PLW2901
        results.append(x)
    return results


def same(found: Any, expected: list[int], stages: int) -> bool:
    """Equal; in any order where the order is free."""
    return list(found) == expected if stages <= 1 else sorted(found) == sorted(expected)


@programs
@stages
@pytest.mark.parametrize("mu", [22, -22])
@pytest.mark.parametrize(
    "xs",
    [
        range(1, 5000),
        range(3000, -3000, -7),
        list(range(-50, 50)) * 30,
        [LEAST, LEAST + 1, -2, -1, 0, 1, 2, GREATEST - 1, GREATEST],
        [5],
        [],
        range(0),
    ],
    ids=["range", "range down", "list", "extremes", "one", "no list", "no range"],
)
def test_lists_and_ranges(program: Program, xs: Any, mu: int, stages: int) -> None:
    found = program(xs, 10, 6700417, mu, stages)
    assert type(found) is list
    assert all(type(x) is int for x in found)
    assert same(found, reference(xs, 10, 6700417, mu), stages)


@programs
@stages
@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 3 * 1024 + 1])
def test_arrays(program: Program, size: int, stages: int) -> None:
    xs = np.arange(-7, size - 7)
    found = program(xs, 10, -6700417, 22, stages)
    assert type(found) is np.ndarray
    assert found.dtype == np.int64
    assert same(found.tolist(), reference(xs, 10, 6700417, 22), stages)
    assert xs.tolist() == list(range(-7, size - 7))


@programs
@stages
@pytest.mark.parametrize("p", [1, -1, 2, 2**31, 2**62 + 1, GREATEST, LEAST])
@pytest.mark.parametrize("mu", [0, 1, -3, GREATEST, LEAST])
def test_parameters(program: Program, p: int, mu: int, stages: int) -> None:
    xs = [LEAST, -12345678901, -3, 0, 1, 99, 2**40, GREATEST]
    assert same(program(xs, 10, p, mu, stages), reference(xs, 10, p, mu), stages)


@stages
@pytest.mark.parametrize("program", [PROGRAMS[0], *PROGRAMS[3:]])
@pytest.mark.parametrize("num", [-1, 0, 1, 3])
def test_other_numbers_of_rounds(program: Program, num: int, stages: int) -> None:
    xs = list(range(-20, 20))
    assert same(program(xs, num, 97, -5, stages), reference(xs, num, 97, -5), stages)


@settings(max_examples=30)
@given(
    xs=st.lists(st.integers(LEAST, GREATEST), max_size=50),
    p=st.integers(LEAST, GREATEST).filter(bool),
    mu=st.integers(LEAST, GREATEST),
)
def test_any_integers(xs: list[int], p: int, mu: int) -> None:
    expected = reference(xs, 10, p, mu)
    for program in PROGRAMS:
        assert program(xs, 10, p, mu, 1) == expected
        assert sorted(program(xs, 10, p, mu, 2)) == sorted(expected)


@programs
@pytest.mark.parametrize("stages", [0, -3])
def test_without_stages_there_is_no_flow(program: Program, stages: int) -> None:
    assert program(range(9), 10, 97, 5, stages) == reference(range(9), 10, 97, 5)


def test_beyond_int64_in_pure_python() -> None:
    xs, p, mu = [-(2**70), 2**64 + 1, 2**200], 2**90 + 7, -(2**80)
    for program in PROGRAMS[:4]:
        assert sorted(program(xs, 10, p, mu, 2)) == sorted(reference(xs, 10, p, mu))


@programs
@stages
@pytest.mark.parametrize("xs", [[1, 2, 3], [], range(0), np.empty(0, np.int64)])
def test_p_is_0(program: Program, xs: Any, stages: int) -> None:
    with pytest.raises(ZeroDivisionError, match="p must not be 0"):
        program(xs, 10, 0, 22, stages)


@stages
@pytest.mark.parametrize("program", PROGRAMS[1:3])
@pytest.mark.parametrize("num", [0, 9, 11])
def test_ten_rounds_are_written_out(program: Program, num: int, stages: int) -> None:
    with pytest.raises(ValueError, match=f"num must be 10, not {num}"):
        program([1], num, 97, 5, stages)


@stages
@pytest.mark.parametrize("program", NATIVE)
@pytest.mark.parametrize("xs", [[1, 2.5], [None], ["1"], np.array([1.0, float("nan")])])
def test_what_is_no_integer(program: Program, xs: Any, stages: int) -> None:
    with pytest.raises(TypeError):
        program(xs, 10, 97, 5, stages)


@stages
@pytest.mark.parametrize("program", NATIVE)
@pytest.mark.parametrize("beyond", [GREATEST + 1, LEAST - 1, 2**80])
def test_what_does_not_fit_int64(program: Program, beyond: int, stages: int) -> None:
    with pytest.raises(OverflowError):
        program([1, beyond], 10, 97, 5, stages)
    with pytest.raises(OverflowError):
        program([1, 2], 10, beyond, 5, stages)
    with pytest.raises(OverflowError):
        program([1, 2], 10, 97, beyond, stages)


@programs
@stages
def test_floats_in_an_array_are_not_rounded(program: Program, stages: int) -> None:
    with pytest.raises(TypeError):
        program(np.array([1.5, 2.5]), 10, 97, 5, stages)
