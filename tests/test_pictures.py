"""The pictures of the documentation are what their programs draw, of runs that keep the laws."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pictures import PICTURES, demand, laws, lifecycle, termination
from pictures.recording import Recording, record

from flowlike import Consumer, Producer, ProducerConsumer
from flowlike.stages.messages import Ended, Events

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "pictures"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_its_program_draws(name: str) -> None:
    drawn = PICTURES[name]()
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn, "draw it again: make pictures"
    ET.fromstring(drawn)


def test_there_is_no_other_picture() -> None:
    assert {file.name for file in FOLDER.glob("*.svg")} == set(PICTURES)


def test_every_picture_stands_in_a_page_and_says_what_it_shows() -> None:
    shown = set()
    for page in DOCS.rglob("*.md"):
        for words, place in re.findall(r"!\[([^\]]*)\]\((\S+?)\)", page.read_text("utf-8")):
            file = (page.parent / place).resolve()
            assert file.is_file(), f"{page.name} shows {place}"
            assert len(words) > 50, f"{page.name} says little of {place}"
            shown.add(file.name)
    assert shown == set(PICTURES)


def test_what_is_delivered_in_the_picture_of_the_laws_was_asked_for_and_emitted() -> None:
    rises = laws.counts(record(laws.run))
    assert all(rises.values())

    def at(line: str, time: float) -> int:
        return max((count for when, count in rises[line] if when <= time), default=0)

    for time, _ in [rise for line in rises.values() for rise in line]:
        assert at("handled", time) <= at("delivered", time)
        assert at("delivered", time) <= min(at("asked for", time), at("emitted", time))


def test_the_picture_of_the_lifecycle_has_every_callback() -> None:
    kinds = (Producer, ProducerConsumer, Consumer)
    callbacks = {name for kind in kinds for name in dir(kind) if re.match("on_|handle_", name)}
    assert callbacks == set(re.findall(r"\b(?:on|handle)_\w+", lifecycle.draw()))


@pytest.mark.parametrize("run", [demand.run, termination.run, laws.run])
def test_a_recorded_run_is_the_same_each_time(run: Any) -> None:
    first, second = record(run), record(run)
    assert list(map(_shown, first.steps)) == list(map(_shown, second.steps))


def test_the_word_of_the_end_comes_behind_the_last_events() -> None:
    recording = record(termination.run)
    for receiver in ("Tens", "Slow"):
        came = _messages(recording, receiver)
        assert came[-1] is Ended
        assert set(came[:-1]) == {Events}


def _messages(recording: Recording, receiver: str) -> list[type]:
    return [
        type(step.message)
        for step in recording.steps
        if getattr(step, "receiver", None) == receiver and type(step.message) in {Events, Ended}
    ]


def _shown(step: Any) -> str:
    """A step without what no picture shows: the numbers of subscriptions."""
    return re.sub(r"subscription=\d+", "", repr(step))
