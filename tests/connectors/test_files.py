"""Open files as sources: who has to watch how long a line takes."""

import io
import os

import pytest

from flowlike import Flow
from flowlike.connectors import Source


@pytest.mark.parametrize("mode", ["r", "rb"])
def test_a_file_on_disk_is_at_hand(tmp_path, mode):
    path = tmp_path / "lines.txt"
    path.write_text("to be\nor not\n" * 3000)
    with path.open(mode) as file:
        producer = Source(file).open()
        assert not producer._may_switch
    with path.open(mode) as file:
        lines = Flow.from_iterable(file).to_list()
    with path.open(mode) as file:
        assert lines == list(file)


def test_a_pipe_may_be_slow():
    reading, writing = os.pipe()
    with os.fdopen(reading) as file, os.fdopen(writing, "w") as other:
        assert Source(file).open()._may_switch
        other.write("to be\n")


@pytest.mark.parametrize("file", [io.StringIO("a\nb\n"), io.BytesIO(b"a\nb\n")])
def test_a_file_in_memory_is_watched_as_any_iterator(file):
    assert Source(file).open()._may_switch
    assert len(Flow.from_iterable(file).to_list()) == 2


def test_a_file_that_is_closed(tmp_path):
    path = tmp_path / "lines.txt"
    path.touch()
    with path.open() as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        Flow.from_iterable(file).to_list()
