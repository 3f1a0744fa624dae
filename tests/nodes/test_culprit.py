"""What keeps a function from being pickled is named."""

import functools
import operator
import sys
import threading
from pathlib import Path

import pytest

from flowlike import Retry
from flowlike.nodes.culprit import find_culprit


class Holder:
    def __init__(self, held):
        self.held = held

    def method(self, n):
        return n

    def __call__(self, n):
        return n


LOCK = threading.Lock()


def closing_over(value):
    return lambda n: (n, value)


def using_a_global():
    # As a function of __main__ would.
    names = {"LOCK": LOCK, "__name__": "__main__"}
    exec("def use(n):\n    return [LOCK for _ in range(n)]", names)
    return names["use"]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (closing_over(LOCK), "value, in the closure of closing_over"),
        (closing_over(n for n in range(3)), "is a generator"),
        (closing_over([1, {"a": LOCK}]), "'a', in a dict, is a lock"),
        (Holder(LOCK).method, "held, an attribute of a Holder, is a lock"),
        (Holder(LOCK), "held, an attribute of a Holder"),
        (Retry(times=1, on=ValueError, then=Holder(LOCK).method), "held, an attribute of a Holder"),
        (functools.partial(operator.add, LOCK), "argument 0 of a partial of add"),
        (functools.partial(print, file=LOCK), "file, an argument of a partial of print"),
        (lambda n, lock=LOCK: n, "a default argument of"),
        (using_a_global(), "LOCK, a global that use uses, is a lock"),
    ],
)
def test_it_is_found_where_it_is(function, says):
    found = find_culprit(function)
    assert found is not None
    assert says in found.text


def test_an_open_file_is_refused_and_standard_output_is_not():
    with Path(__file__).open() as file:
        found = find_culprit(closing_over(file))
        assert found is not None
        assert "value, in the closure" in found.text
        assert "an open file" in found.text
    assert find_culprit(closing_over(sys.stderr)) is None


@pytest.mark.parametrize(
    "function", [len, operator.itemgetter(1), closing_over(3), Holder(2).method, str.upper]
)
def test_what_can_be_pickled_has_none(function):
    assert find_culprit(function) is None
