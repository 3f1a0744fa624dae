"""Exceptions on their way between processes."""

import pickle
import threading

import pytest

from flowlike import RemoteError
from flowlike.carried import CarriedError


def carried(error):
    """The error as it arrives after it was raised."""
    with pytest.raises(type(error)) as caught:
        raise error
    return pickle.loads(pickle.dumps(CarriedError.of(caught.value))).open()


class Picky(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")


class Silent(Exception):
    def __init__(self):
        self.lock = threading.Lock()

    def __str__(self):
        raise RuntimeError


def test_type_arguments_notes_and_traceback_arrive():
    error = KeyError("a", 2)
    error.add_note("in map(f)")
    got = carried(error)
    assert type(got) is KeyError
    assert got.args == ("a", 2)
    assert got.__notes__[0] == "in map(f)"
    assert got.__notes__.count("in map(f)") == 1
    assert "raise error" in got.__notes__[1]


def test_the_cause_arrives():
    error = ValueError("late")
    error.__cause__ = OSError(2, "gone")
    cause = carried(error).__cause__
    assert type(cause) is FileNotFoundError
    assert cause.errno == 2


@pytest.mark.parametrize("error", [Picky(3, "no"), ValueError(threading.Lock()), Silent()])
def test_what_cannot_be_made_again_is_described(error):
    got = carried(error)
    assert isinstance(got, RemoteError)
    assert got.kind.endswith(type(error).__qualname__)
    assert got.kind in str(got)
    if isinstance(error, Picky):
        assert got.text == "3: no"


def test_a_local_class_arrives_as_itself():
    class Own(Exception):
        pass

    assert type(carried(Own("x"))) is Own


def test_causes_that_go_in_circles_end():
    one, two = ValueError(1), ValueError(2)
    one.__cause__, two.__cause__ = two, one
    assert carried(one).__cause__.args == (2,)
