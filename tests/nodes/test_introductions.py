"""Workers are linked with each other, and few files are on the way at once."""

import os
import socket
from collections import Counter

import pytest

from flowlike.nodes.channel import receive_end
from flowlike.nodes.introductions import Introductions


class Messages:
    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


class Member:
    """A worker as it is introduced."""

    def __init__(self, number):
        self.number = number
        self.name = f"worker {number}"
        self.link = Messages()
        self.ends, self.there = socket.socketpair()
        self.received = 0

    def receive(self):
        """Take the next end; false if none is there."""
        if self.received == len(self.link.sent):
            return False
        receive_end(self.there).close()
        self.received += 1
        return True

    def close(self):
        self.ends.close()
        self.there.close()


@pytest.fixture
def members():
    made = [Member(number) for number in range(1, 13)]
    yield made
    for each in made:
        each.close()


def met(members):
    """Who was told of whom, how often."""
    return Counter((each.number, message.node) for each in members for message in each.link.sent)


def every_pair(members):
    numbers = [each.number for each in members]
    return Counter((one, other) for one in numbers for other in numbers if one != other)


def receive_all(introductions, members):
    most = 0
    while True:
        most = max(most, sum(len(each.link.sent) - each.received for each in members))
        for each in members:
            if each.receive():
                introductions.received(each)
                break
        else:
            return most


def test_every_two_meet_once_a_few_at_a_time(members):
    introductions, done = Introductions(), []
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    introductions.begin(members)
    introductions.then(lambda: done.append(met(members)))
    assert not done
    assert receive_all(introductions, members) <= 34
    assert met(members) == every_pair(members)
    assert done == [every_pair(members)], "what comes after that, once"
    introductions.begin(members)
    assert met(members) == every_pair(members), "they know each other"
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_one_that_is_gone_is_not_waited_for(members):
    introductions, done = Introductions(), []
    introductions.begin(members)
    introductions.then(lambda: done.append(1))
    introductions.forget(members[0])
    receive_all(introductions, members[1:])
    assert done
    assert every_pair(members[1:]) - met(members) == Counter()


def test_what_a_run_has_not_come_to_the_next_one_does(members):
    introductions, done = Introductions(), []
    introductions.begin(members)
    introductions.then(lambda: done.append("late"))
    introductions.finish()
    receive_all(introductions, members)
    assert not done
    introductions.begin(members)
    introductions.then(lambda: done.append("now"))
    receive_all(introductions, members)
    assert met(members) == every_pair(members)
    assert done == ["now"]


def test_one_that_is_dead_fails_nothing(members):
    members[3].there.close()
    introductions = Introductions()
    introductions.begin(members)
    receive_all(introductions, [each for each in members if each is not members[3]])
    assert not members[3].link.sent, "it would wait for an end that does not come"
