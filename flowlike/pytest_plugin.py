"""Fixtures for pytest, which finds them by itself where flowlike is installed.

``run_virtual``
    is :func:`flowlike.testing.run`: ``run_virtual(main())`` runs a coroutine on a loop with a
    virtual clock.
``run_interleaved``
    is the same under seeds: the test runs once for each, ``test_name[seed0]`` and so on, so that
    ``pytest 'file.py::test_name[seed7]'`` repeats an interleaving that failed.

``--interleavings=N`` says how many seeds (10), ``@pytest.mark.interleavings(N)`` the same for one
test, and ``--interleaving-seed=S`` runs only that one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

__all__ = ["run_interleaved", "run_virtual"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options to pytest's own."""
    group = parser.getgroup("flowlike", "flowlike: interleavings of stages and tasks")
    group.addoption(
        "--interleavings",
        type=int,
        default=10,
        metavar="N",
        help="run each test that uses run_interleaved under N seeds (default: 10)",
    )
    group.addoption(
        "--interleaving-seed",
        type=int,
        default=None,
        metavar="SEED",
        help="run each test that uses run_interleaved under this seed only",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "interleavings(number): how many seeds the test's run_interleaved has"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses ``run_interleaved`` once for each seed.

    Raises:
        UsageError: there would be no seed.
    """
    if "run_interleaved" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("interleavings")
    number = metafunc.config.getoption("--interleavings") if mark is None else mark.args[0]
    if number < 1:
        raise pytest.UsageError(f"interleavings must be at least 1, not {number}")
    only = metafunc.config.getoption("--interleaving-seed")
    seeds = range(number) if only is None else [only]
    names = [f"seed{seed}" for seed in seeds]
    metafunc.parametrize("run_interleaved", seeds, indirect=True, ids=names)


# The test kit is imported by the tests that use it: the others do not wait for it.


@pytest.fixture
def run_virtual() -> Callable[..., Any]:
    """Runs a coroutine to its end on a new loop with a virtual clock; returns its result."""
    from flowlike.testing import run  # noqa: PLC0415 - see above

    return run


@pytest.fixture
def run_interleaved(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """As ``run_virtual``, under one seed after the other."""
    from flowlike.testing import run  # noqa: PLC0415 - see above

    return partial(run, seed=request.param)
