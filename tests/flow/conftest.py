"""What the behaviour tests of flows run on, and a probe for calls at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from contract import HERE, PLACES, REASONS, default_runner, fewer_examples
from notes import Notes

from flowlike import ProcessRunner


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs here and in processes, if it does not say why it cannot."""
    mark = metafunc.definition.get_closest_marker("here_only")
    if mark is None:
        metafunc.parametrize("place", PLACES, indirect=True, scope="module")
    elif mark.args[0] not in REASONS:
        raise ValueError(f"{metafunc.definition.nodeid}: here_only has one of {[*REASONS]}")


def pytest_report_collectionfinish(items: list[pytest.Item]) -> str:
    """How many tests of flows do not run everywhere, and why."""
    marks = [item.get_closest_marker("here_only") for item in items]
    reasons = Counter(mark.args[0] for mark in marks if mark is not None)
    if not reasons:
        return ""
    told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
    both = sum(
        getattr(item, "callspec", None) is not None and item.callspec.params.get("place") == HERE
        for item in items
    )
    return f"flows on every runner: {both} tests, in this process only: {reasons.total()} ({told})"


@pytest.fixture(scope="session")
def workers() -> Iterator[ProcessRunner]:
    """Two workers, warm for all tests together."""
    with ProcessRunner(2) as runner:
        yield runner


@pytest.fixture(scope="module", autouse=True)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where flows run that name no runner."""
    found: str = getattr(request, "param", HERE)
    if found == HERE:
        yield found
        return
    with default_runner(request.getfixturevalue("workers")):
        yield found


@pytest.fixture(autouse=True)
def few_examples(request: pytest.FixtureRequest, place: str) -> Iterator[None]:
    """Laws have fewer examples where each takes longer."""
    if place == HERE:
        yield
        return
    with fewer_examples(request.function):
        yield


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Notes]:
    """``notes()``: a new `Notes`."""
    folder = tmp_path_factory.mktemp("notes")
    numbers = count()
    return lambda: Notes(folder / str(next(numbers)))


class AtOnce:
    """Counts how many calls are inside at the same time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.fixture
def at_once() -> AtOnce:
    """``with at_once:`` around what is counted, then ``at_once.most``."""
    return AtOnce()
